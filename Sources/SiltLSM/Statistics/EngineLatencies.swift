internal import CSiltstone
internal import SiltIO
internal import Synchronization

/// How long calls take: one of 64 is timed, at random, so that the others pay nothing for it.
package final class EngineLatencies: Sendable {
    /// What is timed.
    package enum Kind: Int, Sendable, CaseIterable {
        /// A commit, with its wait for the log.
        case commit
        /// A read of one row.
        case get
        /// A scan's way to its first row in a region.
        case seek
    }

    private final class Part: Sendable {
        let counts = Mutex(LatencyCounts())
    }

    private let clock: any Clock
    private let parts = Kind.allCases.map { _ in Part() }

    init(clock: any Clock) { self.clock = clock }

    /// Draws whether a call is timed.
    ///
    /// Who asks before looking for this object counts no reference to it for the calls that are not.
    package static func isNextTimed() -> Bool { silt_one_of_64() != 0 }

    /// Now, for `end`.
    package var now: UInt64 { clock.monotonicNanoseconds }

    /// The moment at which a call begins, or 0 when it is not timed.
    @inline(__always)
    package func begin() -> UInt64 { Self.isNextTimed() ? now : 0 }

    /// Ends what `begin` gave.
    @inline(__always)
    package func end(_ kind: Kind, _ start: UInt64) {
        if start != 0 { record(kind, start) }
    }

    private func record(_ kind: Kind, _ start: UInt64) {
        let nanoseconds = clock.monotonicNanoseconds &- start
        parts[kind.rawValue].counts.withLock { $0.record(nanoseconds) }
    }

    /// The latencies so far.
    package func counts(_ kind: Kind) -> LatencyCounts {
        parts[kind.rawValue].counts.withLock { $0 }
    }
}
