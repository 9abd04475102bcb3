internal import CZstd
package import SiltBytes

/// Restores Zstandard streams that others wrote, whose size nobody vouches for.
package enum ZstandardReader {
    /// The largest window, as a power of two: what RFC 8878 asks every decoder to take.
    private static let windowBits: Int32 = 23
    private static let pieceBytes = 128 << 10

    /// What a whole stream of one or more frames holds.
    ///
    /// - Parameter limit: the most bytes that may come out; more are refused before they are made.
    /// - Returns: `nil` when more would come out.
    /// - Throws: when the stream is damaged, cut short, or wants too much memory.
    package static func decompress(_ source: [UInt8], limit: Int) throws(DecodingError) -> [UInt8]?
    {
        // Safety: the context is made and freed here and used by this thread alone.
        guard let context = unsafe ZSTD_createDCtx() else {
            throw DecodingError(offset: 0, "no memory for a Zstandard stream")
        }
        defer { unsafe _ = ZSTD_freeDCtx(context) }
        unsafe _ = ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, windowBits)
        var result: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: pieceBytes)
        var consumed = 0
        while true {
            let before = consumed
            var made = 0
            // Safety: the library reads and writes within the sizes given and keeps neither pointer.
            let status = unsafe source.withUnsafeBytes { input in
                unsafe piece.withUnsafeMutableBytes { output in
                    var from = unsafe ZSTD_inBuffer(
                        src: input.baseAddress, size: input.count, pos: consumed)
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
            if result.count + made > limit { return nil }
            result.append(contentsOf: piece.prefix(made))
            if status == 0, consumed == source.count { return result }
            if made == 0, consumed == before {
                throw DecodingError(offset: consumed, "Zstandard stream ends too early")
            }
        }
    }
}
