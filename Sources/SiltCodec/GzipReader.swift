internal import CZlib
package import SiltBytes

/// Restores gzip and zlib streams that others wrote.
package enum GzipReader {
    private static let pieceBytes = 64 << 10

    /// What a whole gzip stream (of one or more members) or zlib stream holds.
    ///
    /// - Parameter limit: the most bytes that may come out; more are refused before they are made.
    /// - Returns: `nil` when more would come out.
    /// - Throws: when the stream is damaged, cut short or followed by other bytes.
    package static func decompress(_ source: [UInt8], limit: Int) throws(DecodingError) -> [UInt8]?
    {
        // Safety: zlib keeps a pointer to its stream, so the stream has an address of its own until inflateEnd.
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        defer { unsafe stream.deallocate() }
        // 15 bits of window, and 32 to tell gzip from zlib by the header.
        guard
            unsafe inflateInit2_(stream, 47, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
                == Z_OK
        else { throw DecodingError(offset: 0, "no memory for a gzip stream") }
        defer { unsafe _ = inflateEnd(stream) }
        var result: [UInt8] = []
        var consumed = 0
        while true {
            let (status, taken) = unsafe try inflatePiece(
                stream, source, from: consumed, into: &result)
            consumed += taken
            if result.count > limit { return nil }
            if status == Z_STREAM_END {
                if consumed == source.count { return result }
                // Another member may follow the first.
                unsafe _ = inflateReset(stream)
            } else if consumed == source.count, unsafe stream.pointee.avail_out > 0 {
                throw DecodingError(offset: consumed, "gzip stream ends too early")
            }
        }
    }

    private static func inflatePiece(
        _ stream: UnsafeMutablePointer<z_stream>, _ source: [UInt8], from start: Int,
        into result: inout [UInt8]
    ) throws(DecodingError) -> (status: Int32, taken: Int) {
        // Safety: zlib reads at most avail_in and writes at most avail_out bytes, which are those of the two
        // buffers, and keeps neither pointer beyond the call.
        var piece = [UInt8](repeating: 0, count: pieceBytes)
        let available = min(source.count - start, 1 << 30)
        let status = unsafe source.withUnsafeBufferPointer { input in
            unsafe piece.withUnsafeMutableBufferPointer { output in
                unsafe stream.pointee.next_in = UnsafeMutablePointer(
                    mutating: input.baseAddress.map { unsafe $0 + start })
                unsafe stream.pointee.avail_in = UInt32(available)
                unsafe stream.pointee.next_out = output.baseAddress
                unsafe stream.pointee.avail_out = UInt32(pieceBytes)
                return unsafe inflate(stream, Z_NO_FLUSH)
            }
        }
        let taken = unsafe available - Int(stream.pointee.avail_in)
        guard status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR else {
            throw DecodingError(offset: start + taken, "gzip stream is damaged")
        }
        let made = unsafe pieceBytes - Int(stream.pointee.avail_out)
        if made == 0, taken == 0, status != Z_STREAM_END {
            throw DecodingError(offset: start, "gzip stream ends too early")
        }
        result.append(contentsOf: piece.prefix(made))
        return (status, taken)
    }
}
