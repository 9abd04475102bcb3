internal import CSiltstone
internal import SiltBytes
internal import SiltFormat
package import SiltModel

/// The cells of one tree as of a sequence, in order.
///
/// Not Sendable: one thread uses it. Pointers are valid until the next move. After an error only a
/// seek may follow.
///
/// Safety: the core is allocated in init, freed in deinit, and used by the one thread that uses the
/// cursor.
@safe
package final class TreeCursor {
    private let core: UnsafeMutablePointer<MergeCore>
    private let owner: (any Sendable)?
    /// The row prefix or column key that filters were asked for, until the first seek shows whether
    /// they were right.
    private var asked: (key: [UInt8], epoch: ReadEpoch)?

    /// A cursor over `sources` that hides cells newer than `sequence`.
    ///
    /// - Parameter owner: kept for as long as the cursor: whatever keeps the sources' files from
    ///   being deleted.
    package init(
        _ sources: TreeSources, tables: TableCache, sequence: UInt64,
        options: CursorOptions = CursorOptions(), retaining owner: (any Sendable)? = nil
    ) throws(SiltstoneError) {
        self.owner = owner
        var run = RunOptions()
        run.sequence = sequence
        run.fillsCache = options.fillsCache
        if let column = options.column {
            run.columnHash = Hash64.hash(column)
            run.rowHash = Hash64.hash(Array(column.prefix { $0 != 0 }) + [0])
        }
        if let row = options.row { run.rowHash = Hash64.hash(row) }
        let runs = sources.tableRuns(options)
        // A memtable that is empty now gains only cells newer than the sequence.
        let memtables = sources.memtables.filter { $0.cellCount > 0 }
        unsafe core = .allocate(capacity: 1)
        unsafe core.initialize(
            to: MergeCore(memtables, runCount: runs.count, sequence: sequence) {
                unsafe TableRunCursor(runs[$0], tables: tables, options: run, base: $1)
            })
    }

    /// A cursor over the sources that may hold one row.
    ///
    /// - Parameters:
    ///   - key: what filters were asked for.
    ///   - epoch: where it is counted how often they were wrong.
    ///   - mayReadDisk: whether to wait for the disk; otherwise a move that would have to is an error.
    init(
        _ sources: PointSources, sequence: UInt64, key: [UInt8], epoch: ReadEpoch,
        mayReadDisk: Bool
    ) {
        owner = nil
        if sources.filters.asked > sources.filters.excluded { asked = (key, epoch) }
        var run = RunOptions()
        run.sequence = sequence
        run.mayReadDisk = mayReadDisk
        // Safety: freed in deinit.
        unsafe core = .allocate(capacity: 1)
        unsafe core.initialize(
            to: MergeCore(
                sources.memtables, runCount: sources.readers.count, sequence: sequence
            ) {
                unsafe TableRunCursor([sources.readers[$0]], options: run, base: $1)
            })
    }

    deinit {
        // Safety: allocated and initialized in init; nobody uses the cursor any more.
        unsafe core.deinitialize(count: 1)
        unsafe core.deallocate()
    }

    /// Goes to the first cell whose cell key is not below `key`: a row prefix, a column key, a
    /// whole cell key, or any bytes in that order.
    package func seek(_ key: [UInt8]) throws(SiltstoneError) {
        // Safety: the core lives as long as the cursor, the buffer for the closure.
        try unsafe key.withUnsafeBufferPointer { buffer throws(SiltstoneError) in
            try unsafe core.pointee.seek(UnsafeRawBufferPointer(buffer))
        }
        if let asked {
            self.asked = nil
            // Safety: the core lives as long as the cursor.
            asked.epoch.counting.count(
                FilterCounts(asked: 0, wrong: unsafe core.pointee.countWithout(asked.key)))
        }
    }

    /// Goes to the last cell below `key`, or to the very last; afterwards only the accessors and
    /// `seek` may be used.
    package func seekLast(before key: [UInt8]?) throws(SiltstoneError) {
        // Safety: the core lives as long as the cursor, the buffer for the closure.
        guard let key else { return try unsafe core.pointee.seekLast(before: nil) }
        try unsafe key.withUnsafeBufferPointer { buffer throws(SiltstoneError) in
            try unsafe core.pointee.seekLast(before: UnsafeRawBufferPointer(buffer))
        }
    }

    // Safety: the core was initialized in init and lives as long as the cursor.
    /// Goes to the next cell.
    @inline(__always)
    package func next() throws(SiltstoneError) { try unsafe core.pointee.next() }

    /// The current cell without its value: one call instead of one for each part.
    package var current: CursorCell {
        let cell = unsafe core.pointee.cell
        return unsafe CursorCell(
            columnKey: UnsafeRawBufferPointer(start: cell.key, count: cell.keyCount),
            timestamp: cell.timestamp, sequence: cell.sequence, type: cell.type,
            flags: cell.flags, isValid: cell.isValid)
    }

    /// Whether there is a current cell.
    package var isValid: Bool { unsafe core.pointee.cell.isValid }

    /// `escape(row) 00 escape(qualifier) 00`.
    package var columnKey: UnsafeRawBufferPointer {
        let cell = unsafe core.pointee.cell
        return unsafe UnsafeRawBufferPointer(start: cell.key, count: cell.keyCount)
    }

    /// The length of `escape(row) 00` in the column key.
    package var rowPrefixByteCount: Int {
        let cell = unsafe core.pointee.cell
        return unsafe min(Int(silt_zero(cell.key, cell.keyCount)) + 1, cell.keyCount)
    }

    /// The time stamp.
    package var timestamp: Int64 { unsafe core.pointee.cell.timestamp }

    /// The type code.
    package var type: UInt8 { unsafe core.pointee.cell.type }

    /// The flags.
    package var flags: UInt8 { unsafe core.pointee.cell.flags }

    /// The sequence number.
    package var sequence: UInt64 { unsafe core.pointee.cell.sequence }

    /// The value, with the 8-byte time to live in front when the flags say so.
    package var value: UnsafeRawBufferPointer { unsafe core.pointee.value }
}

/// A cursor's cell; its pointer is valid until the cursor moves.
@safe @frozen
package struct CursorCell {
    /// `escape(row) 00 escape(qualifier) 00`.
    package let columnKey: UnsafeRawBufferPointer
    /// The time stamp.
    package let timestamp: Int64
    /// The sequence number.
    package let sequence: UInt64
    /// The type code.
    package let type: UInt8
    /// The flags.
    package let flags: UInt8
    /// Whether there is a cell; without one the rest means nothing.
    package let isValid: Bool
}
