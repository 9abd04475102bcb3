internal import SiltBytes
internal import SiltIO
internal import SiltModel
internal import Synchronization

/// The next log segments, created by a worker before they are needed.
final class LogSegmentAhead: Sendable {
    private struct State {
        /// The number of the next segment to make; `nil` while nobody may.
        var wanted: UInt64?
        var made: [(number: UInt64, segment: any LogSegment)] = []
    }

    private let environment: Environment
    private let incarnation: Identifier
    private let segmentBytes: Int
    private let isEnabled: Bool
    private let state = Mutex(State())
    /// Held while a segment is made.
    private let making = Mutex(())

    /// Segments of a server run; `isEnabled` false makes none ahead.
    init(_ environment: Environment, incarnation: Identifier, segmentBytes: Int, isEnabled: Bool) {
        self.environment = environment
        self.incarnation = incarnation
        self.segmentBytes = segmentBytes
        self.isEnabled = isEnabled
    }

    /// How many are kept ready: one may be full before a busy device made the next.
    private static let countMax = 4

    /// Asks a worker for segments from `number` on.
    func prepare(_ number: UInt64) {
        guard isEnabled else { return }
        state.withLock { state in
            if state.made.isEmpty { state.wanted = max(number, state.wanted ?? number) }
        }
        environment.workers.submit(.urgent) { [weak self] in
            self?.make()
        }
    }

    /// A segment numbered `number` or higher, when one is there; else nobody makes it any more.
    func take(_ number: UInt64) -> (number: UInt64, segment: any LogSegment)? {
        if let made = takeMade(number) { return made }
        // Perhaps a worker is at it.
        return making.withLock { _ in
            if let made = takeMade(number) { return made }
            state.withLock { $0.wanted = nil }
            return nil
        }
    }

    private func takeMade(_ number: UInt64) -> (number: UInt64, segment: any LogSegment)? {
        state.withLock { state in
            guard let first = state.made.first, first.number >= number else { return nil }
            return state.made.removeFirst()
        }
    }

    /// Puts back a segment that was taken and not used.
    func give(_ number: UInt64, _ segment: any LogSegment) {
        state.withLock { $0.made.insert((number, segment), at: 0) }
    }

    /// Gives up the segments that were made or asked for; what is on disk is trimmed with the rest.
    ///
    /// - Returns: the highest number in use: that of the last one, or `number` - 1.
    func discard(_ number: UInt64) -> UInt64 {
        let made = making.withLock { _ in
            state.withLock { state in
                state.wanted = nil
                defer { state.made = [] }
                return state.made
            }
        }
        // An unused segment holds nothing that could be lost.
        for item in made { try? item.segment.close() }
        return made.last?.number ?? number - 1
    }

    /// Has a complete segment made durable and closed, by a worker; who must know asks the segment.
    func close(_ segment: OpenSegment) {
        guard isEnabled else {
            try? segment.close()
            return
        }
        environment.workers.submit(.urgent) { try? segment.close() }
    }

    private func make() {
        while true {
            let isMade = making.withLock { _ in
                let wanted = state.withLock { $0.made.count < Self.countMax ? $0.wanted : nil }
                // On failure the committing thread tries again by itself and reports what it finds.
                guard let number = wanted,
                    let segment = try? environment.log.createSegment(
                        incarnation, number, capacity: segmentBytes)
                else { return false }
                state.withLock { state in
                    state.made.append((number, segment))
                    state.wanted = number + 1
                }
                return true
            }
            if !isMade { return }
        }
    }
}
