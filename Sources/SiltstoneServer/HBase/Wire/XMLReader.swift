import SiltModel

/// Reads XML from front to back: elements, attributes and text, and nothing that could do harm.
///
/// Document types and with them entities of one's own are refused; name spaces' prefixes are dropped.
struct XMLReader {
    /// What comes next.
    enum Event {
        case start(name: String, attributes: [(name: String, value: String)])
        case text(String)
        case end(name: String)
    }

    private static let depthMax = 32
    private static let attributeCountMax = 256

    private let bytes: [UInt8]
    private var offset = 0
    /// The names of the open elements, with their prefixes.
    private var open: [String] = []
    /// An empty element `<a/>` ends by itself.
    private var endsAtOnce = false
    private var hasRoot = false

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) { offset = 3 }
    }

    private func refuse(_ reason: String) -> SiltstoneError {
        SiltstoneError(.invalidArgument, "body is not XML: \(reason) at=\(offset)")
    }

    /// The next event; `nil` after the root element's end.
    mutating func next() throws(SiltstoneError) -> Event? {
        if endsAtOnce, let name = open.popLast() {
            endsAtOnce = false
            return .end(name: Self.local(name))
        }
        while offset < bytes.count {
            if bytes[offset] != UInt8(ascii: "<") {
                let text = try takeText()
                if open.isEmpty {
                    guard text.allSatisfy(\.isWhitespace) else {
                        throw refuse("text stands outside of elements")
                    }
                    continue
                }
                return .text(text)
            }
            if starts(with: "<?") {
                try skip(past: "?>")
            } else if starts(with: "<!--") {
                try skip(past: "-->")
            } else if starts(with: "<![CDATA["), !open.isEmpty {
                offset += 9
                let start = offset
                try skip(past: "]]>")
                return .text(try string(start..<offset - 3))
            } else if starts(with: "<!") {
                throw refuse("document types are not accepted")
            } else if starts(with: "</") {
                return try takeEnd()
            } else {
                return try takeStart()
            }
        }
        guard open.isEmpty, hasRoot else { throw refuse("it ends too early") }
        return nil
    }

    // MARK: Tags

    private mutating func takeStart() throws(SiltstoneError) -> Event {
        guard !open.isEmpty || !hasRoot else { throw refuse("there is a second root element") }
        guard open.count < Self.depthMax else { throw refuse("elements nest too deep") }
        hasRoot = true
        offset += 1
        let name = try takeName()
        var attributes: [(name: String, value: String)] = []
        while true {
            let hadSpace = skipSpace()
            guard let byte = peek() else { throw refuse("a tag does not end") }
            if byte == UInt8(ascii: ">") {
                offset += 1
                break
            }
            if byte == UInt8(ascii: "/") {
                offset += 1
                guard peek() == UInt8(ascii: ">") else { throw refuse("a tag does not end") }
                offset += 1
                endsAtOnce = true
                break
            }
            guard hadSpace, attributes.count < Self.attributeCountMax else {
                throw refuse("a tag has what is no attribute")
            }
            attributes.append(try takeAttribute())
        }
        open.append(name)
        return .start(name: Self.local(name), attributes: attributes)
    }

    private mutating func takeAttribute() throws(SiltstoneError) -> (name: String, value: String) {
        let name = try takeName()
        _ = skipSpace()
        guard peek() == UInt8(ascii: "=") else { throw refuse("an attribute has no value") }
        offset += 1
        _ = skipSpace()
        guard let quote = peek(), quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else {
            throw refuse("an attribute's value has no quotes")
        }
        offset += 1
        let start = offset
        while let byte = peek(), byte != quote {
            guard byte != UInt8(ascii: "<") else { throw refuse("an attribute's value holds '<'") }
            offset += 1
        }
        guard peek() == quote else { throw refuse("an attribute's value does not end") }
        let value = try unescape(start..<offset)
        offset += 1
        return (Self.local(name), value)
    }

    private mutating func takeEnd() throws(SiltstoneError) -> Event {
        offset += 2
        let name = try takeName()
        _ = skipSpace()
        guard peek() == UInt8(ascii: ">") else { throw refuse("a tag does not end") }
        offset += 1
        guard open.popLast() == name else { throw refuse("an end tag has no start tag") }
        return .end(name: Self.local(name))
    }

    private mutating func takeName() throws(SiltstoneError) -> String {
        let start = offset
        while let byte = peek() {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "_"), UInt8(ascii: ":"), 0x80...0xff:
                break
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."):
                if offset == start { throw refuse("a name begins wrongly") }
            default:
                guard offset > start else { throw refuse("a name is missing") }
                return try string(start..<offset)
            }
            offset += 1
        }
        throw refuse("it ends within a name")
    }

    /// A name without the prefix of its name space.
    private static func local(_ name: String) -> String {
        name.lastIndex(of: ":").map { String(name[name.index(after: $0)...]) } ?? name
    }

    // MARK: Text

    private mutating func takeText() throws(SiltstoneError) -> String {
        let start = offset
        while let byte = peek(), byte != UInt8(ascii: "<") { offset += 1 }
        return try unescape(start..<offset)
    }

    private func string(_ range: Range<Int>) throws(SiltstoneError) -> String {
        guard let text = String(validating: bytes[range], as: UTF8.self) else {
            throw refuse("it is not UTF-8")
        }
        return text
    }

    /// The text of a range with its five entities and its character references replaced.
    private func unescape(_ range: Range<Int>) throws(SiltstoneError) -> String {
        guard bytes[range].contains(UInt8(ascii: "&")) else { return try string(range) }
        var result: [UInt8] = []
        var index = range.lowerBound
        while index < range.upperBound {
            guard bytes[index] == UInt8(ascii: "&") else {
                result.append(bytes[index])
                index += 1
                continue
            }
            guard let end = bytes[index..<min(index + 12, range.upperBound)].firstIndex(of: 0x3b)
            else { throw refuse("an entity does not end") }
            let name = String(decoding: bytes[index + 1..<end], as: UTF8.self)
            result.append(
                contentsOf: try Self.entity(name, or: refuse("an entity is unknown")).utf8)
            index = end + 1
        }
        guard let text = String(validating: result, as: UTF8.self) else {
            throw refuse("it is not UTF-8")
        }
        return text
    }

    private static func entity(_ name: String, or error: SiltstoneError) throws(SiltstoneError)
        -> String
    {
        switch name {
        case "amp": return "&"
        case "lt": return "<"
        case "gt": return ">"
        case "quot": return "\""
        case "apos": return "'"
        default:
            guard name.hasPrefix("#") else { throw error }
            let digits = name.dropFirst()
            let number =
                digits.hasPrefix("x") ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits)
            guard let number, number > 0, let scalar = Unicode.Scalar(number) else { throw error }
            return String(Character(scalar))
        }
    }

    // MARK: Bytes

    private func peek() -> UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private func starts(with text: StaticString) -> Bool {
        bytes[offset...].starts(with: text.description.utf8)
    }

    private mutating func skipSpace() -> Bool {
        let start = offset
        while let byte = peek(), byte == 0x20 || (0x09...0x0d).contains(byte) { offset += 1 }
        return offset > start
    }

    private mutating func skip(past text: StaticString) throws(SiltstoneError) {
        let wanted = Array(text.description.utf8)
        while offset + wanted.count <= bytes.count {
            if bytes[offset..<offset + wanted.count].elementsEqual(wanted) {
                offset += wanted.count
                return
            }
            offset += 1
        }
        throw refuse("it ends too early")
    }
}

/// A small XML document as a tree.
struct XMLElement {
    private static let elementCountMax = 10_000

    let name: String
    let attributes: [(name: String, value: String)]
    var children: [XMLElement] = []
    var text = ""

    /// Reads a whole document.
    static func parse(_ bytes: [UInt8]) throws(SiltstoneError) -> XMLElement {
        var reader = XMLReader(bytes)
        var path: [XMLElement] = []
        var count = 0
        var root: XMLElement?
        while let event = try reader.next() {
            switch event {
            case .start(let name, let attributes):
                count += 1
                guard count <= elementCountMax else {
                    throw SiltstoneError(.invalidArgument, "body has too many XML elements")
                }
                path.append(XMLElement(name: name, attributes: attributes))
            case .text(let text): path[path.count - 1].text += text
            case .end:
                guard let last = path.popLast() else { continue }
                if path.isEmpty { root = last } else { path[path.count - 1].children.append(last) }
            }
        }
        guard let root else {
            throw SiltstoneError(.invalidArgument, "body is not XML: it is empty")
        }
        return root
    }

    /// An attribute's value.
    subscript(name: String) -> String? { attributes.first { $0.name == name }?.value }

    /// The first child of a name.
    func child(_ name: String) -> XMLElement? { children.first { $0.name == name } }
}
