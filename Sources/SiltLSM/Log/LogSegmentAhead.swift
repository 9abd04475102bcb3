internal import SiltBytes
internal import SiltIO
internal import SiltModel
internal import Synchronization

/// The next log segment, created by a worker before it is needed.
final class LogSegmentAhead: Sendable {
    private struct State {
        var wanted: UInt64?
        var made: (number: UInt64, segment: any LogSegment)?
    }

    private let environment: Environment
    private let incarnation: Identifier
    private let segmentBytes: Int
    private let isEnabled: Bool
    private let state = Mutex(State())

    /// Segments of a server run; `isEnabled` false makes none ahead.
    init(_ environment: Environment, incarnation: Identifier, segmentBytes: Int, isEnabled: Bool) {
        self.environment = environment
        self.incarnation = incarnation
        self.segmentBytes = segmentBytes
        self.isEnabled = isEnabled
    }

    /// Asks a worker for segment `number`.
    func prepare(_ number: UInt64) {
        guard isEnabled else { return }
        state.withLock { $0.wanted = number }
        environment.workers.submit(.high) { [weak self] in
            self?.make(number)
        }
    }

    /// A segment numbered `number` or higher, when one is there; else nobody makes it any more.
    func take(_ number: UInt64) -> (number: UInt64, segment: any LogSegment)? {
        state.withLock { state in
            // While a worker is at it, it holds the lock: whoever comes here waits for the segment.
            state.wanted = nil
            defer { state.made = nil }
            guard let made = state.made, made.number >= number else { return nil }
            return made
        }
    }

    /// Puts back a segment that was taken and not used.
    func give(_ number: UInt64, _ segment: any LogSegment) {
        state.withLock { $0.made = (number, segment) }
    }

    /// Gives up a segment that was made or asked for; what is on disk is trimmed with the rest.
    ///
    /// - Returns: the highest number in use: that of the segment, or `number` - 1.
    func discard(_ number: UInt64) -> UInt64 {
        guard let made = take(number) else { return number - 1 }
        // An unused segment holds nothing that could be lost.
        try? made.segment.close()
        return made.number
    }

    /// Ends a segment whose records are all durable, on a worker: commits do not wait for the room behind them to be given back.
    func close(_ segment: any LogSegment) throws(SiltstoneError) {
        guard isEnabled else { return try segment.close() }
        // What fails here loses nothing: the segment has its end mark, and goes with the rest.
        environment.workers.submit(.high) { try? segment.close() }
    }

    private func make(_ number: UInt64) {
        state.withLock { state in
            guard state.wanted == number, state.made == nil else { return }
            // On failure the committing thread tries again by itself and reports what it finds.
            let segment = try? environment.log.createSegment(
                incarnation, number, capacity: segmentBytes)
            if let segment { state.made = (number, segment) }
            state.wanted = nil
        }
    }
}
