import Synchronization

/// A clock that moves only when told to.
package final class ManualClock: Clock {
    private struct State {
        var milliseconds: Int64
        var nanoseconds: UInt64 = 0
        var stepMilliseconds: Int64
    }

    private let state: Mutex<State>

    /// A clock that shows `nowMilliseconds`.
    ///
    /// - Parameter autoAdvanceMilliseconds: how far each reading of the time moves it afterwards.
    package init(nowMilliseconds: Int64 = 1_700_000_000_000, autoAdvanceMilliseconds: Int64 = 0) {
        state = Mutex(
            State(milliseconds: nowMilliseconds, stepMilliseconds: autoAdvanceMilliseconds))
    }

    /// The time as set.
    package var nowMilliseconds: Int64 {
        state.withLock { state in
            let now = state.milliseconds
            ManualClock.advance(&state, by: state.stepMilliseconds)
            return now
        }
    }

    /// Moves with `advance` only.
    package var monotonicNanoseconds: UInt64 { state.withLock { $0.nanoseconds } }

    /// Lets the time pass on the monotonic clock and returns at once.
    package func sleep(nanoseconds: UInt64) { state.withLock { $0.nanoseconds += nanoseconds } }

    /// Shows another time, also an earlier one; the monotonic clock stays.
    package func set(nowMilliseconds: Int64) {
        state.withLock { $0.milliseconds = nowMilliseconds }
    }

    /// Lets time pass on both clocks; `milliseconds` must not be negative.
    package func advance(milliseconds: Int64) {
        precondition(milliseconds >= 0)
        state.withLock { ManualClock.advance(&$0, by: milliseconds) }
    }

    private static func advance(_ state: inout State, by milliseconds: Int64) {
        state.milliseconds += milliseconds
        state.nanoseconds += UInt64(milliseconds) * 1_000_000
    }
}
