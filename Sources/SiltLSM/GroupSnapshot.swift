package import SiltModel

/// A region at one moment: a sequence, and the memtables and files that hold everything up to it.
///
/// What it refers to stays readable.
package final class GroupSnapshot: Sendable {
    /// The newest operation that the snapshot shows.
    package let sequence: UInt64
    private let set: TreeSet
    private let tables: TableCache

    init(sequence: UInt64, set: TreeSet, tables: TableCache) {
        self.sequence = sequence
        self.set = set
        self.tables = tables
    }

    /// A cursor over the cells of a family.
    ///
    /// It must not outlive the snapshot.
    package func cursor(family: UInt8, _ options: CursorOptions) throws(SiltstoneError)
        -> TreeCursor
    {
        try TreeCursor(tree(family).sources, tables: tables, sequence: sequence, options: options)
    }

    /// Whether a DeleteFamily or DeleteFamilyVersion marker may be anywhere in the family.
    package func mayHaveFamilyMarkers(family: UInt8) -> Bool {
        guard let tree = set.tree(family) else { return false }
        return tree.familyMarkersInTables
            || tree.sources.memtables.contains { $0.familyMarkerCount > 0 }
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
