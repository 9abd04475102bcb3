internal import SiltBytes
internal import SiltFormat

/// How far recovery has replayed the operations of one region.
struct ReplayPlace: Sendable {
    /// The last operation of the region itself.
    var sequence: UInt64 = 0
    /// The last operations of regions that are gone.
    var origins: [Identifier: UInt64] = [:]

    /// What is left of a tree's origins once all that was replayed is in files.
    func left(of origins: [RegionManifest.Origin]) -> [RegionManifest.Origin] {
        origins.map { origin in
            let replayed = self.origins[origin.region] ?? 0
            var left = origin
            left.flushedSequence = max(origin.flushedSequence, replayed)
            return left
        }
    }
}
