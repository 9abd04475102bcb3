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
        /// Their sum, in nanoseconds.
        public var sumNanoseconds = 0
        /// How many took less than each of some bounds, ascending; those of the last bound count
        /// with all before it.
        public var buckets: [Bucket] = []

        /// Zeros.
        public init() {}
    }

    /// How many calls of a `Latency` were quicker than a bound.
    public struct Bucket: Sendable, Hashable {
        /// The bound, in nanoseconds.
        public var belowNanoseconds = 0
        /// The number of calls.
        public var count = 0

        /// Zeros.
        public init() {}
    }

    /// A snapshot that a scan has held for long: it keeps files and memory from being freed.
    public struct OldSnapshot: Sendable, Hashable {
        /// What it was made for.
        public var purpose = ""
        /// The table, by its name; its identifier when it is gone.
        public var table = ""
        /// The region.
        public var region = ""
        /// How long ago, in milliseconds.
        public var ageMilliseconds = 0

        /// A line for a log: what is held, how long, and what to do.
        public var warning: String {
            "a snapshot is held for long purpose=\(purpose) table=\(table) region=\(region) age_ms=\(ageMilliseconds): files and memory that it reads cannot be freed; read the scan to its end, or let its scanner go"
        }

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
    /// Blocks looked at, in memory or on disk, for each get and each region that a scan came to.
    public var readAmplification = 0.0
    /// Gets, and regions that scans came to.
    public var readCount = 0
    /// Bytes of blocks read from table files, as they are stored.
    public var blockReadBytes = 0
    /// Bytes read by compactions.
    public var compactionReadBytes = 0
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
    /// How often a read of one row asked the filter of a table file.
    public var filterAskedCount = 0
    /// How often the filter said that the row or column is not there: a read saved.
    public var filterExcludedCount = 0
    /// How often it said that it may be there, and nothing of it was.
    public var filterWrongCount = 0
    /// Times that writers had to wait for room.
    public var stallCount = 0
    /// Those of them that waited for memory; the others waited for merges.
    public var memoryStallCount = 0
    /// How long they waited, in nanoseconds.
    public var stallNanoseconds = 0
    /// Times that commits were held back for some milliseconds, so that flushes and merges keep up.
    public var slowedCount = 0
    /// Those of them that were held back for memory; the others were for merges.
    public var memorySlowedCount = 0
    /// How long they were held back, in nanoseconds.
    public var slowedNanoseconds = 0
    /// The longest time that a writer waited or was held back, in nanoseconds.
    public var longestStallNanoseconds = 0
    /// Groups of commits refused because memory stayed full.
    public var refusedCount = 0
    /// The share of looks for a block that found it in the cache; 0 before there was one.
    public var cacheHitRatio: Double {
        Double(cacheHitCount) / Double(max(1, cacheHitCount + cacheMissCount))
    }
    /// The share of wrong answers among those that a filter could have excluded; 0 before there was one.
    public var filterWrongRatio: Double {
        Double(filterWrongCount) / Double(max(1, filterWrongCount + filterExcludedCount))
    }
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
