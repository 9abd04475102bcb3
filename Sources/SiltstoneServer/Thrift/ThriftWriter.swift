/// Writes one message in the binary or the compact protocol.
struct ThriftWriter {
    private(set) var bytes: [UInt8] = []
    private let isCompact: Bool

    /// The bytes of a message, with its length before it where the client wants that.
    static func encode(_ message: ThriftMessage, _ encoding: ThriftEncoding) -> [UInt8] {
        var writer = ThriftWriter(isCompact: encoding.isCompact)
        writer.write(message)
        guard encoding.isFramed else { return writer.bytes }
        var framed = ThriftWriter(isCompact: false)
        framed.big(UInt64(writer.bytes.count), 4)
        return framed.bytes + writer.bytes
    }

    private init(isCompact: Bool) { self.isCompact = isCompact }

    private mutating func write(_ message: ThriftMessage) {
        let name = Array(message.name.utf8)
        if isCompact {
            bytes += [0x82, 1 | message.kind.rawValue << 5]
            varint(UInt64(UInt32(bitPattern: message.sequence)))
            size(name.count)
            bytes += name
        } else {
            big(0x8001_0000 | UInt64(message.kind.rawValue), 4)
            size(name.count)
            bytes += name
            big(UInt64(UInt32(bitPattern: message.sequence)), 4)
        }
        write(message.body)
    }

    private mutating func write(_ value: ThriftValue) {
        switch value {
        case .bool(let flag): bytes.append(flag ? 1 : isCompact ? 2 : 0)
        case .i8(let number): bytes.append(UInt8(bitPattern: number))
        case .i16(let number): integer(Int64(number), 2)
        case .i32(let number): integer(Int64(number), 4)
        case .i64(let number): integer(number, 8)
        case .double(let number):
            big(isCompact ? number.bitPattern.byteSwapped : number.bitPattern, 8)
        case .bytes(let text):
            size(text.count)
            bytes += text
        case .fields(let fields): write(fields)
        case .map(let keys, let values, let entries):
            if isCompact {
                size(entries.count)
                if entries.isEmpty { return }
                bytes.append(keys.compactCode << 4 | values.compactCode)
            } else {
                bytes += [keys.rawValue, values.rawValue]
                size(entries.count)
            }
            for (key, value) in entries {
                write(key)
                write(value)
            }
        case .list(let kind, let elements):
            if !isCompact {
                bytes.append(kind.rawValue)
                size(elements.count)
            } else if elements.count < 15 {
                bytes.append(UInt8(elements.count) << 4 | kind.compactCode)
            } else {
                bytes.append(0xf0 | kind.compactCode)
                size(elements.count)
            }
            for element in elements { write(element) }
        }
    }

    private mutating func write(_ fields: [(id: Int16, value: ThriftValue)]) {
        var last: Int16 = 0
        for (id, value) in fields {
            guard isCompact else {
                bytes.append(value.kind.rawValue)
                big(UInt64(UInt16(bitPattern: id)), 2)
                write(value)
                continue
            }
            var code = value.kind.compactCode
            if case .bool(let flag) = value { code = flag ? 1 : 2 }
            let step = id &- last
            if (1...15).contains(step) {
                bytes.append(UInt8(step) << 4 | code)
            } else {
                bytes.append(code)
                integer(Int64(id), 2)
            }
            last = id
            if case .bool = value { continue }
            write(value)
        }
        bytes.append(0)
    }

    private mutating func size(_ count: Int) {
        if isCompact { varint(UInt64(count)) } else { big(UInt64(count), 4) }
    }

    private mutating func integer(_ number: Int64, _ width: Int) {
        if isCompact {
            varint(UInt64(bitPattern: number << 1 ^ number >> 63))
        } else {
            big(UInt64(bitPattern: number), width)
        }
    }

    private mutating func big(_ number: UInt64, _ width: Int) {
        for index in (0..<width).reversed() {
            bytes.append(UInt8(truncatingIfNeeded: number >> UInt64(8 * index)))
        }
    }

    private mutating func varint(_ number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}
