package import SiltBytes
package import SiltFormat
package import SiltModel

/// Settings of an engine; plain data.
package struct EngineOptions: Sendable {
    /// One budget for the memtables of all regions, in bytes.
    package var memtableBytesMax = 128 << 20
    /// A store's memtable is flushed at this size, in bytes.
    package var flushBytes = 64 << 20
    /// The block cache, in bytes; indexes and filters of open files come on top unless there is a `memoryBudgetBytes`.
    package var cacheBytes = 256 << 20
    /// How many log segments may be off the device at once, the one that is written among them: what a power cut may take.
    ///
    /// A device that stands still holds up writers only when it does so for as long as it takes to fill the others.
    package static let logSegmentsPendingMax = 8
    /// The size of one log segment, in bytes.
    package var logSegmentBytes = 8 << 20
    /// Beyond this much log, the stores that hold the oldest records are flushed, in bytes.
    package var logBytesMax = 512 << 20
    /// The size aimed at for one table file, in bytes.
    package var tableFileBytes = 64 << 20
    /// The budget that the sizes above were cut from, when there is one; see `memoryBudgetBytes`.
    private var budgetBytes: Int?
    /// How long a commit waits for room in memory at most before it is refused as `overloaded`, in milliseconds.
    package var admissionWaitMilliseconds = 5_000
    /// Beyond this many bytes that wait to be merged, commits are slowed; at four times as many they wait.
    package var compactionDebtBytes = 1 << 30
    /// From what age on a snapshot is reported as old, in milliseconds.
    package var snapshotAgeMilliseconds = 600_000
    /// How long an obsolete file stays before the sweeper deletes it, in milliseconds.
    package var sweepGraceMilliseconds: Int64 = 60_000
    /// Whether each table file is read again, and compared with what was written, before a manifest names it.
    package var verifiesFiles = false
    /// Whether flushes and merges run by themselves; a test may want to call `flush` and `compact` only.
    package var runsMaintenance = true

    /// The defaults.
    package init() {}

    /// One budget for memtables, cache, indexes, filters and the buffers of merges, in bytes.
    ///
    /// Setting it sets the sizes above. A fifth is what memtables should take; they may take three tenths before commits wait.
    /// What memtables and merges do not take at a moment is the cache's.
    package var memoryBudgetBytes: Int? {
        get { budgetBytes }
        set {
            budgetBytes = newValue
            guard let bytes = newValue else { return }
            memtableBytesMax = max(1 << 20, bytes / 5)
            flushBytes = max(1 << 18, min(64 << 20, memtableBytesMax / 3))
            // Small allocations and their gaps, what the allocator keeps, and a part of the program itself.
            cacheBytes = bytes - bytes / 8 - min(32 << 20, bytes / 8)
            // Mapped segments count as the process's memory.
            logSegmentBytes = max(1 << 20, min(8 << 20, bytes / 32))
            logBytesMax = max(32 * logSegmentBytes, 3 * memtableBytesMax)
            tableFileBytes = max(1 << 20, min(64 << 20, bytes / 16))
            compactionDebtBytes = max(8 << 20, 8 * memtableBytesMax)
        }
    }

    /// Beyond this many bytes of memtables, commits wait.
    var memtableBytesLimit: Int { memtableBytesMax + memtableBytesMax / 2 }

    /// What one flush or merge takes for blocks, index and filter, about, in bytes.
    var mergeBytes: Int { max(1 << 20, tableFileBytes / 4) }
}

/// The settings of one tree (one family of one region) that the engine needs.
package struct TreeOptions: Sendable, Hashable {
    /// The family's number within its table, 0 to 254; stable for the family's life, never reused.
    package var family: UInt8
    /// Versions, TTL, compression, block size, filter.
    package var settings: Family

    /// The options of a family.
    package init(family: UInt8, settings: Family) {
        self.family = family
        self.settings = settings
    }
}

/// The rows of a region: from `start` up to but not including `end`; empty means the table's end.
package struct RowKeyRange: Sendable, Hashable {
    /// The first row, or empty.
    package let start: Bytes
    /// The first row after the range, or empty.
    package let end: Bytes

    /// A range.
    package init(start: Bytes, end: Bytes) {
        self.start = start
        self.end = end
    }

    /// Whether a row lies in the range.
    package func contains(_ row: Bytes) -> Bool { row >= start && (end.isEmpty || row < end) }
}

/// The changes of one region in a write batch.
package struct GroupWrite: Sendable {
    /// The region's trees.
    package let group: TreeGroup
    /// The encoded operations.
    package var operations: OperationBuffer

    /// The changes of one region.
    package init(group: TreeGroup, operations: OperationBuffer) {
        self.group = group
        self.operations = operations
    }
}

/// What a committed batch was given.
package struct CommitReceipt: Sendable {
    /// The first time stamp apart: most batches have one, and then need no array.
    private let first: Int64?
    private let others: [Int64]

    init(_ timestamp: Int64) {
        first = timestamp
        others = []
    }

    init(_ timestamps: ArraySlice<Int64>) {
        first = timestamps.first
        others = timestamps.count > 1 ? Array(timestamps.dropFirst()) : []
    }

    /// For each `GroupWrite` in order, the time stamp given to its operations that had none.
    package var timestamps: [Int64] { first.map { [$0] + others } ?? [] }
}

/// What replaying the logs found.
package struct RecoveryReport: Sendable {
    /// Batches applied.
    package var batchCount = 0
    /// Bytes of an unfinished record at the end of a log, dropped: it was never acknowledged.
    package var tornBytes = 0
    /// Log segments read.
    package var segmentCount = 0
    /// Changes of regions that are not open any more, passed over.
    package var skippedSectionCount = 0
}
