/// Settings of a database; plain data with defaults that suit a few gigabytes of memory.
public struct Configuration: Sendable, Hashable {
    /// The cells kept in memory before they are written to table files, over all tables, in bytes.
    public var memtableBytesMax: Int = 128 << 20
    /// The blocks of table files kept decoded in memory, in bytes.
    ///
    /// The indexes and filters of up to 1,000 open files, about 1.5 bytes a row, come on top; with `memoryBudgetBytes` they are part of that.
    public var cacheBytes: Int = 256 << 20
    /// One budget for all memory of the store, instead of the two above: memtables, cache, indexes and filters, and the
    /// buffers of merges.
    ///
    /// What memtables do not need at a moment is the cache's. The process takes some megabytes beside it. With glibc, malloc of the
    /// whole process is told to give back what is freed, which it otherwise keeps.
    public var memoryBudgetBytes: Int?
    /// The threads on which blocking calls run.
    public var threadCount: Int = 4
    /// The threads that flush and compact; one of them is kept for flushes.
    ///
    /// Two more get logs and memory ready.
    public var workerCount: Int = 3

    /// Whether each table file is read again, and compared with what was written, before it takes the place of what it
    /// was made of.
    ///
    /// A flush or merge whose file storage damaged then fails and is tried again, and nothing is lost. Costs reading and
    /// decompressing all that is written.
    public var verifiesFiles = false

    /// The defaults.
    public init() {}
}
