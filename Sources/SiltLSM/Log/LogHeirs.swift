internal import SiltBytes
internal import SiltFormat
internal import Synchronization

/// Who has the operations now that the log holds of regions which were split or merged.
///
/// As it was when recovery began: flushes meanwhile change nothing of who has what.
struct LogHeirs {
    private struct Key: Hashable {
        let origin: Identifier
        let heir: Identifier
        let family: UInt8
    }

    private var heirs: [Identifier: [TreeGroup]] = [:]
    private var flushed: [Key: UInt64] = [:]
    private var bounds: [Identifier: (lower: [UInt8], upper: [UInt8])] = [:]

    init(of groups: some Sequence<TreeGroup>) {
        for group in groups {
            for tree in group.set.trees {
                for origin in tree.origins {
                    flushed[Key(origin: origin.region, heir: group.id, family: tree.family)] =
                        origin.flushedSequence
                    if !heirs[origin.region, default: []].contains(where: { $0 === group }) {
                        heirs[origin.region, default: []].append(group)
                    }
                }
            }
            let range = group.range
            bounds[group.id] = (
                range.start.isEmpty ? [] : CellKey.rowPrefix(range.start),
                range.end.isEmpty ? [] : CellKey.rowPrefix(range.end)
            )
        }
    }

    /// The regions that have what a region wrote which is gone.
    subscript(_ origin: Identifier) -> [TreeGroup] { heirs[origin] ?? [] }

    /// Whether an operation of a region that is gone belongs to an heir and is in none of its files.
    func owns(
        _ heir: TreeGroup, _ origin: Identifier, family: UInt8,
        columnKey: UnsafeRawBufferPointer, _ sequence: UInt64
    ) -> Bool {
        guard let last = flushed[Key(origin: origin, heir: heir.id, family: family)],
            sequence > last, let (lower, upper) = bounds[heir.id]
        else { return false }
        // Safety: the caller lends the key for the call.
        let isBefore = unsafe columnKey.lexicographicallyPrecedes(lower)
        let isWithin = unsafe upper.isEmpty || columnKey.lexicographicallyPrecedes(upper)
        return !isBefore && isWithin
    }
}
