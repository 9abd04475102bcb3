import Glibc

/// The machine's clocks.
package struct SystemClock: Clock {
    /// The machine's clocks.
    package init() {}

    /// The machine's wall clock.
    package var nowMilliseconds: Int64 {
        let time = SystemClock.read(CLOCK_REALTIME)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    /// Time since the machine started.
    package var monotonicNanoseconds: UInt64 {
        let time = SystemClock.read(CLOCK_MONOTONIC)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// Sleeps.
    package func sleep(nanoseconds: UInt64) {
        var left = timespec(
            tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
        // Safety: the call reads the local structure only; a signal may end the sleep early.
        _ = unsafe nanosleep(&left, nil)
    }

    private static func read(_ clock: clockid_t) -> timespec {
        var time = timespec()
        // Safety: the call fills the local structure, which outlives it.
        _ = unsafe clock_gettime(clock, &time)
        return time
    }
}
