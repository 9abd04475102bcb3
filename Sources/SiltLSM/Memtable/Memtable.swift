internal import CSiltstone
internal import SiltFormat
internal import SiltModel
internal import Synchronization

/// The newest cells of one tree, in memory and in order.
///
/// One thread at a time inserts (the owner sees to it, and hands the role over by a lock or the
/// like); any number read at the same time and never wait for a lock.
///
/// Safety: all shared words are atomic, as `MemtableTree` says; the arena is freed when nobody
/// refers to the memtable.
package final class Memtable: @unchecked Sendable {
    // Offsets of the counters in the arena's header.
    private static let cellsOffset = 88
    private static let markersOffset = 96
    private static let familyMarkersOffset = 104
    private static let minTimestampOffset = 112
    private static let maxTimestampOffset = 120
    private static let sequenceOffset = 128
    private static let versionMarkersOffset = 136

    /// The number of the first log segment that may hold cells of this memtable.
    package let firstLogSegment: UInt64
    private let arena: Arena
    let tree: MemtableTree

    /// An empty memtable with `capacityBytes` of address space; memory is taken as cells come.
    package init(capacityBytes: Int, firstLogSegment: UInt64) {
        self.firstLogSegment = firstLogSegment
        arena = Arena(capacityBytes: capacityBytes)
        unsafe tree = MemtableTree(base: arena.base)
        tree.initialize()
        store(UInt64(bitPattern: .max), at: Self.minTimestampOffset)
        store(UInt64(bitPattern: .min), at: Self.maxTimestampOffset)
    }

    /// Whether `count` cells fit, whose column keys and values are `bytes` long together.
    package func hasRoom(forBytes bytes: Int, count: Int) -> Bool {
        // A record adds a header, a tail and padding; nodes hold 32 records at least, and a few are
        // made per level.
        let perCell =
            MemtableTree.recordHeaderBytes + CellKey.tailByteCount + 7 + 2 * MemtableTree.innerBytes
            / 32
        let (cells, overflow) = count.multipliedReportingOverflow(by: perCell)
        let (sum, overflowToo) = cells.addingReportingOverflow(bytes)
        return !overflow && !overflowToo
            && sum < arena.capacityBytes - byteCount - 16 * MemtableTree.innerBytes
    }

    /// Inserts a cell, which must fit (ask `hasRoom`); readers see it on return.
    ///
    /// A cell with the very same key, sequence included, takes the old one's place.
    /// - Returns: whether it comes last of all.
    @discardableResult
    package func insert(
        columnKey: UnsafeRawBufferPointer, timestamp: Int64, type: UInt8, flags: UInt8,
        sequence: UInt64,
        value: UnsafeRawBufferPointer
    ) -> Bool {
        let keyCount = columnKey.count + CellKey.tailByteCount
        let size = MemtableTree.recordHeaderBytes + keyCount + value.count
        precondition(
            value.count < 1 << MemtableTree.valueBits
                && size < arena.capacityBytes - byteCount - 8 * MemtableTree.innerBytes,
            "cell does not fit the memtable")
        // Safety: the record's bytes were just taken off the arena, and the sources are valid for
        // their counts.
        let record = unsafe tree.allocate(size)
        unsafe record.storeBytes(of: UInt32(keyCount), as: UInt32.self)
        unsafe record.storeBytes(
            of: UInt32(value.count) | UInt32(flags) << MemtableTree.valueBits, toByteOffset: 4,
            as: UInt32.self)
        var place = unsafe record + MemtableTree.recordHeaderBytes
        if let source = columnKey.baseAddress {
            unsafe place.copyMemory(from: source, byteCount: columnKey.count)
            unsafe place += columnKey.count
        }
        let time = ~(UInt64(bitPattern: timestamp) ^ 1 << 63)
        unsafe place.storeBytes(of: time.bigEndian, as: UInt64.self)
        unsafe place.storeBytes(of: ~type, toByteOffset: 8, as: UInt8.self)
        unsafe place.storeBytes(of: (~sequence).bigEndian, toByteOffset: 9, as: UInt64.self)
        if let source = value.baseAddress {
            unsafe (place + CellKey.tailByteCount).copyMemory(from: source, byteCount: value.count)
        }
        let (isLast, isNew) = unsafe tree.insert(tree.offset(record))
        count(timestamp, type, sequence, isNew: isNew)
        return isLast
    }

    /// Has memory made for a range of the bytes that cells will take; any thread may, at any time.
    func readyMemory(_ range: Range<Int>) { arena.ready(range) }

    /// Has what an insert of a column key will touch fetched from memory; any thread may, at any time.
    @inline(__always)
    func prepare(for columnKey: UnsafeRawBufferPointer) {
        // Safety: the caller lends the key for the call.
        unsafe tree.fetchLeaf(for: columnKey)
    }

    @inline(__always)
    private func count(_ timestamp: Int64, _ type: UInt8, _ sequence: UInt64, isNew: Bool) {
        if sequence > maxSequence { store(sequence, at: Self.sequenceOffset) }
        guard isNew else { return }
        store(load(Self.cellsOffset) &+ 1, at: Self.cellsOffset)
        if timestamp < minTimestamp {
            store(UInt64(bitPattern: timestamp), at: Self.minTimestampOffset)
        }
        if timestamp > maxTimestamp {
            store(UInt64(bitPattern: timestamp), at: Self.maxTimestampOffset)
        }
        if type == CellType.put.rawValue { return }
        store(load(Self.markersOffset) &+ 1, at: Self.markersOffset)
        if type == CellType.deleteFamily.rawValue || type == CellType.deleteFamilyVersion.rawValue {
            store(load(Self.familyMarkersOffset) &+ 1, at: Self.familyMarkersOffset)
        }
        if type == CellType.delete.rawValue || type == CellType.deleteFamilyVersion.rawValue {
            store(load(Self.versionMarkersOffset) &+ 1, at: Self.versionMarkersOffset)
        }
    }

    // Safety: the offsets above are words of the arena's header, which lives as long as the
    // memtable.
    @inline(__always) private func load(_ offset: Int) -> UInt64 {
        unsafe tree.word(tree.base, offset).pointee.load(ordering: .relaxed)
    }

    @inline(__always) private func store(_ value: UInt64, at offset: Int) {
        unsafe tree.word(tree.base, offset).pointee.store(value, ordering: .relaxed)
    }

    /// The bytes of memory in use.
    package var byteCount: Int { Int(truncatingIfNeeded: load(MemtableTree.usedOffset)) }
    /// How many cells there are.
    package var cellCount: Int { Int(truncatingIfNeeded: load(Self.cellsOffset)) }
    /// How many of them are delete markers.
    package var markerCount: Int { Int(truncatingIfNeeded: load(Self.markersOffset)) }
    /// How many of the markers are of a whole family.
    package var familyMarkerCount: Int { Int(truncatingIfNeeded: load(Self.familyMarkersOffset)) }
    /// How many of the markers delete one version, so that an older one shows again.
    package var versionMarkerCount: Int { Int(truncatingIfNeeded: load(Self.versionMarkersOffset)) }
    /// The smallest time stamp; `Int64.max` when empty.
    package var minTimestamp: Int64 { Int64(bitPattern: load(Self.minTimestampOffset)) }
    /// The greatest time stamp; `Int64.min` when empty.
    package var maxTimestamp: Int64 { Int64(bitPattern: load(Self.maxTimestampOffset)) }
    /// The highest sequence number; 0 when empty.
    package var maxSequence: UInt64 { load(Self.sequenceOffset) }
}
