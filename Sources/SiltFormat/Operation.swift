package import SiltBytes
package import SiltModel

/// Flags of a cell, kept beside its type.
///
/// Part of the format: docs/format/log.md and block.md.
package enum CellFlags {
    /// The value begins with 8 bytes, little-endian: the cell's own time to live in milliseconds.
    package static let hasTimeToLive: UInt8 = 1
    /// The server assigned the time stamp: at equal time stamps a marker masks only cells of lower
    /// sequence.
    package static let hasServerTimestamp: UInt8 = 2
}

/// The encoded changes of one region within one write batch, as they stand in the log.
///
/// Part of the format: docs/format/log.md.
///
/// Each operation is: `type | flags << 4` (1 byte), family id (1 byte), time stamp (8 bytes,
/// absent when the server assigns it),
/// column-key length (varint), column key, value length (varint), value.
package struct OperationBuffer: Sendable {
    /// The encoded operations.
    package private(set) var writer = ByteWriter()
    /// How many operations there are.
    ///
    /// Each takes one sequence number.
    package private(set) var count = 0

    /// No operations.
    package init(capacity: Int = 0) { writer = ByteWriter(capacity: capacity) }

    /// Appends an operation.
    ///
    /// `timestamp` `nil` lets the server assign it when the batch is committed.
    package mutating func append(
        _ type: CellType, family: UInt8, columnKey: [UInt8], timestamp: Int64?,
        timeToLiveMilliseconds: Int64? = nil,
        value: [UInt8]
    ) {
        var flags: UInt8 = timestamp == nil ? CellFlags.hasServerTimestamp : 0
        if timeToLiveMilliseconds != nil { flags |= CellFlags.hasTimeToLive }
        writer.write(type.rawValue | flags << 4)
        writer.write(family)
        if let timestamp { writer.write(timestamp) }
        writer.writeSized(columnKey)
        writer.writeVarint(UInt64(value.count + (timeToLiveMilliseconds == nil ? 0 : 8)))
        if let timeToLiveMilliseconds { writer.write(timeToLiveMilliseconds) }
        writer.write(contentsOf: value)
        count += 1
    }
}
