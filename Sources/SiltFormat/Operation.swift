internal import CSiltstone
internal import SiltBytes
package import SiltModel

/// Flags of a cell, kept beside its type.
///
/// Part of the format: docs/format/log.md and block.md.
package enum CellFlags {
    /// The value begins with 8 bytes, little-endian: the cell's own time to live in milliseconds.
    package static let hasTimeToLive: UInt8 = 1
    /// The server assigned the time stamp: at equal time stamps such a marker masks such a cell only
    /// when the cell has the lower sequence.
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
    private var storage: OperationStorage
    /// The size of the encoded operations.
    package private(set) var byteCount = 0
    /// How many operations there are.
    ///
    /// Each takes one sequence number.
    package private(set) var count = 0
    /// The families that they change.
    package private(set) var families = FamilySet()

    /// Whether the server has to give some of them a time stamp.
    package private(set) var needsTimestamp = false

    /// No operations.
    package init(capacity: Int = 0) { storage = OperationStorage(capacity: capacity) }

    /// A copy of operations elsewhere.
    package init(copying other: OperationSpan) {
        self.init(capacity: other.byteCount)
        // Safety: the storage has room for as many bytes as are read.
        unsafe storage.base.copyMemory(from: other.start, byteCount: other.byteCount)
        byteCount = other.byteCount
        count = other.count
        families = other.families
        needsTimestamp = other.needsTimestamp
    }

    /// An upper bound of the bytes that an operation takes besides its column key and value.
    package static let extraByteCount = 36

    /// The operations where they lie: for as long as this buffer is neither changed nor given up.
    package var span: OperationSpan {
        // Safety: the storage's memory lives as long as the storage, which this buffer holds.
        unsafe OperationSpan(
            start: UnsafeRawPointer(storage.base), byteCount: byteCount, count: count,
            families: families, needsTimestamp: needsTimestamp)
    }

    /// A copy of the encoded operations.
    package var bytes: [UInt8] {
        // Safety: the first `byteCount` bytes were written.
        unsafe Array(UnsafeRawBufferPointer(start: storage.base, count: byteCount))
    }

    /// Forgets the operations and keeps the room.
    package mutating func removeAll() {
        byteCount = 0
        count = 0
        families = FamilySet()
        needsTimestamp = false
    }

    /// Appends an operation.
    ///
    /// `timestamp` `nil` lets the server assign it when the batch is committed.
    package mutating func append(
        _ type: CellType, family: UInt8, columnKey: [UInt8], timestamp: Int64?,
        timeToLiveMilliseconds: Int64? = nil,
        value: [UInt8]
    ) {
        if timestamp == nil { needsTimestamp = true }
        makeRoom(Self.extraByteCount + columnKey.count + value.count)
        // Safety: the room was just made.
        var writer = unsafe RawWriter(storage.base + byteCount)
        writer.writeStart(type, family, timestamp, timeToLiveMilliseconds)
        writer.writeVarint(columnKey.count)
        writer.write(columnKey.span)
        writer.writeValue(value.span, timeToLiveMilliseconds)
        note(writer.count, family)
    }

    /// Appends an operation on the column of a row; an empty qualifier also stands for the whole family.
    package mutating func append(
        _ type: CellType, family: UInt8, row: [UInt8], qualifier: [UInt8], timestamp: Int64?,
        timeToLiveMilliseconds: Int64? = nil, value: [UInt8]
    ) {
        if timestamp == nil { needsTimestamp = true }
        makeRoom(
            OperationSpan.room(
                rowBytes: row.count, qualifierBytes: qualifier.count, valueBytes: value.count))
        // Safety: the room was just made.
        let written = unsafe OperationSpan.encode(
            type, family: family, row: row.span, qualifier: qualifier.span, timestamp: timestamp,
            timeToLiveMilliseconds: timeToLiveMilliseconds, value: value.span,
            to: storage.base + byteCount)
        note(written, family)
    }

    /// Appends the values of a row, all of one family and with one time stamp.
    ///
    /// - Parameter columns: those that the values name.
    package mutating func append(
        _ values: CellValues, family: UInt8, row: [UInt8], columns: ColumnEndings,
        timestamp: Int64?
    ) {
        if values.count == 0 { return }
        if timestamp == nil { needsTimestamp = true }
        let prefixCount = row.count + CellKey.escapeCount(row) + 1
        makeRoom(
            values.bytes.count
                + values.count * (Self.extraByteCount + prefixCount + columns.byteCountMax))
        // Safety: the room was just made.
        var writer = unsafe RawWriter(storage.base + byteCount)
        var prefixPlace = -1
        var start = 0
        for cell in values.cells {
            let ending = columns.range(cell.column)
            writer.writeStart(.put, family, timestamp, nil)
            writer.writeVarint(prefixCount + ending.count)
            // Escaped once for all of them.
            if prefixPlace < 0 {
                prefixPlace = writer.count
                writer.writeComponent(row.span)
            } else {
                writer.writeAgain(from: prefixPlace, count: prefixCount)
            }
            writer.write(columns.bytes, ending)
            writer.writeVarint(cell.end - start)
            writer.write(values.bytes, start..<cell.end)
            start = cell.end
        }
        byteCount += writer.count
        count += values.count
        families.insert(family)
    }

    /// Appends an operation as it stands in another buffer.
    mutating func append(encoded operation: ArraySlice<UInt8>, family: UInt8) {
        if let first = operation.first, first >> 4 & CellFlags.hasServerTimestamp != 0 {
            needsTimestamp = true
        }
        makeRoom(operation.count)
        // Safety: the room was just made.
        unsafe operation.withUnsafeBytes { source in
            guard let start = source.baseAddress else { return }
            unsafe (storage.base + byteCount).copyMemory(from: start, byteCount: source.count)
        }
        note(operation.count, family)
    }

    @inline(__always)
    private mutating func makeRoom(_ room: Int) {
        if storage.capacity - byteCount >= room, isKnownUniquelyReferenced(&storage) { return }
        grow(room)
    }

    private mutating func grow(_ room: Int) {
        let larger = OperationStorage(capacity: max(2 * storage.capacity, byteCount + room))
        // Safety: both are distinct and have room for what is there.
        unsafe larger.base.copyMemory(from: storage.base, byteCount: byteCount)
        storage = larger
    }

    @inline(__always)
    private mutating func note(_ written: Int, _ family: UInt8) {
        byteCount += written
        count += 1
        families.insert(family)
    }
}

/// Encoded operations of one region, where they lie.
// Safety: who makes one keeps the memory in place, unchanged, for as long as it is used.
@safe package struct OperationSpan {
    /// The first byte.
    package let start: UnsafeRawPointer
    /// The size in bytes.
    package let byteCount: Int
    /// How many operations there are.
    package let count: Int
    /// The families that they change.
    package let families: FamilySet
    /// Whether the server has to give some of them a time stamp.
    package let needsTimestamp: Bool

    /// Operations at `start`.
    package init(
        start: UnsafeRawPointer, byteCount: Int, count: Int, families: FamilySet,
        needsTimestamp: Bool
    ) {
        self.needsTimestamp = needsTimestamp
        unsafe self.start = start
        self.byteCount = byteCount
        self.count = count
        self.families = families
    }

    /// The encoded bytes.
    package var bytes: UnsafeRawBufferPointer {
        // Safety: as the type says.
        unsafe UnsafeRawBufferPointer(start: start, count: byteCount)
    }

    /// An upper bound of the bytes that an operation takes, whatever there is to escape.
    @inline(__always)
    package static func room(rowBytes: Int, qualifierBytes: Int, valueBytes: Int) -> Int {
        OperationBuffer.extraByteCount + 2 * (rowBytes + qualifierBytes) + valueBytes
    }

    /// Encodes an operation on the column of a row.
    ///
    /// - Parameter place: has as many bytes as `room` says.
    /// - Returns: how many bytes were written.
    package static func encode(
        _ type: CellType, family: UInt8, row: borrowing Span<UInt8>,
        qualifier: borrowing Span<UInt8>, timestamp: Int64?, timeToLiveMilliseconds: Int64?,
        value: borrowing Span<UInt8>, to place: UnsafeMutableRawPointer
    ) -> Int {
        // Safety: two bytes, two integers of 8, two varints of at most 9 bytes (the lengths are those of spans) and the two
        // zeros of a column key are no more than `extraByteCount`; escaping doubles row and qualifier at most.
        var writer = unsafe RawWriter(place)
        writer.writeStart(type, family, timestamp, timeToLiveMilliseconds)
        let escapes = CellKey.escapeCount(row) + CellKey.escapeCount(qualifier)
        writer.writeVarint(row.count + qualifier.count + 2 + escapes)
        writer.writeComponent(row)
        writer.writeComponent(qualifier)
        writer.writeValue(value, timeToLiveMilliseconds)
        return writer.count
    }
}

/// Memory of a buffer of operations.
// Safety: only the buffer that holds it alone writes to it; others read what was written before they got it.
@safe private final class OperationStorage: @unchecked Sendable {
    let base: UnsafeMutableRawPointer
    let capacity: Int

    init(capacity: Int) {
        // Safety: freed once, in deinit.
        unsafe base = .allocate(byteCount: max(capacity, 16), alignment: 8)
        self.capacity = max(capacity, 16)
    }

    deinit { unsafe base.deallocate() }
}

/// Writes forward into memory that has room for all that is written; little-endian.
// Safety: made only where the room was just taken and counted.
@safe private struct RawWriter {
    private let base: UnsafeMutableRawPointer
    private(set) var count = 0

    init(_ base: UnsafeMutableRawPointer) { unsafe self.base = base }

    @inline(__always)
    mutating func writeStart(
        _ type: CellType, _ family: UInt8, _ timestamp: Int64?, _ lifeMilliseconds: Int64?
    ) {
        var flags: UInt8 = timestamp == nil ? CellFlags.hasServerTimestamp : 0
        if lifeMilliseconds != nil { flags |= CellFlags.hasTimeToLive }
        write(type.rawValue | flags << 4)
        write(family)
        if let timestamp { write(UInt64(bitPattern: timestamp)) }
    }

    @inline(__always)
    mutating func writeValue(_ value: borrowing Span<UInt8>, _ lifeMilliseconds: Int64?) {
        writeVarint(value.count + (lifeMilliseconds == nil ? 0 : 8))
        if let lifeMilliseconds { write(UInt64(bitPattern: lifeMilliseconds)) }
        write(value)
    }

    @inline(__always) mutating func write(_ value: UInt8) {
        // Safety: as the type says.
        unsafe base.storeBytes(of: value, toByteOffset: count, as: UInt8.self)
        count &+= 1
    }

    @inline(__always) mutating func write(_ value: UInt64) {
        // Safety: as the type says.
        unsafe base.storeBytes(of: value.littleEndian, toByteOffset: count, as: UInt64.self)
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

    /// Writes a component of a column key, escaped and ended.
    @inline(__always) mutating func writeComponent(_ bytes: borrowing Span<UInt8>) {
        // Safety: as the type says; the span lends its bytes for the copy.
        count &+= unsafe bytes.withUnsafeBytes { source in
            unsafe silt_escape(base + count, source.baseAddress, source.count)
        }
    }

    /// Writes bytes once more that were written before.
    @inline(__always) mutating func writeAgain(from place: Int, count again: Int) {
        precondition(place >= 0 && place + again <= count)
        // Safety: as the type says; what was written ends before the new bytes.
        unsafe (base + count).copyMemory(from: base + place, byteCount: again)
        count &+= again
    }

    @inline(__always) mutating func write(_ bytes: [UInt8], _ range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count)
        // Safety: as the type says; the range lies within the array, which lends its bytes for the copy.
        unsafe bytes.withUnsafeBytes { source in
            guard let start = source.baseAddress else { return }
            unsafe (base + count).copyMemory(
                from: start + range.lowerBound, byteCount: range.count)
        }
        count &+= range.count
    }

    @inline(__always) mutating func write(_ bytes: borrowing Span<UInt8>) {
        // Safety: as the type says; the span lends its bytes for the copy.
        unsafe bytes.withUnsafeBytes { source in
            guard let start = source.baseAddress else { return }
            unsafe (base + count).copyMemory(from: start, byteCount: source.count)
        }
        count &+= bytes.count
    }
}
