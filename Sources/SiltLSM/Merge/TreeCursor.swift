package import SiltFormat
package import SiltModel

/// What a cursor will be used for.
package struct CursorOptions: Sendable {
    /// The row prefix when only this row will be read: filters can then skip files.
    package var row: [UInt8]?
    /// The column key when only this column will be read.
    package var column: [UInt8]?
    /// The time stamps of interest: files that cannot match and hold no markers are skipped.
    package var timeRange = TimeRange.all
    /// Whether blocks read from disk are kept in the cache.
    package var fillsCache = true

    /// A cursor over everything.
    package init() {}
}

/// The files and memtables that make up one tree at one moment.
package struct TreeSources: Sendable {
    /// The memtables, newest first.
    package var memtables: [Memtable]
    /// Level 0: the files newest first, which may overlap.
    package var runs: [TableFile]
    /// The further levels from the top: the files of each disjoint and in order.
    package var levels: [[TableFile]]

    /// The sources of one tree.
    package init(memtables: [Memtable], runs: [TableFile], levels: [[TableFile]]) {
        self.memtables = memtables
        self.runs = runs
        self.levels = levels
    }
}

/// The cells of one tree as of a sequence, in order. Not Sendable.
package final class TreeCursor {
    /// A cursor over `sources` that hides cells newer than `sequence`.
    package init(
        _ sources: TreeSources, tables: TableCache, sequence: UInt64,
        options: CursorOptions = CursorOptions()
    ) throws(SiltstoneError) {}

    package func seek(_ key: [UInt8]) throws(SiltstoneError) { preconditionFailure("not built") }
    package func seekLast(before key: [UInt8]?) throws(SiltstoneError) {
        preconditionFailure("not built")
    }
    package func next() throws(SiltstoneError) { preconditionFailure("not built") }
    package var isValid: Bool { false }
    package var columnKey: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: nil, count: 0)
    }
    package var rowPrefixByteCount: Int { 0 }
    package var timestamp: Int64 { 0 }
    package var type: UInt8 { 0 }
    package var flags: UInt8 { 0 }
    package var sequence: UInt64 { 0 }
    package var value: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: nil, count: 0)
    }
}
