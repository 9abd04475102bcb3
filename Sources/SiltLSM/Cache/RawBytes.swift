/// Memory that is filled once and then only read; freed with its last reference.
///
/// Safety: nobody writes after the filling, which is done before the object is shared.
@safe
final class RawBytes: @unchecked Sendable {
    /// The memory.
    let buffer: UnsafeMutableRawBufferPointer

    /// Uninitialized memory; never of no size, so that there is an address.
    init(byteCount: Int) {
        let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(byteCount, 8), alignment: 16)
        unsafe buffer = UnsafeMutableRawBufferPointer(rebasing: memory[..<byteCount])
    }

    // Safety: `buffer` begins where the allocation does, and nothing refers to it any more.
    deinit { unsafe UnsafeMutableRawPointer(mutating: buffer.baseAddress)?.deallocate() }

    /// The memory, to read.
    var bytes: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(buffer) }
}
