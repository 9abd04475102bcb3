internal import CSiltstone
internal import Synchronization

/// What filters of table files were asked by reads of one row, and what they said.
package struct FilterCounts: Sendable, Hashable {
    /// How often a filter was asked.
    package var asked = 0
    /// How often it said that the file does not have the row or column: certain.
    package var excluded = 0
    /// How often it said that the file may have it, and the file had not.
    package var wrong = 0
}

/// Lets readers use shared objects without counting references to them: what a writer replaced is
/// released when no reader that may have seen it is left.
///
/// 1. Readers enter the current epoch before they load a shared pointer and leave it when they are
///    done with what it led to. They count themselves in a cache line that few threads share, one
///    count for even and one for odd epochs, and never wait.
/// 2. A writer takes the object out of sight first and then retires it into the current epoch's
///    bin.
/// 3. Epoch `e` ends only when nobody is left in epoch `e - 1`. So readers are in two epochs at
///    most, and what was retired in epoch `e` is out of use when epoch `e + 2` begins.
///
/// A reader that counts itself in late, after its epoch's parity came round again, sees that the
/// epoch is another and starts over: the count, the second look and the epoch's change are all
/// sequentially consistent.
///
/// Safety: the words are atomic and live as long as this object.
@safe
package final class ReadEpoch: @unchecked Sendable {
    /// A stripe has a cache line of 64 bytes, of which hardware fetches two at a time.
    private static let stripeBytes = 128
    private static let stripeCount = 32
    private static let hitsOffset = 16
    private static let askedOffset = 24
    private static let excludedOffset = 32
    private static let wrongOffset = 40
    private static let readsOffset = 48

    private struct Bin {
        var objects: [any AnyObject & Sendable] = []
        /// Those that take long to release.
        var large: [any AnyObject & Sendable] = []

        var count: Int { objects.count + large.count }
    }

    private struct Bins {
        /// Retired in this epoch, and in the one before it.
        var current = Bin()
        var last = Bin()
        /// Large ones that are out of use.
        var large: [any AnyObject & Sendable] = []
    }

    /// A reader's place; leave with it once.
    @safe
    package struct Pin {
        fileprivate let stripe: UnsafeMutableRawPointer
        fileprivate let parity: Int

        /// Counts a block found in memory, for statistics.
        @inline(__always)
        func countHit() { count(ReadEpoch.hitsOffset, 1) }

        /// Counts a read, for statistics.
        @inline(__always)
        func countRead() { count(ReadEpoch.readsOffset, 1) }

        /// Counts what filters were asked and answered, for statistics.
        @inline(__always)
        func count(_ filters: FilterCounts) {
            if filters.asked > 0 { count(ReadEpoch.askedOffset, filters.asked) }
            if filters.excluded > 0 { count(ReadEpoch.excludedOffset, filters.excluded) }
            if filters.wrong > 0 { count(ReadEpoch.wrongOffset, filters.wrong) }
        }

        @inline(__always)
        private func count(_ offset: Int, _ number: Int) {
            // Safety: the stripe lives as long as the epoch, which outlives its readers.
            // Two threads of one stripe may lose a count, which costs less than a locked addition.
            let word = unsafe ReadEpoch.word(stripe, offset)
            unsafe word.pointee.store(
                word.pointee.load(ordering: .relaxed) &+ number, ordering: .relaxed)
        }
    }

    private let stripes: UnsafeMutableRawPointer
    private let epoch = Atomic<UInt64>(0)
    private let bins = Mutex(Bins())

    /// An epoch that nobody reads in.
    package init() {
        let count = Self.stripeBytes * Self.stripeCount
        // Safety: freed in deinit; zero is the state of an atomic of 0.
        unsafe stripes = .allocate(byteCount: count, alignment: Self.stripeBytes)
        unsafe stripes.initializeMemory(as: UInt8.self, repeating: 0, count: count)
    }

    // Safety: nobody refers to the epoch any more, so nobody is in it.
    deinit { unsafe stripes.deallocate() }

    // Safety: offsets are those of 8-byte words of a stripe.
    @inline(__always)
    private static func word(_ stripe: UnsafeMutableRawPointer, _ offset: Int)
        -> UnsafeMutablePointer<Atomic<Int>>
    {
        unsafe (stripe + offset).assumingMemoryBound(to: Atomic<Int>.self)
    }

    /// Where the calling thread counts, in the epoch or not.
    // Safety: the stripe is this object's.
    var counting: Pin { unsafe Pin(stripe: stripe, parity: 0) }

    /// The calling thread's stripe.
    @inline(__always)
    private var stripe: UnsafeMutableRawPointer {
        // Safety: the number is below the count of stripes.
        let number = Int(silt_thread_number()) & (Self.stripeCount &- 1)
        return unsafe stripes + number &* Self.stripeBytes
    }

    /// Begins to read.
    @inline(__always)
    package func enter() -> Pin {
        // Safety: the stripe is this object's.
        let stripe = unsafe stripe
        while true {
            let now = epoch.load(ordering: .sequentiallyConsistent)
            let parity = Int(truncatingIfNeeded: now & 1) &* 8
            let word = unsafe Self.word(stripe, parity)
            unsafe word.pointee.wrappingAdd(1, ordering: .sequentiallyConsistent)
            if epoch.load(ordering: .sequentiallyConsistent) == now {
                return unsafe Pin(stripe: stripe, parity: parity)
            }
            unsafe word.pointee.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        }
    }

    /// Ends reading.
    @inline(__always)
    package func leave(_ pin: Pin) {
        // Safety: the stripe is this object's.
        unsafe Self.word(pin.stripe, pin.parity).pointee.wrappingSubtract(1, ordering: .releasing)
    }

    /// Keeps an object, which new readers cannot find any more, until those that may have found it
    /// are gone.
    ///
    /// - Parameter isLarge: whether it takes long to release: that is left to `reclaim` with
    ///   `releasesLarge`.
    package func retire(_ object: any AnyObject & Sendable, isLarge: Bool = false) {
        bins.withLock { bins in
            if isLarge {
                bins.current.large.append(object)
            } else {
                bins.current.objects.append(object)
            }
        }
    }

    /// Releases what is out of use, on the calling thread and outside all locks of this object.
    ///
    /// - Parameters:
    ///   - attempts: how often to look whether readers are gone, letting others run in between; 1 for who
    ///     is in the epoch itself.
    ///   - releasesLarge: `false` for who must not be held up: it releases no large object.
    package func reclaim(attempts: Int = 1, releasesLarge: Bool = true) {
        // Two steps at most: what was retired just now needs two.
        var steps = 2
        var left = attempts
        var gone: [any AnyObject & Sendable] = []
        while steps > 0, left > 0 {
            let result = bins.withLock { bins in
                let result = step(&bins, &gone)
                if releasesLarge {
                    gone += bins.large
                    bins.large = []
                }
                return result
            }
            gone = []
            switch result {
            case .idle: return
            case .ended: steps -= 1
            case .waits:
                left -= 1
                if left > 0 { silt_yield() }
            }
        }
    }

    private enum Step {
        /// Nothing waits for readers.
        case idle
        /// The epoch ended.
        case ended
        /// Readers are in the epoch before.
        case waits
    }

    /// Ends the epoch, if its readers and what is retired allow it.
    private func step(_ bins: inout Bins, _ gone: inout [any AnyObject & Sendable]) -> Step {
        if bins.current.count + bins.last.count == 0 { return .idle }
        let now = epoch.load(ordering: .sequentiallyConsistent)
        guard isDeserted(parity: Int(truncatingIfNeeded: (now &+ 1) & 1)) else { return .waits }
        epoch.store(now &+ 1, ordering: .sequentiallyConsistent)
        gone = bins.last.objects
        bins.large += bins.last.large
        bins.last = bins.current
        bins.current = Bin()
        return .ended
    }

    /// How often a block was found in memory.
    var hits: Int { sum(Self.hitsOffset) }

    /// How many reads there were.
    var reads: Int { sum(Self.readsOffset) }

    /// What filters were asked and answered.
    var filters: FilterCounts {
        FilterCounts(
            asked: sum(Self.askedOffset), excluded: sum(Self.excludedOffset),
            wrong: sum(Self.wrongOffset))
    }

    private func sum(_ offset: Int) -> Int {
        // Safety: every stripe is a part of the allocation.
        (0..<Self.stripeCount).reduce(0) { sum, number in
            unsafe sum
                + Self.word(stripes + number * Self.stripeBytes, offset).pointee.load(
                    ordering: .relaxed)
        }
    }

    /// How many objects wait to be released.
    var retiredCount: Int { bins.withLock { $0.current.count + $0.last.count + $0.large.count } }

    private func isDeserted(parity: Int) -> Bool {
        for number in 0..<Self.stripeCount {
            // Safety: every stripe is a part of the allocation.
            let word = unsafe Self.word(stripes + number * Self.stripeBytes, parity * 8)
            if unsafe word.pointee.load(ordering: .sequentiallyConsistent) != 0 { return false }
        }
        return true
    }
}
