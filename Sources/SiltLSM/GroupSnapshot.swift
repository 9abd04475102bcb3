package import SiltModel

/// A region at one moment: a sequence, and the memtables and files that hold everything up to it.
///
/// What it refers to stays readable.
package final class GroupSnapshot: Sendable {
    /// The newest operation that the snapshot shows.
    package let sequence: UInt64
    private let set: TreeSet
    private let tables: TableCache
    /// Those that are reported when they grow old, and its place among them; `nil` for none.
    private let ledger: SnapshotLedger?
    private let place: Int

    /// A snapshot for as long as a call.
    init(sequence: UInt64, set: TreeSet, tables: TableCache) {
        self.sequence = sequence
        self.set = set
        self.tables = tables
        ledger = nil
        place = 0
    }

    /// A snapshot at a place of a ledger, which it gives back.
    init(
        sequence: UInt64, set: TreeSet, tables: TableCache, ledger: SnapshotLedger, place: Int
    ) {
        self.sequence = sequence
        self.set = set
        self.tables = tables
        self.ledger = ledger
        self.place = place
    }

    deinit { ledger?.leave(place) }

    /// A cursor over the cells of a family; it keeps the snapshot, and with it the files that it has yet to open.
    package func cursor(family: UInt8, _ options: CursorOptions) throws(SiltstoneError)
        -> TreeCursor
    {
        try TreeCursor(
            tree(family).sources, tables: tables, sequence: sequence, options: options,
            retaining: self)
    }

    /// A walk over the visible cells of a family; `nil` when there may be markers of whole families.
    ///
    /// It must not outlive the snapshot.
    package func walk(family: UInt8, _ rule: WalkRule, _ options: CursorOptions)
        throws(SiltstoneError) -> CellWalk?
    {
        let tree = try tree(family)
        if tree.mayHaveFamilyMarkers { return nil }
        var view: SortedView?
        if options.takesAll {
            if tree.viewPlace.countSeek() { tables.makeView(of: tree) }
            if let walk = tree.idleWalks.take(), walk.isViewed == tree.viewPlace.isFilled,
                walk.change(to: rule, sequence: sequence)
            {
                return walk
            }
            view = tree.viewPlace.view
        }
        return CellWalk(
            tree.sources, tables: tables, sequence: sequence, rule: rule, options: options,
            gaps: tree.gaps, view: view)
    }

    /// Takes a walk back that was made with options that leave nothing out, and is not used any more.
    package func giveBack(_ walk: CellWalk, family: UInt8) {
        guard let tree = set.tree(family) else { return }
        tree.idleWalks.put(
            walk, fileCount: 1 + tree.runs.count + tree.levels.count, among: tables.idleVersions)
    }

    /// A cursor over the cells of one row of a family, or of one column of it; `nil` when there are surely none.
    ///
    /// It must not outlive the snapshot, and stands at no cell until it is sought.
    ///
    /// - Parameters:
    ///   - key: the row prefix, or the column key when only that column matters.
    ///   - rowPrefixByteCount: the length of the row prefix in `key`.
    ///   - timeRange: files that hold nothing of it and no markers are left out.
    ///   - mayReadDisk: whether to wait for the disk; otherwise it is an error, of this call or of a move, when it must be read.
    package func pointCursor(
        family: UInt8, key: [UInt8], rowPrefixByteCount: Int, timeRange: TimeRange,
        mayReadDisk: Bool = true
    ) throws(SiltstoneError) -> TreeCursor? {
        let found = try TreeCursor.pointSources(
            tree(family).sources, tables: tables, key: key, rowPrefixByteCount: rowPrefixByteCount,
            timeRange: timeRange, mayReadDisk: mayReadDisk)
        tables.blocks.epoch.counting.count(found.filters)
        if found.memtables.isEmpty && found.readers.isEmpty { return nil }
        return TreeCursor(
            found, sequence: sequence, key: key, epoch: tables.blocks.epoch,
            mayReadDisk: mayReadDisk)
    }

    /// Whether a DeleteFamily or DeleteFamilyVersion marker may be anywhere in the family.
    package func mayHaveFamilyMarkers(family: UInt8) -> Bool {
        set.tree(family)?.mayHaveFamilyMarkers ?? false
    }

    /// The settings of a family as of the snapshot.
    package func settings(family: UInt8) throws(SiltstoneError) -> Family {
        try tree(family).options.settings
    }

    private func tree(_ family: UInt8) throws(SiltstoneError) -> TreeVersion {
        guard let tree = set.tree(family) else {
            throw SiltstoneError(.notFound, "family is not in the region family=\(family)")
        }
        return tree
    }
}
