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

    /// The rows of an origin that belong to an heir, as row prefixes, and what of them is in files.
    private struct Share {
        let lower: [UInt8]
        let upper: [UInt8]
        let flushedSequence: UInt64

        init(_ origin: RegionManifest.Origin) {
            let rows = origin.rows
            lower = rows.start.isEmpty ? [] : CellKey.rowPrefix(rows.start)
            upper = rows.end.isEmpty ? [] : CellKey.rowPrefix(rows.end)
            flushedSequence = origin.flushedSequence
        }
    }

    private var heirs: [Identifier: [TreeGroup]] = [:]
    private var shares: [Key: [Share]] = [:]

    init(of groups: some Sequence<TreeGroup>) {
        for group in groups {
            for tree in group.set.trees {
                for origin in tree.origins {
                    let key = Key(origin: origin.region, heir: group.id, family: tree.family)
                    shares[key, default: []].append(Share(origin))
                    if !heirs[origin.region, default: []].contains(where: { $0 === group }) {
                        heirs[origin.region, default: []].append(group)
                    }
                }
            }
        }
    }

    /// The regions that have what a region wrote which is gone.
    subscript(_ origin: Identifier) -> [TreeGroup] { heirs[origin] ?? [] }

    /// Whether an operation of a region that is gone belongs to an heir and is in none of its files.
    func owns(
        _ heir: TreeGroup, _ origin: Identifier, family: UInt8,
        columnKey: UnsafeRawBufferPointer, _ sequence: UInt64
    ) -> Bool {
        let key = Key(origin: origin, heir: heir.id, family: family)
        for share in shares[key] ?? [] where sequence > share.flushedSequence {
            // Safety: the caller lends the key for the call.
            if unsafe columnKey.lexicographicallyPrecedes(share.lower) { continue }
            if unsafe share.upper.isEmpty || columnKey.lexicographicallyPrecedes(share.upper) {
                return true
            }
        }
        return false
    }
}
