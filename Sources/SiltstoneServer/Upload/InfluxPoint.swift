import SiltBytes
import SiltIngest
import SiltModel

/// Mutations from lines of Influx line protocol.
///
/// A point becomes a row whose key is its series (measurement and tags, sorted, as line protocol writes them), a blank,
/// and its time in nanoseconds in 19 digits: the points of a series lie together, in order. Its fields are columns.
struct InfluxPoint {
    /// How many nanoseconds the unit of time stamps has.
    let unitNanoseconds: Int64
    let family: String
    /// The time of points that have none, in milliseconds since 1970.
    let nowMilliseconds: Int64

    /// The nanoseconds of a precision's name, in version 1 or 2 of the API.
    static func unit(_ name: String) throws(SiltstoneError) -> Int64 {
        switch name {
        case "", "n", "ns": return 1
        case "u", "us", "µ": return 1000
        case "ms": return 1_000_000
        case "s": return 1_000_000_000
        case "m": return 60_000_000_000
        case "h": return 3_600_000_000_000
        default:
            throw SiltstoneError(
                .invalidArgument, "precision is none of ns, us, ms, s, m and h value=\(name)")
        }
    }

    /// The mutation of a line; `nil` for a comment.
    func mutation(_ line: [UInt8]) throws(SiltstoneError) -> RowMutation? {
        if line.first(where: { $0 != 0x20 && $0 != 0x09 }) == UInt8(ascii: "#") { return nil }
        var cursor = LineProtocolCursor(line, 0..<line.count)
        var key = try series(&cursor)
        guard cursor.take(0x20) else { throw Self.error("fields are missing", cursor) }
        cursor.skipBlanks()
        let fields = try fields(&cursor)
        let nanoseconds = try time(&cursor)
        let digits = String(nanoseconds)
        key.append(0x20)
        key.append(contentsOf: repeatElement(0x30, count: 19 - digits.utf8.count))
        key.append(contentsOf: digits.utf8)
        return RowMutation(
            row: Bytes(key),
            changes: fields.map {
                CellMutation(
                    Column(family, Bytes($0.name)),
                    .put(value: Bytes($0.value), timeToLiveMilliseconds: nil),
                    timestamp: nanoseconds / 1_000_000)
            })
    }

    private static func error(_ what: String, _ cursor: LineProtocolCursor) -> SiltstoneError {
        SiltstoneError(.invalidArgument, "\(what) at byte \(cursor.index)")
    }

    private func series(_ cursor: inout LineProtocolCursor) throws(SiltstoneError) -> [UInt8] {
        let measurement = cursor.takeName(stops: LineProtocolCursor.nameStops)
        guard !measurement.isEmpty else { throw Self.error("measurement is missing", cursor) }
        var tags: [(name: [UInt8], value: [UInt8])] = []
        while cursor.take(0x2c) {
            let name = cursor.takeName(stops: LineProtocolCursor.keyStops)
            guard !name.isEmpty, cursor.take(0x3d) else {
                throw Self.error("tag has no name or no '='", cursor)
            }
            let value = cursor.takeName(stops: LineProtocolCursor.keyStops)
            guard !value.isEmpty else { throw Self.error("tag has no value", cursor) }
            tags.append((name, value))
        }
        tags.sort { $0.name.lexicographicallyPrecedes($1.name) }
        for (left, right) in zip(tags, tags.dropFirst()) where left.name == right.name {
            throw Self.error("tag is given twice", cursor)
        }
        var key: [UInt8] = []
        Self.append(measurement, escaping: LineProtocolCursor.nameStops, to: &key)
        for tag in tags {
            key.append(0x2c)
            Self.append(tag.name, escaping: LineProtocolCursor.keyStops, to: &key)
            key.append(0x3d)
            Self.append(tag.value, escaping: LineProtocolCursor.keyStops, to: &key)
        }
        return key
    }

    private static func append(_ name: [UInt8], escaping stops: [UInt8], to key: inout [UInt8]) {
        for byte in name {
            if stops.contains(byte) { key.append(0x5c) }
            key.append(byte)
        }
    }

    private func fields(
        _ cursor: inout LineProtocolCursor
    ) throws(SiltstoneError) -> [(name: [UInt8], value: [UInt8])] {
        var fields: [(name: [UInt8], value: [UInt8])] = []
        repeat {
            let name = cursor.takeName(stops: LineProtocolCursor.keyStops)
            guard !name.isEmpty, cursor.take(0x3d) else {
                throw Self.error("field has no name or no '='", cursor)
            }
            if cursor.take(0x22) {
                guard let text = cursor.takeText() else {
                    throw Self.error("text of a field has no end", cursor)
                }
                fields.append((name, text))
                continue
            }
            let text = cursor.takeName(stops: LineProtocolCursor.nameStops)
            guard let value = Self.value(text) else {
                throw Self.error("field's value is none", cursor)
            }
            fields.append((name, value))
        } while cursor.take(0x2c)
        return fields
    }

    /// A number or truth value as it is stored: decimal text, `true` or `false`.
    private static func value(_ text: [UInt8]) -> [UInt8]? {
        let word = String(decoding: text, as: UTF8.self)
        switch word {
        case "t", "T", "true", "True", "TRUE": return Array("true".utf8)
        case "f", "F", "false", "False", "FALSE": return Array("false".utf8)
        default: break
        }
        switch text.last {
        case UInt8(ascii: "i"): return Int64(word.dropLast()).map { Array(String($0).utf8) }
        case UInt8(ascii: "u"): return UInt64(word.dropLast()).map { Array(String($0).utf8) }
        default: break
        }
        let isDecimal = text.allSatisfy {
            $0 &- 0x30 < 10 || $0 == 0x2d || $0 == 0x2b || $0 == 0x2e || $0 | 0x20 == 0x65
        }
        guard isDecimal, let number = Double(word), number.isFinite else { return nil }
        let isPlain = (try? JSONValue(parsing: text)) != nil
        return isPlain ? text : Array(number.description.utf8)
    }

    private func time(_ cursor: inout LineProtocolCursor) throws(SiltstoneError) -> Int64 {
        var isGiven = false
        if !cursor.isAtEnd {
            guard cursor.take(0x20) else {
                throw Self.error("text goes on after the fields", cursor)
            }
            cursor.skipBlanks()
            isGiven = !cursor.isAtEnd
        }
        guard isGiven else { return nowMilliseconds * 1_000_000 }
        let word = String(decoding: cursor.takeRest(), as: UTF8.self)
        guard let number = Int64(word) else {
            throw SiltstoneError(.invalidArgument, "time stamp is not an integer value=\(word)")
        }
        let (nanoseconds, isTooLarge) = number.multipliedReportingOverflow(by: unitNanoseconds)
        guard !isTooLarge, nanoseconds >= 0 else {
            throw SiltstoneError(
                .invalidArgument, "time stamp is before 1970 or after 2262 value=\(word)")
        }
        return nanoseconds
    }
}
