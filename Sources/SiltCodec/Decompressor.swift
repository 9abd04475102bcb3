internal import CLZ4
internal import CZstd
package import SiltBytes
internal import Synchronization

/// Restores stored blocks into buffers of their declared size; safe to share between threads.
///
/// Zstandard contexts are kept and handed out again, so that there are as many as threads that
/// decompressed at once.
package final class Decompressor: Sendable {
    // Safety: a context is used by the one thread that took it out of the list.
    @safe
    private struct Context: @unchecked Sendable {
        let pointer: OpaquePointer
    }

    private let contexts = Mutex<[Context]>([])

    /// A decompressor without contexts; they are made when needed.
    package init() {}

    deinit {
        contexts.withLock { list in
            // Safety: each context was made by ZSTD_createDCtx and is in the list once.
            for context in list { unsafe _ = ZSTD_freeDCtx(context.pointer) }
            list = []
        }
    }

    /// Fills `target` exactly with what `source` holds.
    ///
    /// - Throws: when the bytes are not what `codec` writes, or their size is not `target.count`.
    package func decompress(
        _ codec: Codec, _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
    ) throws(DecodingError) {
        let written: Int
        // Safety: the C functions read `source.count` bytes and write at most `target.count`, and
        // check what they read.
        switch codec {
        case .none:
            guard source.count == target.count else {
                throw DecodingError(offset: 0, "stored size differs from the raw size")
            }
            unsafe target.copyMemory(from: source)
            return
        case .lz4:
            guard source.count <= Int(Int32.max), target.count <= Int(Int32.max) else {
                throw DecodingError(offset: 0, "block is too large for lz4")
            }
            written = unsafe Int(
                LZ4_decompress_safe(
                    source.baseAddress?.assumingMemoryBound(to: CChar.self),
                    target.baseAddress?.assumingMemoryBound(to: CChar.self),
                    Int32(source.count), Int32(target.count)))
        case .zstd:
            written = unsafe decompressZstandard(source, into: target)
        }
        guard written == target.count else {
            throw DecodingError(
                offset: 0,
                "block does not decompress to its size wanted=\(target.count) got=\(written)")
        }
    }

    private func decompressZstandard(
        _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
    ) -> Int {
        var taken = contexts.withLock { $0.popLast() }
        if taken == nil, let fresh = unsafe ZSTD_createDCtx() {
            taken = unsafe Context(pointer: fresh)
        }
        guard let context = taken else { return -1 }
        // Safety: the context is ours until it is put back; the buffers bound what is read and written.
        let count = unsafe ZSTD_decompressDCtx(
            context.pointer, target.baseAddress, target.count, source.baseAddress, source.count)
        contexts.withLock { $0.append(context) }
        return ZSTD_isError(count) != 0 ? -1 : count
    }
}
