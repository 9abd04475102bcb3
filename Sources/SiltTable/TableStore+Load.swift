import SiltBytes
import SiltIO
import SiltLSM
import SiltModel
import Synchronization

/// A region and how much it is asked for.
package struct RegionLoad: Sendable {
    /// The table's name.
    package let table: String
    /// The region.
    package let region: RegionInfo
    /// Reads and written operations in a second, since the report before.
    package let requestsPerSecond: Double
}

extension TableStore {
    /// The regions that were asked for most since this was asked last, the busiest first.
    package func hotRegions(limit: Int = 10) -> [RegionLoad] {
        let now = clock.monotonicNanoseconds
        var loads: [RegionLoad] = []
        for table in tables(includesSystem: true) {
            guard let layout = try? table.layout() else { continue }
            for (group, info) in zip(layout.regions, table.regions(of: layout)) {
                guard let load = group.takeLoad(nowNanoseconds: now), load > 0 else { continue }
                loads.append(
                    RegionLoad(
                        table: layout.definition.name, region: info, requestsPerSecond: load))
            }
        }
        return Array(loads.sorted { $0.requestsPerSecond > $1.requestsPerSecond }.prefix(limit))
    }

    /// Splits regions by their tables' policies from now on.
    func watchRegions() {
        engine.watchFiles { [weak self] group in self?.considerSplit(of: group) }
    }

    private func considerSplit(of group: TreeGroup) {
        guard let table = names.withLock({ $0.values.first { $0.id == group.table } }),
            let layout = try? table.layout(), let policy = SplitPolicy(layout.definition)
        else { return }
        let load = policy.loadMax.flatMap { _ in
            group.takeLoad(nowNanoseconds: clock.monotonicNanoseconds)
        }
        guard policy.splits(fileBytes: group.ownFileBytes, load: load) else { return }
        let name = layout.definition.name
        engine.environment.workers.submit(.low) { [weak self] in
            // The region may be gone, or the store closed: then there is nothing to split.
            _ = try? self?.split(name, region: group.id)
        }
    }
}
