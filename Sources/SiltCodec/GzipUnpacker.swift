internal import CZlib
package import SiltBytes

/// Restores a gzip stream of one or more members, or a zlib stream where one is allowed, piece by piece; one thread at a time.
@safe package final class GzipUnpacker {
    // Safety: zlib keeps a pointer to its stream, so the stream has an address of its own until inflateEnd.
    private let stream: UnsafeMutablePointer<z_stream>
    private var piece = [UInt8](repeating: 0, count: 128 << 10)
    /// Whether the stream may end here: at the end of a member.
    package private(set) var isComplete = false

    /// Returns `nil` when there is no memory for it.
    ///
    /// - Parameter takesZlib: whether the header may be zlib's as well as gzip's.
    package init?(takesZlib: Bool = false) {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        // 15 bits of window, and 16 for a gzip header or 32 to tell gzip from zlib by it.
        let status = unsafe inflateInit2_(
            stream, takesZlib ? 47 : 31, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        if status != Z_OK {
            unsafe stream.deallocate()
            return nil
        }
    }

    deinit {
        // Safety: the stream was made by inflateInit2_ and is ended once.
        unsafe _ = inflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// Takes bytes of the stream from `start` on and appends at most 128 KiB of what they hold.
    ///
    /// - Returns: how many bytes were taken; nothing taken and nothing appended means that more are needed.
    package func unpack(
        _ source: [UInt8], from start: Int, into result: inout [UInt8]
    ) throws(DecodingError) -> Int {
        let available = min(source.count - start, 1 << 30)
        if isComplete {
            if available <= 0 { return 0 }
            // Another member follows.
            unsafe _ = inflateReset(stream)
            isComplete = false
        }
        let status = unsafe source.withUnsafeBufferPointer { input in
            unsafe piece.withUnsafeMutableBufferPointer { output in
                // Safety: zlib reads at most avail_in and writes at most avail_out bytes, which are those of the
                // two buffers, and keeps neither pointer beyond the call.
                unsafe stream.pointee.next_in = UnsafeMutablePointer(
                    mutating: input.baseAddress.map { unsafe $0 + start })
                unsafe stream.pointee.avail_in = UInt32(available)
                unsafe stream.pointee.next_out = output.baseAddress
                unsafe stream.pointee.avail_out = UInt32(output.count)
                return unsafe inflate(stream, Z_NO_FLUSH)
            }
        }
        let left = unsafe Int(stream.pointee.avail_out)
        let taken = unsafe available - Int(stream.pointee.avail_in)
        guard status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR else {
            throw DecodingError(offset: start + taken, "gzip stream is damaged")
        }
        isComplete = status == Z_STREAM_END
        result.append(contentsOf: piece.prefix(piece.count - left))
        return taken
    }
}
