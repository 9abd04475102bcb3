import SiltBytes
import SiltFormat
import SiltModel

/// A cell or delete marker as it stands in a file.
struct StoredCell {
    let columnKey: [UInt8]
    let timestamp: Int64
    let type: UInt8
    let flags: UInt8
    let sequence: UInt64
    let value: [UInt8]

    /// The bytes by which it is ordered.
    var cellKey: [UInt8] {
        var key = columnKey
        CellKey.appendTail(timestamp: timestamp, type: type, sequence: sequence, to: &key)
        return key
    }

    /// The row and the qualifier.
    func names() throws(DecodingError) -> (row: Bytes, qualifier: Bytes) {
        let row = try CellKey.component(of: columnKey, at: 0)
        let qualifier = try CellKey.component(of: columnKey, at: row.next)
        guard qualifier.next == columnKey.count else {
            throw DecodingError(offset: qualifier.next, "column key has bytes after its end")
        }
        return (Bytes(row.bytes), Bytes(qualifier.bytes))
    }

    /// The time to live in front of the value, if there is one, and the value itself.
    var content: (timeToLiveMilliseconds: Int64?, value: Bytes) {
        guard flags & CellFlags.hasTimeToLive != 0, value.count >= 8 else {
            return (nil, Bytes(value))
        }
        var reader = ByteReader(value)
        return (try? reader.readInt64(), Bytes(Array(value[8...])))
    }

    /// The cell as words: type, row, qualifier, time stamp, sequence, value.
    func words() -> String {
        let kind = CellType(rawValue: type).map { "\($0)" } ?? "type \(type)"
        let place: String
        do throws(DecodingError) {
            let (row, qualifier) = try names()
            place = "row=\(row) qualifier=\(qualifier)"
        } catch {
            place = "key=\(Hex.encode(columnKey)) (\(error.message))"
        }
        let (life, value) = content
        var words = "\(kind) \(place) ts=\(timestamp) sequence=\(sequence)"
        if let life { words += " ttl=\(DurationText.print(milliseconds: life))" }
        if type == CellType.put.rawValue {
            let text = value.description
            words +=
                text.count <= 60
                ? " value=\(text)" : " value=\(text.prefix(60))… (\(value.count) bytes)"
        }
        return words
    }
}
