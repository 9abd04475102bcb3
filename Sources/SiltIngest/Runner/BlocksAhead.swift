internal import SiltIO
internal import SiltModel
internal import Synchronization

/// The blocks of an input, in order; the next one is decoded by a worker while the one before it is processed.
///
/// A worker that has not begun when the block is wanted is not waited for: who wants the block decodes it then. So the
/// blocks are the same, and come in the same order, however many workers there are.
final class BlocksAhead: Sendable {
    // Safety: whoever took it out of `idle` is the only one to use it.
    /// The reader, and the block that it reads next or has read.
    private final class Turn: @unchecked Sendable {
        var reader: BlockReader
        var ahead: DecodedBlock
        var isRead = false
        var isEnded = false
        var failure: SiltstoneError?

        init(_ reader: BlockReader, _ plan: JobPlan) {
            self.reader = reader
            ahead = DecodedBlock(plan)
        }

        func read() {
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

    private struct Idle {
        /// None while somebody uses it.
        var turn: Turn?
        var isAwaited = false
    }

    private let idle: Mutex<Idle>
    private let returned = Signal()
    private let workers: (any Workers)?

    /// The blocks that a reader gives from now on.
    ///
    /// - Parameter workers: decode ahead; `nil` when nothing is to be read before it is wanted.
    init(_ reader: BlockReader, plan: JobPlan, workers: (any Workers)?) {
        idle = Mutex(Idle(turn: Turn(reader, plan)))
        self.workers = workers
    }

    /// Replaces a block that was processed by the next one, and has the one after that decoded in its memory.
    func next(_ block: inout DecodedBlock) throws(SiltstoneError) {
        let turn = take()
        turn.read()
        if turn.failure == nil {
            swap(&block, &turn.ahead)
            turn.isRead = false
        }
        let failure = turn.failure
        put(turn)
        if let failure { throw failure }
        if !block.isLast { workers?.submit(.high) { [weak self] in self?.readAhead() } }
    }

    /// Reads no more, and waits for who still does.
    func stop() {
        let turn = take()
        turn.isEnded = true
        put(turn)
    }

    private func readAhead() {
        guard let turn = idle.withLock({ $0.turn.take() }) else { return }
        turn.read()
        put(turn)
    }

    /// Waits for the turn.
    private func take() -> Turn {
        while true {
            let turn = idle.withLock { idle in
                idle.isAwaited = idle.turn == nil
                return idle.turn.take()
            }
            if let turn { return turn }
            _ = returned.wait()
        }
    }

    private func put(_ turn: Turn) {
        let isAwaited = idle.withLock { idle in
            idle.turn = turn
            defer { idle.isAwaited = false }
            return idle.isAwaited
        }
        if isAwaited { returned.set(1) }
    }
}
