@main struct Silt { static func main() {} }
