internal import SiltBytes
internal import SiltModel
internal import Synchronization

/// The parts of one compaction, cut between rows: whoever has time takes the next one.
final class CompactionParts: Sendable {
    /// What one part gave.
    struct Output: Sendable {
        /// The files, in key order.
        var files: [TableHold] = []
        /// All files that were begun; protected from the sweeper until they stand in a manifest.
        var begun: [Identifier] = []
    }

    private struct State {
        var next = 0
        var runningCount = 0
        var outputs: [Output]
        var failure: SiltstoneError?
    }

    /// The row prefixes at which parts begin, but the first.
    let cuts: [[UInt8]]
    private let state: Mutex<State>

    /// One part more than there are cuts.
    init(cuts: [[UInt8]]) {
        self.cuts = cuts
        state = Mutex(State(outputs: (0...cuts.count).map { _ in Output() }))
    }

    /// Works on parts until none is left to begin, or one failed.
    func work(_ body: (_ start: [UInt8]?, _ end: [UInt8]?) -> (Output, SiltstoneError?)) {
        while let part = take() {
            let (output, failure) = body(
                part > 0 ? cuts[part - 1] : nil, part < cuts.count ? cuts[part] : nil)
            state.withLock { state in
                state.outputs[part] = output
                state.runningCount -= 1
                if state.failure == nil { state.failure = failure }
            }
        }
    }

    private func take() -> Int? {
        state.withLock { state in
            guard state.failure == nil, state.next < state.outputs.count else { return nil }
            state.next += 1
            state.runningCount += 1
            return state.next - 1
        }
    }

    /// Whether a part is being worked on.
    var isRunning: Bool { state.withLock { $0.runningCount > 0 } }

    /// Takes no further part: those who come late find none.
    func end() { state.withLock { $0.next = $0.outputs.count } }

    /// What came of it, in key order, and the first failure.
    var result: (outputs: [Output], failure: SiltstoneError?) {
        state.withLock { ($0.outputs, $0.failure) }
    }
}
