internal import CZstd
package import SiltBytes

/// Restores a Zstandard stream of one or more frames piece by piece; one thread at a time.
@safe package final class ZstandardUnpacker {
    /// The largest window, as a power of two: what the command line tool takes when it is told nothing.
    package static let windowBits: Int32 = 27
    // Safety: the context is made and freed here.
    private let context: OpaquePointer
    private var piece = [UInt8](repeating: 0, count: 128 << 10)
    /// Whether the stream may end here: at the end of a frame.
    package private(set) var isComplete = false

    /// Returns `nil` when there is no memory for it.
    ///
    /// - Parameter windowBits: the largest window taken, as a power of two; streams with larger ones are refused.
    package init?(windowBits: Int32 = ZstandardUnpacker.windowBits) {
        guard let made = unsafe ZSTD_createDCtx() else { return nil }
        unsafe context = made
        unsafe _ = ZSTD_DCtx_setParameter(made, ZSTD_d_windowLogMax, windowBits)
    }

    deinit {
        // Safety: the context was made by ZSTD_createDCtx and is freed once.
        unsafe _ = ZSTD_freeDCtx(context)
    }

    /// Takes bytes of the stream from `start` on and appends at most 128 KiB of what they hold.
    ///
    /// - Returns: how many bytes were taken; nothing taken and nothing appended means that more are needed.
    package func unpack(
        _ source: [UInt8], from start: Int, into result: inout [UInt8]
    ) throws(DecodingError) -> Int {
        // At the end of a frame the library would begin to wait for another one.
        if isComplete, start >= source.count { return 0 }
        var consumed = start
        var made = 0
        let status = unsafe source.withUnsafeBytes { input in
            unsafe piece.withUnsafeMutableBytes { output in
                // Safety: the library reads and writes within the sizes given and keeps neither pointer.
                var from = unsafe ZSTD_inBuffer(
                    src: input.baseAddress, size: input.count, pos: start)
                var into = unsafe ZSTD_outBuffer(
                    dst: output.baseAddress, size: output.count, pos: 0)
                let status = unsafe ZSTD_decompressStream(context, &into, &from)
                unsafe (consumed, made) = (from.pos, into.pos)
                return status
            }
        }
        guard ZSTD_isError(status) == 0 else {
            throw DecodingError(offset: consumed, "Zstandard stream is damaged")
        }
        isComplete = status == 0
        result.append(contentsOf: piece.prefix(made))
        return consumed - start
    }
}
