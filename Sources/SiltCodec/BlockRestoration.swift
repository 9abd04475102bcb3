internal import CSiltstone
package import SiltBytes

/// A stored block that is restored from its beginning on, only as far as it is wanted.
///
/// LZ4 can be left at any place and gone on with; with other codecs all is there from the start.
///
/// Safety: source and target stay where they are, and the target is nobody else's, while this is used.
@safe
package struct BlockRestoration {
    private var block: silt_lz4
    private let isWhole: Bool

    /// Begins to fill `target`, the size of which must be what `source` holds.
    package init(
        _ codec: Codec, _ source: UnsafeRawBufferPointer,
        into target: UnsafeMutableRawBufferPointer, _ decompressor: Decompressor
    ) throws(DecodingError) {
        isWhole = codec != .lz4
        unsafe block = silt_lz4()
        if isWhole {
            try unsafe decompressor.decompress(codec, source, into: target)
            return
        }
        guard let from = source.baseAddress, let to = target.baseAddress else {
            throw DecodingError(offset: 0, "block is empty")
        }
        let start = unsafe to.assumingMemoryBound(to: UInt8.self)
        let next = unsafe from.assumingMemoryBound(to: UInt8.self)
        // Safety: each end is that of its buffer.
        unsafe block = silt_lz4(
            in: next, in_end: next + source.count, start: start, out: start,
            end: start + target.count)
    }

    /// Goes on until the first `count` bytes of the target are there.
    ///
    /// - Throws: when the bytes are not what the codec writes, or are not enough.
    package mutating func restore(_ count: Int) throws(DecodingError) {
        if isWhole { return }
        // Safety: the function stays within the two buffers.
        guard count >= 0, unsafe silt_lz4_restore(&block, count) != 0 else {
            throw DecodingError(offset: 0, "block does not decompress to its size wanted=\(count)")
        }
    }
}
