internal import CSiltstone
internal import SiltFormat
package import SiltModel

/// All cells of some memtables and tables in key order, whatever their sequence: what flush and
/// compaction read.
///
/// Not Sendable; pointers are valid until the next move.
///
/// Safety: the core is allocated in init, freed in deinit, and used by the one thread that uses the
/// cursor.
@safe
package final class MergeCursor {
    private let core: UnsafeMutablePointer<MergeCore>

    /// A cursor over sources, newest first; of cells with equal keys the newest source's is kept.
    ///
    /// Every table is a source of its own.
    package init(memtables: [Memtable], tables: [TableReader], fillsCache: Bool = false) {
        var options = RunOptions()
        options.fillsCache = fillsCache
        unsafe core = .allocate(capacity: 1)
        unsafe core.initialize(
            to: MergeCore(memtables, runCount: tables.count, sequence: .max) {
                unsafe TableRunCursor([tables[$0]], options: options, base: $1)
            })
    }

    /// A cursor over sources whose files are opened when the merge reaches them; a level is one
    /// source.
    package init(_ sources: TreeSources, tables: TableCache, fillsCache: Bool = false) {
        var options = RunOptions()
        options.fillsCache = fillsCache
        let runs = sources.runs.map { [$0] } + sources.levels
        unsafe core = .allocate(capacity: 1)
        unsafe core.initialize(
            to: MergeCore(sources.memtables, runCount: runs.count, sequence: .max) {
                unsafe TableRunCursor(runs[$0], tables: tables, options: options, base: $1)
            })
    }

    deinit {
        unsafe core.deinitialize(count: 1)
        unsafe core.deallocate()
    }

    /// Goes to the first cell.
    package func seekFirst() throws(SiltstoneError) { try unsafe core.pointee.seekFirst() }

    /// Goes to the first cell whose cell key is not below `key`.
    package func seek(_ key: [UInt8]) throws(SiltstoneError) {
        try unsafe key.withUnsafeBufferPointer { buffer throws(SiltstoneError) in
            try unsafe core.pointee.seek(UnsafeRawBufferPointer(buffer))
        }
    }

    /// Goes to the next cell.
    @inline(__always)
    package func next() throws(SiltstoneError) { try unsafe core.pointee.next() }

    /// Whether there is a current cell.
    package var isValid: Bool { unsafe core.pointee.cell.isValid }

    /// The column key.
    package var columnKey: UnsafeRawBufferPointer {
        let cell = unsafe core.pointee.cell
        return unsafe UnsafeRawBufferPointer(start: cell.key, count: cell.keyCount)
    }

    /// The length of the row prefix within the column key.
    package var rowPrefixByteCount: Int {
        // Safety: the core was initialized in init and lives as long as the cursor.
        let cell = unsafe core.pointee.cell
        return unsafe min(Int(silt_zero(cell.key, cell.keyCount)) + 1, cell.keyCount)
    }

    // Safety: the core was initialized in init and lives as long as the cursor.
    /// The time stamp.
    package var timestamp: Int64 { unsafe core.pointee.cell.timestamp }

    /// The type code.
    package var type: UInt8 { unsafe core.pointee.cell.type }

    /// The flags.
    package var flags: UInt8 { unsafe core.pointee.cell.flags }

    /// The sequence number.
    package var sequence: UInt64 { unsafe core.pointee.cell.sequence }

    /// The value.
    package var value: UnsafeRawBufferPointer { unsafe core.pointee.value }
}
