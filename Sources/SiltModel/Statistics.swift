/// What a database did since it was opened, and what it holds.
public struct Statistics: Sendable, Hashable {
    /// Latencies of one call in 64, taken at random.
    public struct Latency: Sendable, Hashable {
        /// How many calls were timed.
        public var sampleCount = 0
        /// The median, in nanoseconds.
        public var p50Nanoseconds = 0
        /// What one call in a hundred exceeds, in nanoseconds.
        public var p99Nanoseconds = 0
        /// What one call in a thousand exceeds, in nanoseconds.
        public var p999Nanoseconds = 0
        /// The longest, in nanoseconds.
        public var maxNanoseconds = 0

        /// Zeros.
        public init() {}
    }

    /// A snapshot that a scan has held for long: it keeps files and memory from being freed.
    public struct OldSnapshot: Sendable, Hashable {
        /// What it was made for.
        public var purpose = ""
        /// The region.
        public var region = ""
        /// How long ago, in milliseconds.
        public var ageMilliseconds = 0

        /// Nothing.
        public init() {}
    }

    /// Batches committed.
    public var batchCount = 0
    /// Bytes given to the log.
    public var logWrittenBytes = 0
    /// Bytes written by flushes.
    public var flushWrittenBytes = 0
    /// Bytes written by compactions.
    public var compactionWrittenBytes = 0
    /// Bytes that wait to be merged.
    public var compactionDebtBytes = 0
    /// Bytes that flushes and compactions wrote for each byte that flushes wrote.
    public var writeAmplification = 1.0
    /// Bytes of table files for each byte of their lowest levels.
    public var spaceAmplification = 1.0
    /// Bytes of table files in use.
    public var tableBytes = 0
    /// Memory of memtables.
    public var memtableBytes = 0
    /// Memory of blocks in the cache.
    public var cacheBytes = 0
    /// Memory of indexes and filters of open files.
    public var indexBytes = 0
    /// Blocks found in the cache.
    public var cacheHitCount = 0
    /// Blocks read.
    public var cacheMissCount = 0
    /// Times that writers had to wait for room.
    public var stallCount = 0
    /// How long they waited, in nanoseconds.
    public var stallNanoseconds = 0
    /// The longest time that a writer waited or was held back, in nanoseconds.
    public var longestStallNanoseconds = 0
    /// Groups of commits refused because memory stayed full.
    public var refusedCount = 0
    /// Snapshots that scans hold.
    public var snapshotCount = 0
    /// Those held for ten minutes or longer.
    public var oldSnapshots: [OldSnapshot] = []
    /// Commits.
    public var commits = Latency()
    /// Reads of one row.
    public var gets = Latency()
    /// Scans, to their first row in a region.
    public var seeks = Latency()

    /// Zeros.
    public init() {}
}
