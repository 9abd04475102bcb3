internal import SiltBytes

/// A row key or family with places to fill: `{key}`, `{field}`, `{window.start}`, `{window.end}`, `{window.name}`.
///
/// Times can have a form: none is decimal milliseconds, `:key` is 16 hex digits that sort, `:rev` the same newest
/// first, `:iso` is RFC 3339. `{{` and `}}` are braces.
struct RowTemplate: Hashable, Sendable {
    /// How a time is written.
    enum TimeForm: Hashable, Sendable { case decimal, key, reversed, iso }

    /// A piece of the template.
    enum Part: Hashable, Sendable {
        case literal([UInt8])
        case key
        case field([String])
        case start(TimeForm)
        case end(TimeForm)
        case windowName
    }

    var parts: [Part] = []

    /// No parts.
    init() {}

    /// Parses a template; the error's column counts from 0.
    init(_ text: String) throws(ExpressionError) {
        let characters = Array(text)
        var literal = ""
        var index = 0
        while index < characters.count {
            let character = characters[index]
            let isDoubled = index + 1 < characters.count && characters[index + 1] == character
            if character == "{" || character == "}", isDoubled {
                literal.append(character)
                index += 2
            } else if character == "}" {
                throw ExpressionError(
                    column: index, message: "'}' without '{'; write '}}' for a brace")
            } else if character == "{" {
                guard let end = characters[index...].firstIndex(of: "}") else {
                    throw ExpressionError(
                        column: index, message: "'{' without '}'; write '{{' for a brace")
                }
                if !literal.isEmpty { parts.append(.literal(Array(literal.utf8))) }
                literal = ""
                parts.append(
                    try RowTemplate.part(String(characters[(index + 1)..<end]), column: index + 1))
                index = end + 1
            } else {
                literal.append(character)
                index += 1
            }
        }
        if !literal.isEmpty { parts.append(.literal(Array(literal.utf8))) }
    }

    private static func part(_ text: String, column: Int) throws(ExpressionError) -> Part {
        let pieces = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(pieces[0])
        guard name == "window.start" || name == "window.end" else {
            if pieces.count > 1 {
                throw ExpressionError(
                    column: column, message: "only window.start and window.end have a form")
            }
            switch name {
            case "key": return .key
            case "window.name": return .windowName
            default:
                guard case .field(let path, _) = try? ExpressionParser.parse(name) else {
                    throw ExpressionError(
                        column: column,
                        message:
                            "'{\(name)}' is neither a key field nor key, window.start, window.end or window.name"
                    )
                }
                return .field(path)
            }
        }
        let form: TimeForm
        switch pieces.count == 1 ? "" : String(pieces[1]) {
        case "" where pieces.count == 1: form = .decimal
        case "key": form = .key
        case "rev": form = .reversed
        case "iso": form = .iso
        default:
            throw ExpressionError(
                column: column, message: "a time's form is key, rev or iso, not '\(pieces[1])'")
        }
        return name == "window.start" ? .start(form) : .end(form)
    }

    /// The text of a template that holds nothing but literals and window names.
    func text(windowName: String) -> String {
        var bytes: [UInt8] = []
        for part in parts {
            switch part {
            case .literal(let literal): bytes.append(contentsOf: literal)
            case .windowName: bytes.append(contentsOf: windowName.utf8)
            default: break
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends a time in a form.
    static func append(_ milliseconds: Int64, _ form: TimeForm, to bytes: inout [UInt8]) {
        switch form {
        case .decimal: DecimalText.append(milliseconds, to: &bytes)
        case .key: appendHexadecimal(UInt64(bitPattern: milliseconds) ^ 1 << 63, to: &bytes)
        case .reversed: appendHexadecimal(~(UInt64(bitPattern: milliseconds) ^ 1 << 63), to: &bytes)
        case .iso: CivilTime.append(milliseconds, to: &bytes)
        }
    }

    private static func appendHexadecimal(_ value: UInt64, to bytes: inout [UInt8]) {
        bytes.append(addingCapacity: 16) { room in
            for shift in stride(from: UInt64(60), through: 0, by: -4) {
                let digit = UInt8(truncatingIfNeeded: value >> shift & 15)
                room.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
            }
        }
    }
}
