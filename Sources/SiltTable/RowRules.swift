import SiltBytes
import SiltModel

/// Rules that row keys, columns, values and time stamps keep.
enum RowRules {
    /// A row key has 1 to 32,767 bytes.
    static func check(row: Bytes) throws(SiltstoneError) {
        guard !row.isEmpty else { throw SiltstoneError(.invalidArgument, "row key is empty") }
        guard row.count <= Limits.rowBytesMax else {
            throw SiltstoneError(
                .invalidArgument,
                "row key is too long bytes=\(row.count) max=\(Limits.rowBytesMax)")
        }
    }

    /// A qualifier has at most 65,535 bytes.
    static func check(qualifier: Bytes) throws(SiltstoneError) {
        guard qualifier.count <= Limits.qualifierBytesMax else {
            throw SiltstoneError(
                .invalidArgument,
                "qualifier is too long bytes=\(qualifier.count) max=\(Limits.qualifierBytesMax)")
        }
    }

    /// A value has at most 10 MiB.
    static func check(value: Bytes, column: Column) throws(SiltstoneError) {
        guard value.count <= Limits.valueBytesMax else {
            throw SiltstoneError(
                .invalidArgument,
                "value is too large column=\(column) bytes=\(value.count) max=\(Limits.valueBytesMax)"
            )
        }
    }

    /// The time stamp to store; `nil` when the server assigns it, which HBase's "latest" also asks for.
    static func stored(timestamp: Int64?) throws(SiltstoneError) -> Int64? {
        guard let timestamp, timestamp != .max else { return nil }
        guard timestamp >= 0 else {
            throw SiltstoneError(
                .invalidArgument, "time stamp must not be negative timestamp=\(timestamp)")
        }
        return timestamp
    }
}
