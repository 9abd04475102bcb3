package import SiltBytes

/// Restores gzip and zlib streams that others wrote.
package enum GzipReader {
    /// What a whole gzip stream (of one or more members) or zlib stream holds.
    ///
    /// - Parameter limit: the most bytes that may come out; more are refused.
    /// - Returns: `nil` when more would come out.
    /// - Throws: when the stream is damaged, cut short or followed by other bytes.
    package static func decompress(_ source: [UInt8], limit: Int) throws(DecodingError) -> [UInt8]?
    {
        guard let unpacker = GzipUnpacker(takesZlib: true) else {
            throw DecodingError(offset: 0, "no memory for a gzip stream")
        }
        var result: [UInt8] = []
        var consumed = 0
        while true {
            let before = result.count
            let taken = try unpacker.unpack(source, from: consumed, into: &result)
            consumed += taken
            if result.count > limit { return nil }
            if unpacker.isComplete {
                if consumed == source.count { return result }
            } else if taken == 0, result.count == before {
                throw DecodingError(offset: consumed, "gzip stream ends too early")
            }
        }
    }
}
