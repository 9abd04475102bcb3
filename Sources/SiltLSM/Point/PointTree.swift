internal import CSiltstone
internal import SiltFormat

/// One file as a point read looks at it: what decides whether it must be opened, side by side.
///
/// Safety: the key bytes and the hold live as long as the version that owns this.
@safe
struct PointFile {
    /// The first cell key.
    let smallest: UnsafeMutableRawBufferPointer
    /// The first 8 bytes of both keys as numbers, which decide nearly always.
    let smallestPrefix: UInt64
    let largestPrefix: UInt64
    /// The last cell key.
    let largest: UnsafeMutableRawBufferPointer
    /// The greatest time stamp of any cell, markers included.
    let maxTimestamp: Int64
    /// Whether there is a marker of a whole family.
    let hasFamilyMarkers: Bool
    /// Where the open reader is found.
    let hold: Unmanaged<TableHold>

    init(_ hold: TableHold) {
        let file = hold.file
        // Safety: the copies are freed by `free`; the version keeps the hold.
        unsafe smallest = Self.copy(file.smallest)
        unsafe largest = Self.copy(file.largest)
        smallestPrefix = unsafe silt_prefix(smallest.baseAddress, smallest.count)
        largestPrefix = unsafe silt_prefix(largest.baseAddress, largest.count)
        maxTimestamp = file.maxTimestamp
        hasFamilyMarkers = file.familyMarkerCount > 0
        unsafe self.hold = Unmanaged.passUnretained(hold)
    }

    /// Gives the copies back.
    func free() {
        unsafe smallest.deallocate()
        unsafe largest.deallocate()
    }

    private static func copy(_ bytes: [UInt8]) -> UnsafeMutableRawBufferPointer {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 8)
        unsafe copy.copyBytes(from: bytes)
        return unsafe copy
    }

    /// Whether the file's last cell comes before all cells of a column.
    @inline(__always)
    func endsBefore(_ key: UnsafeRawBufferPointer, _ prefix: UInt64) -> Bool {
        if largestPrefix != prefix { return largestPrefix < prefix }
        // Safety: both buffers are valid for their counts.
        guard let a = unsafe largest.baseAddress, let b = key.baseAddress else { return true }
        return unsafe silt_order(a, largest.count, b, key.count) < 0
    }

    /// Whether the file's first cell comes after all cells of a column.
    @inline(__always)
    func beginsAfter(_ key: UnsafeRawBufferPointer, _ prefix: UInt64) -> Bool {
        // A key of fewer than 8 bytes is compared as far as it goes.
        if smallestPrefix != prefix, key.count >= 8 { return smallestPrefix > prefix }
        // Safety: as above; only as many bytes as the key has are compared.
        guard let a = unsafe smallest.baseAddress, let b = key.baseAddress else { return false }
        return unsafe silt_order(a, min(smallest.count, key.count), b, key.count) > 0
    }
}

/// One tree as point reads walk it: memtables and files in arrays without reference counts.
///
/// Safety: made of a version's memtables and holds, which that version keeps; freed with it.
@safe
struct PointTree: ~Copyable, @unchecked Sendable {
    /// The memtables, newest first.
    let memtables: UnsafeMutableBufferPointer<Unmanaged<Memtable>>
    /// The files: level 0 newest first, then each deeper level in key order.
    let files: UnsafeMutableBufferPointer<PointFile>
    /// Where level 0 and each deeper level end in `files`.
    let ends: UnsafeMutableBufferPointer<Int>
    /// Whether a file holds a marker of a whole family.
    let hasFamilyMarkers: Bool

    init(memtables: [Memtable], runs: [TableHold], levels: [[TableHold]]) {
        // Safety: each array is allocated for as many elements as are initialized.
        unsafe self.memtables = .allocate(capacity: memtables.count)
        for (index, memtable) in memtables.enumerated() {
            unsafe self.memtables.initializeElement(
                at: index, to: Unmanaged.passUnretained(memtable))
        }
        let filled = ([runs] + levels).map { $0.filter { $0.file.entryCount > 0 } }
        let all = filled.flatMap { $0 }
        unsafe files = .allocate(capacity: all.count)
        unsafe ends = .allocate(capacity: filled.count)
        for (index, hold) in all.enumerated() {
            unsafe files.initializeElement(at: index, to: PointFile(hold))
        }
        var end = 0
        for (index, level) in filled.enumerated() {
            end += level.count
            unsafe ends.initializeElement(at: index, to: end)
        }
        hasFamilyMarkers = all.contains { $0.file.familyMarkerCount > 0 }
    }

    deinit {
        // Safety: allocated in init; the elements are plain data but for the files' copies.
        for index in unsafe files.indices { unsafe files[index].free() }
        unsafe memtables.deallocate()
        unsafe files.deallocate()
        unsafe ends.deallocate()
    }
}
