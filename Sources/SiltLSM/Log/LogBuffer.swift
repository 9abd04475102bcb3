/// Bytes that go to the log next.
///
/// Safety: the memory is owned by this value alone; `place` says where its room begins.
@safe struct LogBuffer: ~Copyable {
    private var base: UnsafeMutableRawPointer
    private var capacity: Int
    /// The number of bytes.
    private(set) var count = 0

    init() {
        capacity = 1 << 12
        // Safety: freed in deinit, or when it is replaced.
        unsafe base = .allocate(byteCount: capacity, alignment: 8)
    }

    deinit { unsafe base.deallocate() }

    /// The bytes.
    var bytes: UnsafeRawBufferPointer {
        // Safety: `count` bytes were written.
        unsafe UnsafeRawBufferPointer(start: base, count: count)
    }

    /// Where `room` bytes can be written, behind those that are there; `advance` takes them in.
    @inline(__always)
    mutating func place(for room: Int) -> UnsafeMutableRawPointer {
        if capacity - count < room { grow(room) }
        // Safety: the room was just made.
        return unsafe base + count
    }

    /// Takes in bytes that were written at `place`.
    @inline(__always)
    mutating func advance(by written: Int) {
        precondition(written <= capacity - count)
        count += written
    }

    /// Drops what follows the first `kept` bytes.
    mutating func truncate(to kept: Int) {
        precondition(kept <= count)
        count = kept
    }

    /// Empties the buffer; the room of a batch far beyond the usual is given back.
    @inline(__always)
    mutating func removeAll() {
        count = 0
        if capacity > Self.keptBytesMax { shrink() }
    }

    private static let keptBytesMax = 1 << 20

    private mutating func grow(_ room: Int) {
        replace(max(2 * capacity, count + room))
    }

    private mutating func shrink() { replace(Self.keptBytesMax) }

    private mutating func replace(_ newCapacity: Int) {
        // Safety: the new memory has room for what is there.
        let other = UnsafeMutableRawPointer.allocate(byteCount: newCapacity, alignment: 8)
        unsafe other.copyMemory(from: base, byteCount: count)
        unsafe base.deallocate()
        unsafe base = other
        capacity = newCapacity
    }
}
