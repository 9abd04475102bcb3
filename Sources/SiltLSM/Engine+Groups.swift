package import SiltBytes
internal import SiltFormat
internal import SiltIO
package import SiltModel
internal import Synchronization

extension Engine {
    /// Makes a region with empty trees; its first manifest is durable on return.
    package func createGroup(
        id: Identifier, table: Identifier, range: RowKeyRange, trees: [TreeOptions]
    ) throws(SiltstoneError) -> TreeGroup {
        try checkOpen()
        let epoch = try environment.coordinator.claim(region: id, above: 0)
        let versions = trees.map { options in
            TreeVersion(
                options: options, active: MemtableSlot(capacityBytes: memtableCapacityBytes))
        }
        let group = TreeGroup(
            id: id, table: table, range: range, engine: self,
            lastSequence: 0, lastTimestamp: 0,
            state: TreeGroup.State(set: TreeSet(versions), manifestNumber: 0, epoch: epoch))
        // The sweeper leaves the manifest alone until the region is known.
        pending.insert(id)
        defer { pending.remove([id]) }
        try install(group) { set, _ in set }
        try register(group)
        return group
    }

    /// Opens a region from its newest manifest and claims it under a higher epoch.
    ///
    /// - Parameter trees: the families of the table's schema; others in the manifest are given up, missing ones begin empty.
    /// - Parameter isFixed: whether its files are never merged.
    package func openGroup(
        id: Identifier, table: Identifier, trees: [TreeOptions], isFixed: Bool = false
    ) throws(SiltstoneError) -> TreeGroup {
        try checkOpen()
        guard let manifest = try newestManifest(of: id) else {
            throw SiltstoneError(.notFound, "region has no manifest region=\(id)")
        }
        let key = RegionManifest.key(region: id, number: manifest.number)
        guard manifest.region == id, manifest.table == table else {
            throw SiltstoneError(
                .corrupted, "manifest is of another region region=\(manifest.region)",
                at: .init(file: key))
        }
        guard manifest.state != .dropped else {
            throw SiltstoneError(.notFound, "region was dropped region=\(id)")
        }
        let epoch = try environment.coordinator.claim(region: id, above: manifest.epoch)
        let versions = trees.map { options in
            TreeVersion(
                options, manifest: manifest,
                active: MemtableSlot(capacityBytes: memtableCapacityBytes), uses: sharedUses)
        }
        let last = manifest.trees.reduce(manifest.lastSequence) { max($0, $1.flushedSequence) }
        let group = TreeGroup(
            id: id, table: table,
            range: RowKeyRange(start: manifest.rows.start, end: manifest.rows.end), engine: self,
            lastSequence: last, lastTimestamp: manifest.maxTimestamp,
            state: TreeGroup.State(
                set: TreeSet(versions), manifestNumber: manifest.number, epoch: epoch,
                isFixed: isFixed,
                replay: isReady.load(ordering: .acquiring) ? nil : ReplayPlace()))
        try register(group)
        return group
    }

    /// The newest manifest of a region; `nil` when there is none.
    func newestManifest(of region: Identifier) throws(SiltstoneError) -> RegionManifest? {
        let prefix = RegionManifest.keyPrefix(region: region)
        guard let key = try environment.objects.list(prefix: prefix, after: nil).last else {
            return nil
        }
        let bytes = try environment.objects.get(key)
        do throws(DecodingError) {
            let manifest = try RegionManifest(decoding: bytes)
            guard key == RegionManifest.key(region: region, number: manifest.number) else {
                throw DecodingError(
                    offset: 20, "manifest number is not that of its name number=\(manifest.number)")
            }
            return manifest
        } catch {
            throw SiltstoneError(
                .corrupted, error.message, at: .init(file: key, offset: error.offset))
        }
    }

    /// Forgets a region: durable on return.
    ///
    /// Its files are swept later; snapshots stay readable.
    package func dropGroup(_ group: TreeGroup) throws(SiltstoneError) {
        try checkOpen()
        setDropped(group, true)
        do throws(SiltstoneError) {
            // One that runs would count its memory as gone once more, and write a manifest after the last one.
            _ = try group.withoutFlushes { () throws(SiltstoneError) in
                try install(group, isDropped: true) { set, _ in set }
            }
        } catch {
            setDropped(group, false)
            throw error
        }
        counters.memtableBytes.add(-group.set.trees.reduce(0) { $0 + $1.memtableBytes })
        noteDebt(of: group)
        state.withLock { state in
            state.groups[group.id] = nil
            state.dropped.append(group)
        }
    }

    private func setDropped(_ group: TreeGroup, _ isDropped: Bool) {
        withLead { commit in
            commit.forgetViews()
            group.state.withLock { $0.isDropped = isDropped }
        }
    }

    /// Changes the families of a region, or their settings; the caller sees to it that nobody else does.
    ///
    /// Writers go on: what they write into a new family comes after the change, what they write into one that is removed is lost
    /// with it.
    func update(_ group: TreeGroup, trees options: [TreeOptions]) throws(SiltstoneError) {
        try checkOpen()
        if group.set.trees.map(\.family) == options.map(\.family) {
            return try update(group, settings: options)
        }
        let capacity = memtableCapacityBytes
        // A flush of a tree that is removed would count its memory as gone once more.
        let old = try group.withoutFlushes { () throws(SiltstoneError) in
            // Commits are held off for the change itself, so that no batch is applied to trees that are gone.
            try install(group, changesFamilies: true) { set, lastSequence in
                TreeSet(
                    options.map { options in
                        set.tree(options.family)?.with(options: options)
                            ?? TreeVersion(
                                options: options, active: MemtableSlot(capacityBytes: capacity),
                                flushedSequence: lastSequence)
                    })
            }
        }
        for tree in old.trees where !options.contains(where: { $0.family == tree.family }) {
            counters.memtableBytes.add(-tree.memtableBytes)
        }
    }

    /// Changes settings alone, which are in the table's schema and not in manifests.
    private func update(_ group: TreeGroup, settings: [TreeOptions]) throws(SiltstoneError) {
        try group.manifestLock.withLock { _ throws(SiltstoneError) in
            try checkHasNotMoved(group)
            group.state.withLock { state in
                state.set = settings.reduce(state.set) { set, options in
                    set.tree(options.family).map { set.replacing($0.with(options: options)) } ?? set
                }
            }
        }
        noteDebt(of: group)
    }

    /// Throws `closed` after `close`.
    func checkOpen() throws(SiltstoneError) {
        if state.withLock({ $0.isClosed }) { throw SiltstoneError(.closed, "database is closed") }
    }

    /// Makes a region known.
    func register(_ group: TreeGroup) throws(SiltstoneError) {
        let isNew = state.withLock { state in
            if state.groups[group.id] != nil { return false }
            state.groups[group.id] = group
            return true
        }
        if isNew { noteDebt(of: group) }
        if !isNew { throw SiltstoneError(.alreadyExists, "region is open region=\(group.id)") }
    }
}
