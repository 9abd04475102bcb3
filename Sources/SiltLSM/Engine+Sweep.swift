internal import SiltBytes
internal import SiltFormat
internal import SiltIO
package import SiltModel
internal import Synchronization

/// The only place that deletes objects.
extension Engine {
    /// How many manifests of a region are kept.
    static let manifestsKept = 3

    /// Deletes files that nothing refers to any more and that have been so for the grace period.
    package func sweep() throws(SiltstoneError) {
        try checkOpen()
        // Before recovery ended not all regions are known.
        guard isReady.load(ordering: .acquiring) else { return }
        // After a failure of storage nobody knows which files a restart will ask for.
        if failure != nil { return }
        let now = environment.clock.nowMilliseconds
        let groups = groups
        // Versions that reads used when they were replaced keep files, too.
        tables.blocks.epoch.reclaim(attempts: 200)
        for group in groups { try sweepObsolete(group, now) }
        try sweepManifests(now)
        try sweepDropped(now)
        try sweepOrphans(now)
    }

    /// Asks a worker to sweep.
    func scheduleSweep() {
        if isSweepQueued.exchange(true, ordering: .relaxed) { return }
        environment.workers.submit(.low) { [weak self] in
            guard let self else { return }
            isSweepQueued.store(false, ordering: .relaxed)
            if isClosing.load(ordering: .relaxed) || failure != nil { return }
            // What cannot be deleted now is tried again next time.
            try? sweep()
        }
    }

    private func sweepObsolete(_ group: TreeGroup, _ now: Int64) throws(SiltstoneError) {
        let ready = group.state.withLock { state in
            state.obsolete.filter { isReady($0, now) }
        }
        // A read of an older version may have opened one again after it was dropped; its descriptor would keep the space.
        for file in ready { tables.close(file.id) }
        try delete(ready.map(\.key))
        let ids = Set(ready.map(\.id))
        group.state.withLock { $0.obsolete.removeAll { ids.contains($0.id) } }
    }

    private func isReady(_ file: ObsoleteFile, _ now: Int64) -> Bool {
        file.use == nil && now - file.sinceMilliseconds >= options.sweepGraceMilliseconds
    }

    /// All manifests but the last few of each region, and those of regions that are not there: replaced
    /// ones, and what a change left that did not come to its end.
    private func sweepManifests(_ now: Int64) throws(SiltstoneError) {
        var manifests: [Identifier: [String]] = [:]
        for key in try environment.objects.list(prefix: "regions/", after: nil) {
            let parts = key.split(separator: "/")
            guard parts.count == 4, parts[2] == "manifest", let region = Identifier(parts[1])
            else { continue }
            manifests[region, default: []].append(key)
        }
        // Asked for after the listing, and in this order: a region that is made meanwhile is
        // protected until it is known.
        let unprotected = Set(manifests.keys.filter { !pending.contains($0) })
        let (known, dropped) = state.withLock { state in
            (state.groups, Set(state.dropped.map(\.id)))
        }
        var gone: [String] = []
        for (region, keys) in manifests where !dropped.contains(region) {
            if known[region] != nil {
                gone += keys.dropLast(Self.manifestsKept)
            } else if unprotected.contains(region),
                now - Int64(region.high >> 16) >= options.sweepGraceMilliseconds
            {
                gone += keys
            }
        }
        try delete(gone)
    }

    /// The files of regions dropped by this run, then their manifests, the last one at the end.
    private func sweepDropped(_ now: Int64) throws(SiltstoneError) {
        for group in state.withLock({ $0.dropped }) {
            let (holds, since) = group.state.withLock { state in
                if state.droppedMilliseconds == nil {
                    state.droppedMilliseconds = now
                    state.obsolete += state.set.trees.flatMap(\.tables).map {
                        ObsoleteFile(
                            id: $0.file.id, key: $0.file.key, sinceMilliseconds: now, use: $0.use,
                            byteCount: $0.byteCount)
                    }
                    state.set = TreeSet([])
                }
                return (state.obsolete, state.droppedMilliseconds ?? now)
            }
            // The set that named the files is let go, if no read uses it any more.
            tables.blocks.epoch.reclaim(attempts: 200)
            try sweepObsolete(group, now)
            let isEmpty = group.state.withLock { $0.obsolete.isEmpty }
            guard isEmpty, holds.isEmpty || now - since >= options.sweepGraceMilliseconds else {
                continue
            }
            let keys = try environment.objects.list(
                prefix: RegionManifest.keyPrefix(region: group.id), after: nil)
            try delete(keys)
            state.withLock { $0.dropped.removeAll { $0 === group } }
        }
    }

    /// Table files that no manifest names: an interrupted flush or compaction left them, or a run that ended before it swept.
    ///
    /// Those of tables that were dropped, too, also by an earlier run.
    private func sweepOrphans(_ now: Int64) throws(SiltstoneError) {
        let objects = try environment.objects.list(prefix: "tables/", after: nil)
        // Of a table's schemas the highest number is the truth: readers need no other.
        let schemas = objects.filter { $0.contains("/schema/") }
        for keys in Dictionary(grouping: schemas, by: { $0.dropLast(16) }).values {
            try delete(keys.sorted().dropLast(Self.manifestsKept))
        }
        let files = objects.filter { $0.hasSuffix(".sst") && $0.contains("/sst/") }
        for keys in Dictionary(grouping: files, by: { $0.dropLast(36) }).values {
            // In this order: a file that is committed meanwhile is protected until a version names it.
            let unprotected = keys.filter { key in
                guard key.hasSuffix(".sst"), let id = Identifier(key.dropLast(4).suffix(32)) else {
                    return false
                }
                let age = now - Int64(id.high >> 16)
                return !pending.contains(id) && age >= options.sweepGraceMilliseconds
            }
            var known: Set<Identifier> = []
            for group in state.withLock({ Array($0.groups.values) + $0.dropped }) {
                group.state.withLock { state in
                    known.formUnion(state.set.trees.flatMap(\.tables).map(\.file.id))
                    known.formUnion(state.obsolete.map(\.id))
                }
            }
            try delete(
                unprotected.filter { key in
                    Identifier(key.dropLast(4).suffix(32)).map { !known.contains($0) } ?? false
                })
        }
    }

    private func delete(_ keys: [String]) throws(SiltstoneError) {
        if keys.isEmpty { return }
        try environment.objects.delete(keys)
        counters.sweptFiles.add(keys.count)
    }
}
