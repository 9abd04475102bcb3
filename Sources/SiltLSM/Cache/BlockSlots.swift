internal import Synchronization

/// The slots of a file's blocks.
///
/// Safety: every word is initialized in init and freed in deinit; numbers are below the count.
@safe
struct BlockSlots: ~Copyable, @unchecked Sendable {
    private let words: UnsafeMutablePointer<BlockSlot.Word>
    /// When each block was last read from the file and not kept, as the cache counts time.
    private let marks: UnsafeMutablePointer<Atomic<UInt8>>
    private let count: Int

    /// Slots that show nothing.
    init(count: Int) {
        self.count = count
        unsafe words = .allocate(capacity: count)
        unsafe marks = .allocate(capacity: count)
        for number in 0..<count {
            unsafe (words + number).initialize(to: BlockSlot.Word(nil))
            unsafe (marks + number).initialize(to: Atomic(0))
        }
    }

    deinit {
        unsafe words.deinitialize(count: count)
        unsafe marks.deinitialize(count: count)
        unsafe words.deallocate()
        unsafe marks.deallocate()
    }

    /// Notes that a block is read now, and says when it was before.
    func mark(_ number: Int, _ now: UInt8) -> UInt8 {
        precondition(number >= 0 && number < count)
        let before = unsafe marks[number].load(ordering: .relaxed)
        unsafe marks[number].store(now, ordering: .relaxed)
        return before
    }

    /// The slot of a block.
    @inline(__always)
    subscript(number: Int) -> BlockSlot {
        precondition(number >= 0 && number < count)
        return unsafe BlockSlot(words + number)
    }
}
