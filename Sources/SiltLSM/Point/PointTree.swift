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
    /// The 8 bytes after these: keys that begin alike are common.
    let smallestNext: UInt64
    let largestNext: UInt64
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
        smallestNext = unsafe PointKey(UnsafeRawBufferPointer(smallest)).next
        largestNext = unsafe PointKey(UnsafeRawBufferPointer(largest)).next
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
    func endsBefore(_ key: PointKey) -> Bool {
        if largestPrefix != key.prefix { return largestPrefix < key.prefix }
        if largestNext != key.next { return largestNext < key.next }
        // Safety: both buffers are valid for their counts.
        guard let a = unsafe largest.baseAddress, let b = unsafe key.bytes.baseAddress else {
            return true
        }
        return unsafe silt_order(a, largest.count, b, key.bytes.count) < 0
    }

    /// Whether the file's first cell comes after all cells of a column.
    @inline(__always)
    func beginsAfter(_ key: PointKey) -> Bool {
        // A short key is compared as far as it goes.
        let count = unsafe key.bytes.count
        if smallestPrefix != key.prefix, count >= 8 { return smallestPrefix > key.prefix }
        if smallestNext != key.next, count >= 16 { return smallestNext > key.next }
        // Safety: as above; only as many bytes as the key has are compared.
        guard let a = unsafe smallest.baseAddress, let b = unsafe key.bytes.baseAddress else {
            return false
        }
        return unsafe silt_order(a, min(smallest.count, count), b, count) > 0
    }
}

/// A column key with its first 16 bytes as numbers, zeros after its end.
///
/// Safety: the bytes are the caller's, for as long as this is used.
@safe
struct PointKey {
    /// The key.
    let bytes: UnsafeRawBufferPointer
    /// The first 8 bytes.
    let prefix: UInt64
    /// The 8 bytes after them.
    let next: UInt64

    @inline(__always)
    init(_ key: UnsafeRawBufferPointer) {
        unsafe bytes = unsafe key
        // Safety: no more bytes are read than the key has.
        unsafe prefix = silt_prefix(key.baseAddress, key.count)
        guard key.count > 8, let start = key.baseAddress else {
            next = 0
            return
        }
        unsafe next = silt_prefix(start + 8, key.count &- 8)
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

    /// Whether a memtable holds a marker of a whole family.
    var hasFamilyMarkersInMemory: Bool {
        // Safety: the version that owns this keeps its memtables.
        for index in unsafe memtables.indices {
            let count = unsafe memtables[index]._withUnsafeGuaranteedRef { $0.familyMarkerCount }
            if count > 0 { return true }
        }
        return false
    }

    deinit {
        // Safety: allocated in init; the elements are plain data but for the files' copies.
        for index in unsafe files.indices { unsafe files[index].free() }
        unsafe memtables.deallocate()
        unsafe files.deallocate()
        unsafe ends.deallocate()
    }
}
