/// Writes XML as HBase's gateway does.
struct XMLWriter {
    private(set) var bytes: [UInt8] = Array(
        #"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>"#.utf8)

    /// `<name attribute="value">`, or `<name attribute="value"/>`.
    mutating func open(
        _ name: String, _ attributes: [(String, String)] = [], isEmpty: Bool = false
    ) {
        write("<\(name)")
        for (key, value) in attributes {
            write(" \(key)=\"")
            escape(value)
            write("\"")
        }
        write(isEmpty ? "/>" : ">")
    }

    /// `</name>`.
    mutating func close(_ name: String) { write("</\(name)>") }

    /// `<name>text</name>`.
    mutating func element(_ name: String, text: String) {
        open(name)
        escape(text)
        close(name)
    }

    private mutating func write(_ text: String) { bytes.append(contentsOf: text.utf8) }

    private mutating func escape(_ text: String) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "&"): write("&amp;")
            case UInt8(ascii: "<"): write("&lt;")
            case UInt8(ascii: ">"): write("&gt;")
            case UInt8(ascii: "\""): write("&quot;")
            case 0x09, 0x0a, 0x0d: write("&#\(byte);")
            // XML has no way to write the other control characters.
            case 0..<0x20: write("?")
            default: bytes.append(byte)
            }
        }
    }

    /// Whether a text is an attribute's name as it stands.
    static func isName(_ text: String) -> Bool {
        guard let first = text.utf8.first,
            first == UInt8(ascii: "_") || (first | 0x20 >= 0x61 && first | 0x20 <= 0x7a)
        else { return false }
        return text.utf8.allSatisfy {
            ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7a) || (0x30...0x39).contains($0)
                || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
        }
    }
}
