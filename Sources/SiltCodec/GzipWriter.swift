internal import CZlib

/// Makes a gzip stream piece by piece; one thread at a time.
@safe package final class GzipWriter {
    // Safety: zlib keeps a pointer to its stream, so the stream has an address of its own until deflateEnd.
    private let stream: UnsafeMutablePointer<z_stream>

    /// A stream; level 1 is the fastest, 9 the smallest.
    ///
    /// Returns `nil` when there is no memory for it.
    package init?(level: Int = 4) {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        // 15 bits of window, and 16 for a gzip header.
        let status = unsafe deflateInit2_(
            stream, Int32(min(max(level, 1), 9)), Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY,
            ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        if status != Z_OK {
            unsafe stream.deallocate()
            return nil
        }
    }

    deinit {
        // Safety: the stream was made by deflateInit2_ and is ended once.
        unsafe _ = deflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// What can be sent after these bytes; with `finishes` the end of the stream, after which nothing may follow.
    package func add(_ bytes: [UInt8], finishes: Bool) -> [UInt8] {
        var result: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        var start = 0
        while true {
            let available = min(bytes.count - start, 1 << 30)
            let isLast = finishes && start + available == bytes.count
            let status = unsafe bytes.withUnsafeBufferPointer { input in
                unsafe piece.withUnsafeMutableBufferPointer { output in
                    // Safety: zlib reads at most avail_in and writes at most avail_out bytes, which are
                    // those of the two buffers, and keeps neither pointer beyond the call.
                    unsafe stream.pointee.next_in = UnsafeMutablePointer(
                        mutating: input.baseAddress.map { unsafe $0 + start })
                    unsafe stream.pointee.avail_in = UInt32(available)
                    unsafe stream.pointee.next_out = output.baseAddress
                    unsafe stream.pointee.avail_out = UInt32(output.count)
                    return unsafe deflate(stream, isLast ? Z_FINISH : Z_NO_FLUSH)
                }
            }
            let left = unsafe Int(stream.pointee.avail_out)
            start += available - (unsafe Int(stream.pointee.avail_in))
            result.append(contentsOf: piece.prefix(piece.count - left))
            if status == Z_STREAM_END || (start == bytes.count && left > 0) { return result }
        }
    }

    /// Bytes as one gzip stream; `nil` when there is no memory for it.
    package static func compress(_ bytes: [UInt8], level: Int = 4) -> [UInt8]? {
        GzipWriter(level: level)?.add(bytes, finishes: true)
    }
}
