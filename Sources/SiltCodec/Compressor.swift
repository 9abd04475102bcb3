internal import CLZ4
internal import CZstd
package import SiltModel

/// Compresses blocks with one codec and level, reusing its working memory.
///
/// One thread at a time.
@safe
package final class Compressor {
    /// The codec asked for; a block that it does not make smaller is stored as it is.
    package let codec: Codec

    private let level: Int32
    private var context: OpaquePointer?

    /// A compressor of a family's setting; a level outside 1 to 19 is brought into that range.
    package init(_ compression: Compression) {
        codec = Codec(compression)
        // Safety: the context is this object's alone; `deinit` frees it.
        if case .zstd(let wanted) = compression {
            level = Int32(min(max(wanted, 1), 19))
            unsafe context = ZSTD_createCCtx()
        } else {
            level = 0
            unsafe context = nil
        }
    }

    deinit {
        // Safety: the context was made by ZSTD_createCCtx and nobody else holds it.
        unsafe _ = ZSTD_freeCCtx(context)
    }

    /// Appends the stored form of `source` and returns the codec that it is in: `none` when
    /// compressing would save less than a sixteenth.
    package func compress(_ source: UnsafeRawBufferPointer, into output: inout [UInt8]) -> Codec {
        let limit = source.count - source.count / 16
        let start = output.count
        var written = 0
        if codec != .none, source.count > 0, source.count < Int(Int32.max) {
            output.append(addingCapacity: source.count) { room in
                precondition(room.freeCapacity >= source.count)
                // Safety: the buffer is the array's own and has that room; `compress` says how much of it was written.
                unsafe room.withUnsafeMutableBufferPointer { buffer, filled in
                    written = unsafe compress(
                        source,
                        into: UnsafeMutableRawBufferPointer(
                            start: buffer.baseAddress, count: source.count))
                    filled = written
                }
            }
        }
        if written > 0, written < limit { return codec }
        output.removeSubrange(start...)
        // Safety: the bytes are copied while the caller's buffer is valid.
        unsafe output.append(contentsOf: source)
        return .none
    }

    /// As the other; Zstandard begins a block of its own at each of `cuts`, so that bytes of one kind are coded by
    /// their own frequencies.
    package func compress(
        _ source: UnsafeRawBufferPointer, cuts: [Int], into output: inout [UInt8]
    ) -> Codec {
        // Safety: the buffers are only handed on, or bounded below.
        guard codec == .zstd, !cuts.isEmpty, let base = source.baseAddress,
            let context = unsafe context
        else { return unsafe compress(source, into: &output) }
        let start = output.count
        output.append(contentsOf: repeatElement(0, count: source.count + 64))
        // Safety: the range `start...` of the output was made just above.
        let written = unsafe output.withUnsafeMutableBytes { buffer in
            unsafe compress(
                base, source.count, cuts, context,
                into: UnsafeMutableRawBufferPointer(rebasing: buffer[start...]))
        }
        guard written > 0, written < source.count else {
            output.removeSubrange(start...)
            unsafe output.append(contentsOf: source)
            return .none
        }
        output.removeSubrange((start + written)...)
        return codec
    }

    /// The fewest bytes that are worth a block of their own.
    private static let pieceByteCountMin = 256

    private func compress(
        _ source: UnsafeRawPointer, _ count: Int, _ cuts: [Int], _ context: OpaquePointer,
        into target: UnsafeMutableRawBufferPointer
    ) -> Int {
        // Safety: the C functions read up to `size` of the source and write up to `size` of the target.
        _ = unsafe ZSTD_CCtx_reset(context, ZSTD_reset_session_only)
        _ = unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level)
        _ = unsafe ZSTD_CCtx_setPledgedSrcSize(context, UInt64(count))
        var output = unsafe ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
        var done = 0
        for cut in cuts + [count] where cut == count || cut - done >= Self.pieceByteCountMin {
            if cut == count, done == count, count > 0, cuts.last == count { continue }
            var input = unsafe ZSTD_inBuffer(src: source, size: min(cut, count), pos: done)
            let mode = cut == count ? ZSTD_e_end : ZSTD_e_flush
            let left = unsafe ZSTD_compressStream2(context, &output, &input, mode)
            if ZSTD_isError(left) != 0 || left != 0 { return 0 }
            done = cut
        }
        return unsafe output.pos
    }

    /// The bytes written, or 0 when they do not fit or the codec failed.
    private func compress(
        _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
    ) -> Int {
        // Safety: both C functions read `source.count` bytes and write at most `target.count`.
        switch codec {
        case .none: return 0
        case .lz4:
            return unsafe Int(
                LZ4_compress_default(
                    source.baseAddress?.assumingMemoryBound(to: CChar.self),
                    target.baseAddress?.assumingMemoryBound(to: CChar.self),
                    Int32(source.count), Int32(target.count)))
        case .zstd:
            guard unsafe context != nil else { return 0 }
            let count = unsafe ZSTD_compressCCtx(
                context, target.baseAddress, target.count, source.baseAddress, source.count, level)
            return ZSTD_isError(count) != 0 ? 0 : count
        }
    }
}
