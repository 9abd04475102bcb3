/// Bytes that are appended piece by piece into memory that stays when they are forgotten.
// Safety: the memory is owned by this value alone; its first `count` bytes were written.
@safe struct ByteRoom: ~Copyable, @unchecked Sendable {
    /// The first byte.
    private(set) var base: UnsafeMutableRawPointer
    private var capacity = 1 << 12
    /// The number of bytes.
    private(set) var count = 0

    /// No bytes.
    init() {
        // Safety: freed in deinit, or when it is replaced.
        unsafe base = .allocate(byteCount: capacity, alignment: 8)
    }

    deinit { unsafe base.deallocate() }

    /// The bytes, until the next are appended.
    var bytes: UnsafeRawBufferPointer {
        // Safety: as the type says.
        unsafe UnsafeRawBufferPointer(start: base, count: count)
    }

    /// Appends bytes, which are not these.
    @inline(__always)
    mutating func append(_ more: UnsafeRawBufferPointer) {
        guard let source = more.baseAddress else { return }
        if capacity &- count < more.count { grow(by: more.count) }
        // Safety: the room was just made.
        unsafe (base + count).copyMemory(from: source, byteCount: more.count)
        count &+= more.count
    }

    /// Forgets the bytes and keeps the memory.
    mutating func removeAll() { count = 0 }

    private mutating func grow(by more: Int) {
        let newCapacity = max(2 * capacity, count + more)
        let other = UnsafeMutableRawPointer.allocate(byteCount: newCapacity, alignment: 8)
        // Safety: the new memory has room for what is there.
        unsafe other.copyMemory(from: base, byteCount: count)
        unsafe base.deallocate()
        unsafe base = other
        capacity = newCapacity
    }
}
