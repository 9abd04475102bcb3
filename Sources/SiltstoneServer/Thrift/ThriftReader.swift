/// Reads one message in the binary or the compact protocol.
struct ThriftReader {
    private static let depthMax = 16
    /// The values of one message at most: each takes more memory here than on the wire.
    private static let valueCountMax = 1_000_000

    private let bytes: ArraySlice<UInt8>
    private let isCompact: Bool
    private var valueCount = 0
    /// Where the next byte is.
    private(set) var offset: Int

    init(_ bytes: ArraySlice<UInt8>, isCompact: Bool) {
        self.bytes = bytes
        self.isCompact = isCompact
        offset = bytes.startIndex
    }

    mutating func message() throws(ThriftFault) -> ThriftMessage {
        isCompact ? try compactMessage() : try binaryMessage()
    }

    // MARK: Bytes

    private mutating func byte() throws(ThriftFault) -> UInt8 {
        guard offset < bytes.endIndex else { throw .incomplete }
        defer { offset += 1 }
        return bytes[offset]
    }

    private mutating func slice(_ count: Int) throws(ThriftFault) -> ArraySlice<UInt8> {
        guard count >= 0 else { throw .malformed("a length is negative") }
        guard count <= bytes.endIndex - offset else { throw .incomplete }
        defer { offset += count }
        return bytes[offset..<offset + count]
    }

    private mutating func big(_ count: Int) throws(ThriftFault) -> UInt64 {
        try slice(count).reduce(0) { $0 << 8 | UInt64($1) }
    }

    private mutating func i32() throws(ThriftFault) -> Int32 {
        Int32(bitPattern: UInt32(truncatingIfNeeded: try big(4)))
    }

    private mutating func varint() throws(ThriftFault) -> UInt64 {
        var (value, shift): (UInt64, UInt64) = (0, 0)
        while shift < 64 {
            let next = try byte()
            value |= UInt64(next & 0x7f) << shift
            if next < 0x80 { return value }
            shift += 7
        }
        throw .malformed("a number is too long")
    }

    private mutating func zigzag() throws(ThriftFault) -> Int64 {
        let number = try varint()
        return Int64(bitPattern: number >> 1) ^ -Int64(bitPattern: number & 1)
    }

    /// A length or a number of elements.
    private mutating func size() throws(ThriftFault) -> Int {
        if !isCompact { return Int(try i32()) }
        let number = try varint()
        guard number <= UInt64(Int32.max) else { throw .malformed("a length is too large") }
        return Int(number)
    }

    private mutating func text() throws(ThriftFault) -> [UInt8] { Array(try slice(try size())) }

    // MARK: Messages

    private mutating func binaryMessage() throws(ThriftFault) -> ThriftMessage {
        let head = try big(4)
        guard head >> 16 == 0x8001, let kind = ThriftMessage.Kind(rawValue: UInt8(head & 0xff))
        else {
            throw .malformed("the version of the binary protocol is not 1")
        }
        let name = String(decoding: try text(), as: UTF8.self)
        let sequence = try i32()
        return ThriftMessage(
            name: name, kind: kind, sequence: sequence, body: try value(.fields, depth: 0))
    }

    private mutating func compactMessage() throws(ThriftFault) -> ThriftMessage {
        guard try byte() == 0x82 else { throw .malformed("it is not the compact protocol") }
        let head = try byte()
        guard head & 0x1f == 1, let kind = ThriftMessage.Kind(rawValue: head >> 5) else {
            throw .malformed("the version of the compact protocol is not 1")
        }
        let sequence = Int32(truncatingIfNeeded: try varint())
        let name = String(decoding: try text(), as: UTF8.self)
        return ThriftMessage(
            name: name, kind: kind, sequence: sequence, body: try value(.fields, depth: 0))
    }

    // MARK: Values

    private mutating func value(_ kind: ThriftValue.Kind, depth: Int) throws(ThriftFault)
        -> ThriftValue
    {
        guard depth <= Self.depthMax else { throw .malformed("values nest too deep") }
        valueCount += 1
        guard valueCount <= Self.valueCountMax else { throw .malformed("it has too many values") }
        switch kind {
        case .bool: return .bool(try byte() == 1)
        case .i8: return .i8(Int8(bitPattern: try byte()))
        case .i16:
            return .i16(
                Int16(truncatingIfNeeded: isCompact ? try zigzag() : Int64(bitPattern: try big(2))))
        case .i32: return .i32(isCompact ? Int32(truncatingIfNeeded: try zigzag()) : try i32())
        case .i64: return .i64(isCompact ? try zigzag() : Int64(bitPattern: try big(8)))
        case .double:
            let bits = try big(8)
            return .double(Double(bitPattern: isCompact ? bits.byteSwapped : bits))
        case .bytes: return .bytes(try text())
        case .fields: return .fields(try fields(depth: depth))
        case .map: return try map(depth: depth)
        case .list, .set: return try list(depth: depth)
        }
    }

    private mutating func fields(depth: Int) throws(ThriftFault) -> [(
        id: Int16, value: ThriftValue
    )] {
        var fields: [(id: Int16, value: ThriftValue)] = []
        var last: Int16 = 0
        while true {
            let head = try byte()
            if head == 0 { return fields }
            guard isCompact else {
                let id = Int16(truncatingIfNeeded: Int64(bitPattern: try big(2)))
                fields.append((id, try value(try Self.kind(binary: head), depth: depth + 1)))
                continue
            }
            let id =
                head >> 4 == 0 ? Int16(truncatingIfNeeded: try zigzag()) : last &+ Int16(head >> 4)
            last = id
            // A field that is a truth value has it in its head.
            if head & 15 == 1 || head & 15 == 2 {
                fields.append((id, .bool(head & 15 == 1)))
            } else {
                fields.append((id, try value(try Self.kind(compact: head & 15), depth: depth + 1)))
            }
            valueCount += 1
            guard valueCount <= Self.valueCountMax else {
                throw .malformed("it has too many values")
            }
        }
    }

    private mutating func map(depth: Int) throws(ThriftFault) -> ThriftValue {
        let keys: ThriftValue.Kind
        let values: ThriftValue.Kind
        let count: Int
        if isCompact {
            count = try size()
            if count == 0 { return .map(.bytes, .bytes, []) }
            let kinds = try byte()
            (keys, values) = (
                try Self.kind(compact: kinds >> 4), try Self.kind(compact: kinds & 15)
            )
        } else {
            (keys, values) = (try Self.kind(binary: try byte()), try Self.kind(binary: try byte()))
            count = try size()
        }
        try check(count)
        var entries: [(key: ThriftValue, value: ThriftValue)] = []
        for _ in 0..<count {
            entries.append((try value(keys, depth: depth + 1), try value(values, depth: depth + 1)))
        }
        return .map(keys, values, entries)
    }

    private mutating func list(depth: Int) throws(ThriftFault) -> ThriftValue {
        let head = try byte()
        let kind = isCompact ? try Self.kind(compact: head & 15) : try Self.kind(binary: head)
        let count = isCompact && head >> 4 < 15 ? Int(head >> 4) : try size()
        try check(count)
        var elements: [ThriftValue] = []
        for _ in 0..<count { elements.append(try value(kind, depth: depth + 1)) }
        return .list(kind, elements)
    }

    private func check(_ count: Int) throws(ThriftFault) {
        guard count >= 0, count <= Self.valueCountMax else {
            throw .malformed("a collection's size is out of range")
        }
    }

    private static func kind(binary code: UInt8) throws(ThriftFault) -> ThriftValue.Kind {
        guard let kind = ThriftValue.Kind(rawValue: code) else {
            throw .malformed("a type is unknown")
        }
        return kind
    }

    private static func kind(compact code: UInt8) throws(ThriftFault) -> ThriftValue.Kind {
        guard let kind = ThriftValue.Kind.compact[code] else {
            throw .malformed("a type is unknown")
        }
        return kind
    }
}

extension ThriftValue.Kind {
    /// The compact protocol's codes.
    static let compact: [UInt8: ThriftValue.Kind] = [
        1: .bool, 2: .bool, 3: .i8, 4: .i16, 5: .i32, 6: .i64, 7: .double, 8: .bytes, 9: .list,
        10: .set, 11: .map, 12: .fields,
    ]

    /// The compact protocol's code.
    var compactCode: UInt8 {
        switch self {
        case .bool: 1
        case .i8: 3
        case .i16: 4
        case .i32: 5
        case .i64: 6
        case .double: 7
        case .bytes: 8
        case .list: 9
        case .set: 10
        case .map: 11
        case .fields: 12
        }
    }
}
