public import SiltBytes

/// How far the clocks of a place are ahead of UTC, at all times: a time zone of the IANA database.
public struct TimeZoneRules: Hashable, Sendable {
    /// The zone's name, such as `Europe/Berlin`.
    public let name: String
    /// When the clocks were set, in seconds since 1970, and how far ahead they were from then on.
    private var transitions: [Int64] = []
    private var offsets: [Int] = []
    private var firstOffset = 0
    /// What holds after the last of the transitions.
    private var rule: YearlyClockRule?

    /// Clocks that show UTC.
    public static let utc = TimeZoneRules(name: "UTC")

    private init(name: String) { self.name = name }

    /// Reads a file of the database (RFC 8536).
    ///
    /// - Throws: when it is damaged.
    public init(name: String, file bytes: [UInt8]) throws(DecodingError) {
        self.init(name: name)
        var reader = ZoneFileReader(bytes)
        let first = try reader.readHeader()
        if first.version >= 2 {
            try reader.skipBody(first, timeBytes: 4)
            let second = try reader.readHeader()
            try readBody(second, 8, &reader)
            rule = YearlyClockRule(try reader.readFooter())
        } else {
            try readBody(first, 4, &reader)
        }
    }

    private mutating func readBody(
        _ header: ZoneFileReader.Header, _ timeBytes: Int, _ reader: inout ZoneFileReader
    ) throws(DecodingError) {
        let body = try reader.readBody(header, timeBytes: timeBytes)
        for (index, kind) in body.kinds.enumerated() {
            guard kind < body.offsets.count else { throw reader.error("a kind is out of range") }
            transitions.append(body.times[index])
            offsets.append(body.offsets[kind])
        }
        firstOffset = body.offsets.first ?? 0
    }

    /// How many seconds the clocks are ahead at a time in seconds since 1970.
    public func offset(at seconds: Int64) -> Int {
        guard let last = transitions.last, seconds < last else {
            return rule?.offset(at: seconds) ?? offsets.last ?? firstOffset
        }
        var low = 0
        var high = transitions.count
        while low < high {
            let middle = (low + high) / 2
            if transitions[middle] <= seconds { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? firstOffset : offsets[low - 1]
    }

    /// The first time at which the clocks show a local time or one past it; both in seconds.
    public func instant(ofLocal local: Int64) -> Int64 {
        let day: Int64 = 86_400
        let before = Int64(offset(at: local - 2 * day))
        let after = Int64(offset(at: local + 2 * day))
        let candidates = [local - before, local - after].sorted()
        for candidate in candidates
        where candidate + Int64(offset(at: candidate)) == local {
            return candidate
        }
        // The clocks skip it: find when they are set.
        var (low, high) = (candidates[0] - day, candidates[1] + day)
        while high - low > 1 {
            let middle = low + (high - low) / 2
            if middle + Int64(offset(at: middle)) >= local { high = middle } else { low = middle }
        }
        return high
    }
}

/// Reads the big-endian parts of a zone file.
private struct ZoneFileReader {
    struct Header {
        let version: UInt8
        let utcCount: Int
        let standardCount: Int
        let leapCount: Int
        let timeCount: Int
        let kindCount: Int
        let nameBytes: Int
    }

    struct Body {
        var times: [Int64] = []
        var kinds: [Int] = []
        var offsets: [Int] = []
    }

    private var reader: ByteReader

    init(_ bytes: [UInt8]) { reader = ByteReader(bytes) }

    func error(_ message: String) -> DecodingError { reader.error(message) }

    private mutating func readInteger(_ count: Int) throws(DecodingError) -> Int64 {
        var value: Int64 = 0
        for (index, byte) in try reader.readBytes(count).enumerated() {
            value = index == 0 ? Int64(Int8(bitPattern: byte)) : value << 8 | Int64(byte)
        }
        return value
    }

    private mutating func readCount() throws(DecodingError) -> Int {
        let count = try readInteger(4)
        guard count >= 0, count < 1 << 20 else { throw reader.error("a count is out of range") }
        return Int(count)
    }

    mutating func readHeader() throws(DecodingError) -> Header {
        guard try reader.readBytes(4) == Array("TZif".utf8) else {
            throw reader.error("not a time zone file")
        }
        let version = try reader.readUInt8()
        try reader.skip(15)
        return Header(
            version: version == 0 ? 1 : version &- 0x30, utcCount: try readCount(),
            standardCount: try readCount(), leapCount: try readCount(),
            timeCount: try readCount(), kindCount: try readCount(), nameBytes: try readCount())
    }

    mutating func skipBody(_ header: Header, timeBytes: Int) throws(DecodingError) {
        try reader.skip(
            header.timeCount * (timeBytes + 1) + header.kindCount * 6 + header.nameBytes
                + header.leapCount * (timeBytes + 4) + header.standardCount + header.utcCount)
    }

    mutating func readBody(_ header: Header, timeBytes: Int) throws(DecodingError) -> Body {
        var body = Body()
        for _ in 0..<header.timeCount { body.times.append(try readInteger(timeBytes)) }
        for _ in 0..<header.timeCount { body.kinds.append(Int(try reader.readUInt8())) }
        for _ in 0..<header.kindCount {
            body.offsets.append(Int(try readInteger(4)))
            try reader.skip(2)
        }
        try reader.skip(
            header.nameBytes + header.leapCount * (timeBytes + 4) + header.standardCount
                + header.utcCount)
        guard zip(body.times, body.times.dropFirst()).allSatisfy({ $0 < $1 }) else {
            throw reader.error("times are out of order")
        }
        return body
    }

    /// The text between two line feeds.
    mutating func readFooter() throws(DecodingError) -> String {
        guard reader.remaining > 1, try reader.readUInt8() == 0x0a else { return "" }
        let text = try reader.readBytes(reader.remaining)
        return String(decoding: text.prefix { $0 != 0x0a }, as: UTF8.self)
    }
}
