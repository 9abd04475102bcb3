internal import Synchronization

/// Spreads the writes of merges over time: a rate that follows what comes in and how much waits.
final class CompactionPacer: Sendable {
    private struct State {
        /// When what was charged so far is paid for, in nanoseconds.
        var paidAt: UInt64 = 0
        /// Bytes a second that flushes write, averaged.
        var flushRate = 0.0
        var lastFlushAt: UInt64 = 0
    }

    /// However little comes in, merges may write this much, in bytes a second.
    private static let rateMin = 24e6
    /// What may be written at once after a pause, in nanoseconds of the rate.
    private static let burst: UInt64 = 50_000_000
    /// Without a flush for so long, merges run as fast as they can, in nanoseconds.
    private static let idle: UInt64 = 2_000_000_000

    private let state = Mutex(State())

    /// Takes note of a flush.
    func noteFlush(_ byteCount: Int, nowNanoseconds now: UInt64) {
        state.withLock { state in
            let seconds = max(0.01, Double(now &- state.lastFlushAt) / 1e9)
            let rate = Double(byteCount) / seconds
            // A long pause says nothing about the load since.
            state.flushRate =
                seconds > 10 ? rate : state.flushRate + (rate - state.flushRate) * 0.3
            state.lastFlushAt = now
        }
    }

    /// How long a merge that wrote so many bytes should pause, in nanoseconds.
    ///
    /// - Parameter debt: what waits to be merged, as a share of what is much: from a half on nothing is held back.
    func pause(after byteCount: Int, debt: Double, nowNanoseconds now: UInt64) -> UInt64 {
        if debt >= 0.5 { return 0 }
        return state.withLock { state in
            if now &- state.lastFlushAt > Self.idle { return 0 }
            let rate = max(Self.rateMin, state.flushRate * (3 + 20 * debt))
            let cost = UInt64(Double(byteCount) / rate * 1e9)
            let earliest = now > Self.burst ? now - Self.burst : 0
            state.paidAt = max(state.paidAt, earliest) + cost
            return state.paidAt > now ? state.paidAt - now : 0
        }
    }
}
