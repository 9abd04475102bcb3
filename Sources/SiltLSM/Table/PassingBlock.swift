internal import SiltBytes
internal import SiltCodec
internal import SiltFormat

/// A block that is looked at and not kept: its keys are there, its values as far as they are asked for.
///
/// Safety: it lies in memory of the calling thread, which is its own until the thread's next read.
@safe
struct PassingBlock {
    /// The block; a value's bytes are good once they were restored.
    let view: BlockView
    private var restoration: BlockRestoration?
    private let start: UnsafeRawPointer?

    /// A block that is there as a whole.
    init(_ raw: UnsafeMutableRawBufferPointer) throws(DecodingError) {
        unsafe start = nil
        view = try unsafe BlockView(UnsafeRawBufferPointer(raw))
    }

    /// Restores a stored block in `raw`, but for its values.
    init(
        _ codec: Codec, _ stored: UnsafeRawBufferPointer, in raw: UnsafeMutableRawBufferPointer,
        _ decompressor: Decompressor
    ) throws(DecodingError) {
        // Safety: both buffers are the thread's own, as the type says.
        var restoration = try unsafe BlockRestoration(codec, stored, into: raw, decompressor)
        let block = UnsafeRawBufferPointer(raw)
        view = try unsafe BlockView(block) { count throws(DecodingError) in
            try restoration.restore(count)
        }
        unsafe start = block.baseAddress
        self.restoration = restoration
    }

    /// Restores the block up to the end of one of its values.
    mutating func restore(through value: UnsafeRawBufferPointer) throws(DecodingError) {
        // Safety: a value lies within the block.
        guard let start = unsafe start, let end = value.baseAddress else { return }
        try unsafe restoration?.restore(end - start + value.count)
    }
}
