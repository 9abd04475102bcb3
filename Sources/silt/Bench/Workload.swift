/// What `silt bench` can do.
///
/// The names are those of `db_bench` and YCSB where they have one.
enum Workload: String, CaseIterable, Sendable {
    /// Puts in the order of the keys, into an empty table.
    case fillseq
    /// Puts of random keys, with repetitions, into an empty table.
    case fillrandom
    /// Puts of every key once in a random order, into an empty table.
    case filluniquerandom
    /// Puts of random keys in batches of `--batch` (100 unless given), into an empty table.
    case fillbatch
    /// Puts of random keys, each on the device before it is acknowledged, into an empty table.
    case fillsync
    /// Puts of random keys into what is there.
    case overwrite
    /// Puts of every key once in eight runs, each flushed, into an empty table; with `--no-maintenance` they stay.
    case fillruns
    /// Puts of a time series with values as text, into an empty table.
    case fillseries
    /// The same with values as 8-byte doubles.
    case fillseriesdouble
    /// Reads and compares every point that `fillseries` wrote.
    case readseries
    /// Reads and compares every point that `fillseriesdouble` wrote.
    case readseriesdouble
    /// Gets of random keys that are there.
    case readrandom
    /// Gets of keys that are not there.
    case readmissing
    /// Gets from one hundredth of the keys.
    case readhot
    /// Scans of 100 rows from a random key.
    case seekrandom
    /// One ascending scan of everything, each cell looked at where it lies.
    case readseq
    /// One ascending scan of everything, row by row.
    case scanrows
    /// One descending scan of everything.
    case readreverse
    /// As readrandom, while one more thread overwrites at `--write-rate`.
    case readwhilewriting
    /// Scans of one row from the first key, after all keys but the last were deleted.
    case deleteseek
    /// Flush and full compaction.
    case compact
    /// Waits until background work has nothing left to do.
    case drain
    /// Puts, deletes, gets and scans by 2 writers and 2 readers, compared with a model: as fast as they go,
    /// then `--duration` seconds at 70 % of that.
    case mixed
    /// Half reads, half updates.
    case ycsba
    /// 95 % reads, 5 % updates.
    case ycsbb
    /// Reads only.
    case ycsbc
    /// 95 % reads of what came last, 5 % inserts.
    case ycsbd
    /// 95 % scans of 1 to 100 rows, 5 % inserts.
    case ycsbe
    /// Half reads, half reads followed by an update.
    case ycsbf

    /// Whether it begins with an empty table.
    var startsEmpty: Bool {
        switch self {
        case .fillseries, .fillseriesdouble, .fillruns: true
        case .fillseq, .fillrandom, .filluniquerandom, .fillbatch, .fillsync, .deleteseek, .mixed:
            true
        default: false
        }
    }

    /// Whether it needs a table with something in it.
    var needsData: Bool {
        !startsEmpty && self != .drain && self != .readseries && self != .readseriesdouble
    }

    /// Whether it is about a time series of doubles.
    var hasDoubles: Bool { self == .fillseriesdouble || self == .readseriesdouble }

    /// Whether its threads write.
    var writes: Bool {
        switch self {
        case .fillseq, .fillrandom, .filluniquerandom, .fillbatch, .fillsync, .overwrite: true
        default: false
        }
    }

    /// Whether each thread scans everything.
    var scansAll: Bool { self == .readseq || self == .scanrows || self == .readreverse }

    /// Whether there is a version of it through the asynchronous interface.
    var hasAsync: Bool {
        switch self {
        case .readrandom, .readmissing, .readhot, .seekrandom, .readseq, .scanrows, .readreverse:
            true
        default: writes
        }
    }

    /// How many operations it does unless told, over all threads.
    func defaultOperationCount(keyCount: Int, threadCount: Int) -> Int {
        switch self {
        case .fillsync: min(keyCount, 1000 * threadCount)
        case .seekrandom, .ycsbe: max(1, keyCount / 20)
        case .deleteseek: 100
        case .compact, .drain, .mixed: 1
        default: keyCount
        }
    }
}
