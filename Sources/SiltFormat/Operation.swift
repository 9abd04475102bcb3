internal import SiltBytes
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
    package private(set) var bytes: [UInt8] = []
    /// How many operations there are.
    ///
    /// Each takes one sequence number.
    package private(set) var count = 0
    /// The families that they change.
    package private(set) var families = FamilySet()

    /// Whether the server has to give some of them a time stamp.
    package private(set) var needsTimestamp = false

    /// No operations.
    package init(capacity: Int = 0) { bytes.reserveCapacity(capacity) }

    /// An upper bound of the bytes that an operation takes besides row, qualifier and value, when those have nothing to escape.
    package static let extraByteCount = 36

    /// Appends an operation.
    ///
    /// `timestamp` `nil` lets the server assign it when the batch is committed.
    package mutating func append(
        _ type: CellType, family: UInt8, columnKey: [UInt8], timestamp: Int64?,
        timeToLiveMilliseconds: Int64? = nil,
        value: [UInt8]
    ) {
        append(
            type, family, columnKey.count, timestamp, timeToLiveMilliseconds, value
        ) { writer in writer.write(columnKey) }
    }

    /// Appends an operation on the column of a row; an empty qualifier also stands for the whole family.
    package mutating func append(
        _ type: CellType, family: UInt8, row: [UInt8], qualifier: [UInt8], timestamp: Int64?,
        timeToLiveMilliseconds: Int64? = nil, value: [UInt8]
    ) {
        if CellKey.needsEscape(row) || CellKey.needsEscape(qualifier) {
            append(
                type, family: family,
                columnKey: CellKey.columnKey(row: Bytes(row), qualifier: Bytes(qualifier)),
                timestamp: timestamp, timeToLiveMilliseconds: timeToLiveMilliseconds, value: value)
            return
        }
        append(
            type, family, row.count + qualifier.count + 2, timestamp, timeToLiveMilliseconds, value
        ) { writer in
            writer.write(row)
            writer.write(UInt8(0))
            writer.write(qualifier)
            writer.write(UInt8(0))
        }
    }

    /// Appends an operation as it stands in another buffer.
    mutating func append(encoded operation: ArraySlice<UInt8>, family: UInt8) {
        bytes += operation
        if let first = operation.first, first >> 4 & CellFlags.hasServerTimestamp != 0 {
            needsTimestamp = true
        }
        count += 1
        families.insert(family)
    }

    @inline(__always)
    private mutating func append(
        _ type: CellType, _ family: UInt8, _ keyCount: Int, _ timestamp: Int64?,
        _ lifeMilliseconds: Int64?, _ value: [UInt8], key: (inout RawWriter) -> Void
    ) {
        var flags: UInt8 = timestamp == nil ? CellFlags.hasServerTimestamp : 0
        if timestamp == nil { needsTimestamp = true }
        if lifeMilliseconds != nil { flags |= CellFlags.hasTimeToLive }
        let valueCount = value.count + (lifeMilliseconds == nil ? 0 : 8)
        let room = Self.extraByteCount + keyCount + value.count
        bytes.append(addingCapacity: room) { span in
            // Safety: two bytes, two integers of 8 and two varints of at most 9 bytes (the lengths are those of arrays) are no
            // more than `extraByteCount`; key and value are counted.
            unsafe span.withUnsafeMutableBufferPointer { buffer, initialized in
                var writer = unsafe RawWriter(buffer)
                writer.write(type.rawValue | flags << 4)
                writer.write(family)
                if let timestamp { writer.write(UInt64(bitPattern: timestamp)) }
                writer.writeVarint(keyCount)
                key(&writer)
                writer.writeVarint(valueCount)
                if let lifeMilliseconds { writer.write(UInt64(bitPattern: lifeMilliseconds)) }
                writer.write(value)
                initialized = writer.count
            }
        }
        count += 1
        families.insert(family)
    }
}

/// Writes forward into memory that has room for all that is written; little-endian.
// Safety: made only where the room was just taken and counted; every write is checked against it in debug builds.
@safe private struct RawWriter {
    private let base: UnsafeMutableRawPointer?
    private let room: Int
    private(set) var count = 0

    init(_ buffer: UnsafeMutableBufferPointer<UInt8>) {
        unsafe base = UnsafeMutableRawPointer(buffer.baseAddress)
        room = buffer.count
    }

    @inline(__always) mutating func write(_ value: UInt8) {
        assert(count < room)
        // Safety: as the type says.
        unsafe base?.storeBytes(of: value, toByteOffset: count, as: UInt8.self)
        count &+= 1
    }

    @inline(__always) mutating func write(_ value: UInt64) {
        assert(count + 8 <= room)
        // Safety: as the type says.
        unsafe base?.storeBytes(of: value.littleEndian, toByteOffset: count, as: UInt64.self)
        count &+= 8
    }

    @inline(__always) mutating func writeVarint(_ value: Int) {
        var rest = value
        while rest >= 0x80 {
            write(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        write(UInt8(truncatingIfNeeded: rest))
    }

    @inline(__always) mutating func write(_ bytes: [UInt8]) {
        assert(count + bytes.count <= room)
        // Safety: as the type says; the array lends its bytes for the copy.
        unsafe bytes.withUnsafeBytes { source in
            guard let start = source.baseAddress, let base = unsafe base else { return }
            unsafe (base + count).copyMemory(from: start, byteCount: source.count)
        }
        count &+= bytes.count
    }
}
