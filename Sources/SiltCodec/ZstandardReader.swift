package import SiltBytes

/// Restores Zstandard streams that others wrote, whose size nobody vouches for.
package enum ZstandardReader {
    /// The largest window, as a power of two: what RFC 8878 asks every decoder to take.
    private static let windowBits: Int32 = 23

    /// What a whole stream of one or more frames holds.
    ///
    /// - Parameter limit: the most bytes that may come out; more are refused.
    /// - Returns: `nil` when more would come out.
    /// - Throws: when the stream is damaged, cut short, or wants too much memory.
    package static func decompress(_ source: [UInt8], limit: Int) throws(DecodingError) -> [UInt8]?
    {
        guard let unpacker = ZstandardUnpacker(windowBits: windowBits) else {
            throw DecodingError(offset: 0, "no memory for a Zstandard stream")
        }
        var result: [UInt8] = []
        var consumed = 0
        while true {
            let before = result.count
            let taken = try unpacker.unpack(source, from: consumed, into: &result)
            consumed += taken
            if result.count > limit { return nil }
            if unpacker.isComplete, consumed == source.count { return result }
            if taken == 0, result.count == before {
                throw DecodingError(offset: consumed, "Zstandard stream ends too early")
            }
        }
    }
}
