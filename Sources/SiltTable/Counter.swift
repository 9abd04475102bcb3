import SiltBytes
import SiltModel

/// Counters as HBase stores them: 8 bytes, big-endian, two's complement.
enum Counter {
    /// The bytes of a counter.
    static func encode(_ value: Int64) -> Bytes {
        let bits = UInt64(bitPattern: value)
        return Bytes((0..<8).map { UInt8(truncatingIfNeeded: bits >> UInt64(56 - 8 * $0)) })
    }

    /// The counter in a cell; a missing one is 0.
    static func decode(_ value: Bytes?, column: Column) throws(SiltstoneError) -> Int64 {
        guard let value else { return 0 }
        guard value.count == 8 else {
            throw SiltstoneError(
                .invalidArgument,
                "cell is not a counter of 8 bytes column=\(column) bytes=\(value.count)")
        }
        return Int64(bitPattern: value.array.reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }
}
