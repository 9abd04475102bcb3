internal import SiltIO
internal import SiltModel
internal import Synchronization

/// The blocks of an input, in order; a worker decodes some ahead while those before them are processed.
///
/// A worker that has not begun when a block is wanted is not waited for: who wants the block decodes it then. So the
/// blocks are the same, and come in the same order, however many workers there are. A worker is asked for when most of
/// what may be decoded ahead is taken, and does not go before all of it is there again: waking it costs something.
final class BlocksAhead: Sendable {
    // Safety: whoever took it out of the queue is the only one to use it.
    /// The reader.
    private final class Turn: @unchecked Sendable {
        var reader: BlockReader

        init(_ reader: BlockReader) { self.reader = reader }
    }

    // Safety: whoever took it out of the queue is the only one to use it.
    /// The memory of a block.
    private final class Place: @unchecked Sendable {
        var block: DecodedBlock

        init(_ plan: JobPlan) { block = DecodedBlock(plan) }
    }

    private struct Queue {
        /// Blocks decoded ahead, in order.
        var ready: [Place] = []
        /// Blocks that were processed, to be read into again.
        ///
        /// There is one when the turn is free: one more exists than may be ready.
        var spare: [Place]
        /// None while somebody uses it.
        var turn: Turn?
        /// Whether somebody waits for the turn.
        var isAwaited = false
        /// Whether a worker was asked for and has not gone again.
        var isAsked = false
        /// Whether nothing follows what is ready.
        var isEnded = false
        /// Why nothing does.
        var failure: SiltstoneError?

        /// Whether more may be decoded ahead of what is wanted.
        func wantsMore(_ room: Int) -> Bool { !isEnded && failure == nil && ready.count < room }

        /// Takes the turn, and what to read into.
        mutating func begin() -> (turn: Turn, place: Place)? {
            guard let place = spare.last, let taken = turn.take() else { return nil }
            spare.removeLast()
            return (taken, place)
        }
    }

    /// What who wants a block does next.
    private enum Step {
        case take(Place, asks: Bool)
        case fail(SiltstoneError)
        case read(Turn, Place)
        case wait
    }

    /// How much is decoded ahead, in blocks and in bytes of input.
    private static let aheadCount = 4
    private static let aheadBytes = 1 << 20

    private let queue: Mutex<Queue>
    private let returned = Signal()
    private let workers: (any Workers)?
    private let room: Int

    /// The blocks that a reader gives from now on.
    ///
    /// - Parameters:
    ///   - blockBytes: how much the reader reads at once.
    ///   - workers: decode ahead; `nil` when nothing is to be read before it is wanted.
    init(_ reader: BlockReader, plan: JobPlan, blockBytes: Int, workers: (any Workers)?) {
        let room = max(1, min(Self.aheadCount, Self.aheadBytes / max(1, blockBytes)))
        queue = Mutex(Queue(spare: (0...room).map { _ in Place(plan) }, turn: Turn(reader)))
        self.room = room
        self.workers = workers
    }

    /// Replaces a block that was processed by the next one, and has those after that decoded.
    func next(_ block: inout DecodedBlock) throws(SiltstoneError) {
        while true {
            switch step() {
            case .take(let place, let asks):
                swap(&block, &place.block)
                queue.withLock { $0.spare.append(place) }
                if asks { ask() }
                return
            case .fail(let failure): throw failure
            case .read(let turn, let place): read(turn, into: place)
            case .wait: _ = returned.wait()
            }
        }
    }

    /// Reads no more, and waits for who still does.
    func stop() {
        while true {
            let isIdle = queue.withLock { queue in
                queue.isEnded = true
                queue.isAwaited = queue.turn == nil
                return queue.turn != nil
            }
            if isIdle { return }
            _ = returned.wait()
        }
    }

    private func step() -> Step {
        queue.withLock { queue in
            if !queue.ready.isEmpty {
                let place = queue.ready.removeFirst()
                let asks =
                    workers != nil && !queue.isAsked && queue.wantsMore(room)
                    && queue.ready.count <= room / 4
                if asks { queue.isAsked = true }
                return .take(place, asks: asks)
            }
            if let failure = queue.failure { return .fail(failure) }
            if let (turn, place) = queue.begin() { return .read(turn, place) }
            queue.isAwaited = true
            return .wait
        }
    }

    private func readAhead() {
        for _ in 0..<room {
            let begun: (turn: Turn, place: Place)? = queue.withLock { queue in
                if queue.wantsMore(room), let begun = queue.begin() { return begun }
                queue.isAsked = false
                return nil
            }
            guard let (turn, place) = begun else { return }
            read(turn, into: place)
        }
        // Others may have work for the worker, too.
        ask()
    }

    private func ask() {
        workers?.submit(.high) { [weak self] in self?.readAhead() }
    }

    /// Reads the next block, and gives the turn back.
    private func read(_ turn: Turn, into place: Place) {
        var failure: SiltstoneError?
        do {
            try turn.reader.read(into: &place.block)
        } catch {
            failure = error
        }
        let isAwaited = queue.withLock { queue in
            queue.turn = turn
            queue.failure = failure
            if failure == nil {
                queue.ready.append(place)
                if place.block.isLast { queue.isEnded = true }
            }
            defer { queue.isAwaited = false }
            return queue.isAwaited
        }
        if isAwaited { returned.set(1) }
    }
}
