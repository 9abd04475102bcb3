/// Unsafe code stands in few files, and each use says which fact it relies on.
enum UnsafeRules {
    /// The files that may touch raw memory, with the reason. Everything else is safe Swift.
    static let files: [String: String] = [:]

    /// A `// Safety:` comment covers this many lines after it, unless its function ends before.
    static let reach = 30

    static func violations(in file: SourceFile, allowed: Set<String>) -> [String] {
        var found: [String] = []
        var lastSafety: Int?
        for index in file.code.indices {
            if file.lines[index].contains("// Safety:") || file.lines[index].contains("/// Safety:") {
                lastSafety = index
            }
            let line = file.code[index]
            let touches = line.contains(/\bunsafe\b|\bUnsafe\w+|\bwithUnsafe\w+|\bUnmanaged\b/)
            if touches, !allowed.contains(file.path) {
                found.append("\(file.place(index)): unsafe code outside the listed files")
            }
            if line.contains(/\bunsafe [^,)]|@unchecked Sendable|nonisolated\(unsafe\)/) {
                if let lastSafety, index - lastSafety <= reach { continue }
                found.append("\(file.place(index)): no `// Safety:` comment names the fact relied on")
            }
        }
        return found
    }
}
