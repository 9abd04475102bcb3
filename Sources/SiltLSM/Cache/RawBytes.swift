internal import CSiltstone

/// Memory that is filled once and then only read; freed with its last reference.
///
/// Safety: nobody writes after the filling, which is done before the object is shared.
@safe
final class RawBytes: @unchecked Sendable {
    /// The memory.
    let buffer: UnsafeMutableRawBufferPointer

    /// Uninitialized memory, followed by 8 bytes that may be read: keys are copied 8 bytes at a time.
    init(byteCount: Int) {
        guard let memory = unsafe silt_pool_take(byteCount + 8) else {
            preconditionFailure("no memory for a block bytes=\(byteCount)")
        }
        unsafe buffer = UnsafeMutableRawBufferPointer(start: memory, count: byteCount)
    }

    // Safety: `buffer` is what the pool gave, and nothing refers to it any more.
    deinit { unsafe silt_pool_give(buffer.baseAddress, pooledByteCount) }

    // Safety: only the count is looked at.
    /// The bytes asked of the pool.
    var pooledByteCount: Int { unsafe buffer.count + 8 }

    /// What it takes of the process's memory, in bytes.
    var footprint: Int { silt_pool_bytes(pooledByteCount) }

    /// The memory, to read.
    var bytes: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(buffer) }
}
