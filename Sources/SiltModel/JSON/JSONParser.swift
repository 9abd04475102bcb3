internal import SiltBytes

/// Parses one JSON text into a `JSONValue`.
struct JSONParser {
    private var scanner: JSONScanner
    private let depthLimit: Int

    init(_ bytes: [UInt8], depthLimit: Int) {
        scanner = JSONScanner(bytes)
        self.depthLimit = depthLimit
    }

    mutating func parseText() throws(DecodingError) -> JSONValue {
        let value = try parseValue(depth: 0)
        guard scanner.peek() == nil else {
            throw scanner.error("text goes on after the JSON value")
        }
        return value
    }

    private mutating func parseValue(depth: Int) throws(DecodingError) -> JSONValue {
        guard let byte = scanner.peek() else {
            throw scanner.error("text ends where a value should be")
        }
        switch byte {
        case 0x7b: return try parseObject(depth: depth)
        case 0x5b: return try parseArray(depth: depth)
        case 0x22: return .string(try scanner.scanString())
        case 0x74:
            try scanner.scanLiteral("true")
            return .bool(true)
        case 0x66:
            try scanner.scanLiteral("false")
            return .bool(false)
        case 0x6e:
            try scanner.scanLiteral("null")
            return .null
        default: return try scanner.scanNumber()
        }
    }

    private mutating func enter(depth: Int) throws(DecodingError) {
        guard depth < depthLimit else {
            throw scanner.error("value nests too deep limit=\(depthLimit)")
        }
        scanner.offset += 1
    }

    private mutating func parseArray(depth: Int) throws(DecodingError) -> JSONValue {
        try enter(depth: depth)
        var elements: [JSONValue] = []
        if scanner.take(0x5d) { return .array(elements) }
        repeat { elements.append(try parseValue(depth: depth + 1)) } while scanner.take(0x2c)
        guard scanner.take(0x5d) else { throw scanner.error("array has no ']' here") }
        return .array(elements)
    }

    private mutating func parseObject(depth: Int) throws(DecodingError) -> JSONValue {
        try enter(depth: depth)
        var members: [JSONValue.Member] = []
        if scanner.take(0x7d) { return .object(members) }
        repeat {
            guard scanner.peek() == 0x22 else { throw scanner.error("member name is not a string") }
            let name = try scanner.scanString()
            guard scanner.take(0x3a) else { throw scanner.error("member has no ':'") }
            members.append(JSONValue.Member(name, try parseValue(depth: depth + 1)))
        } while scanner.take(0x2c)
        guard scanner.take(0x7d) else { throw scanner.error("object has no '}' here") }
        return .object(members)
    }
}
