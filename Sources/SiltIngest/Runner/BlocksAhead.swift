internal import SiltIO
internal import SiltModel
internal import Synchronization

/// The blocks of an input, in order; the next one is decoded by a worker while the one before it is processed.
///
/// A worker that has not begun when the block is wanted is not waited for: who wants the block decodes it then. So the
/// blocks are the same, and come in the same order, however many workers there are.
final class BlocksAhead: Sendable {
    // Safety: the reader and its input are used by whoever holds the lock.
    private struct State: @unchecked Sendable {
        var reader: BlockReader
        var ahead: DecodedBlock
        var isRead = false
        var isEnded = false
        var failure: SiltstoneError?

        mutating func read() {
            guard !isRead, !isEnded, failure == nil else { return }
            do {
                try reader.read(into: &ahead)
                isRead = true
                isEnded = ahead.isLast
            } catch {
                failure = error
            }
        }
    }

    private let state: Mutex<State>
    private let workers: (any Workers)?

    /// The blocks that a reader gives from now on.
    ///
    /// - Parameter workers: decode ahead; `nil` when nothing is to be read before it is wanted.
    init(_ reader: BlockReader, plan: JobPlan, workers: (any Workers)?) {
        state = Mutex(State(reader: reader, ahead: DecodedBlock(plan)))
        self.workers = workers
    }

    /// Replaces a block that was processed by the next one, and has the one after that decoded in its memory.
    func next(_ block: inout DecodedBlock) throws(SiltstoneError) {
        try state.withLock { state throws(SiltstoneError) in
            state.read()
            if let failure = state.failure { throw failure }
            swap(&block, &state.ahead)
            state.isRead = false
        }
        if !block.isLast { workers?.submit(.high) { [weak self] in self?.readAhead() } }
    }

    private func readAhead() { state.withLock { $0.read() } }

    /// Reads no more, and waits for who still does.
    func stop() { state.withLock { $0.isEnded = true } }
}
