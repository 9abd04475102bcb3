internal import CZstd

/// Makes a Zstandard stream of one frame piece by piece; one thread at a time.
@safe package final class ZstandardWriter {
    // Safety: the context is made and freed here.
    private let context: OpaquePointer

    /// A stream; level 1 is fast, 19 small.
    ///
    /// Returns `nil` when there is no memory for it.
    package init?(level: Int = 1) {
        guard let made = unsafe ZSTD_createCCtx() else { return nil }
        unsafe context = made
        unsafe _ = ZSTD_CCtx_setParameter(
            made, ZSTD_c_compressionLevel, Int32(min(max(level, 1), 19)))
    }

    deinit {
        // Safety: the context was made by ZSTD_createCCtx and is freed once.
        unsafe _ = ZSTD_freeCCtx(context)
    }

    /// What can be sent after these bytes; with `finishes` the end of the stream, after which nothing may follow.
    ///
    /// Returns `nil` when there is no memory for it.
    package func add(_ bytes: [UInt8], finishes: Bool) -> [UInt8]? {
        var result: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        var consumed = 0
        while true {
            var made = 0
            let status = unsafe bytes.withUnsafeBytes { input in
                unsafe piece.withUnsafeMutableBytes { output in
                    // Safety: the library reads and writes within the sizes given and keeps neither pointer.
                    var from = unsafe ZSTD_inBuffer(
                        src: input.baseAddress, size: input.count, pos: consumed)
                    var into = unsafe ZSTD_outBuffer(
                        dst: output.baseAddress, size: output.count, pos: 0)
                    let status = unsafe ZSTD_compressStream2(
                        context, &into, &from, finishes ? ZSTD_e_end : ZSTD_e_continue)
                    unsafe (consumed, made) = (from.pos, into.pos)
                    return status
                }
            }
            guard ZSTD_isError(status) == 0 else { return nil }
            result.append(contentsOf: piece.prefix(made))
            if finishes ? status == 0 : consumed == bytes.count { return result }
        }
    }
}
