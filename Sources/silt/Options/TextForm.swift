import ArgumentParser
import SiltBytes

/// How row keys, qualifiers and values are written on the command line and printed.
enum TextForm {
    case text, hex, base64

    /// The bytes that an argument stands for.
    func decode(_ text: some StringProtocol, as what: String) throws -> Bytes {
        switch self {
        case .text: return Bytes(Array(text.utf8))
        case .hex:
            if let bytes = Hex.decode(text) { return Bytes(bytes) }
            throw ValidationError("\(what) is not an even number of hex digits: \(text)")
        case .base64:
            if let bytes = Base64.decode(text) { return Bytes(bytes) }
            throw ValidationError("\(what) is not base 64: \(text)")
        }
    }

    /// Bytes as they are printed; as text, what is not printable is written `\xNN`.
    func encode(_ bytes: Bytes) -> String {
        switch self {
        case .text: bytes.description
        case .hex: Hex.encode(bytes.array)
        case .base64: Base64.encode(bytes.array)
        }
    }
}

/// The options `--hex` and `--base64`.
struct TextFormOptions: ParsableArguments {
    @Flag(help: "Row keys, qualifiers and values are hex digits.")
    var hex = false

    @Flag(help: "Row keys, qualifiers and values are base 64.")
    var base64 = false

    func validate() throws {
        if hex, base64 { throw ValidationError("--hex and --base64 exclude each other") }
    }

    /// The form asked for.
    var form: TextForm { hex ? .hex : base64 ? .base64 : .text }
}
