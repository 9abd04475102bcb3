package import SiltBytes
package import SiltFormat
package import SiltIO
package import SiltModel

/// Regions whose files come from somewhere else.
extension Engine {
    /// Makes regions of those of another database: their files are copied from `source`, under identifiers of their own.
    ///
    /// Until a schema names the regions they are nobody's. Every block is checked while it is copied; when one is damaged, or
    /// storage fails, nothing is left but files that the sweeper deletes.
    ///
    /// - Parameters:
    ///   - manifests: what the regions are, and their files.
    ///   - table: whose the new regions are.
    ///   - trees: the families of the table's schema.
    package func adopt(
        _ manifests: [RegionManifest], for table: Identifier, trees: [TreeOptions],
        from source: any ObjectStore
    ) throws(SiltstoneError) -> [TreeGroup] {
        try checkOpen()
        var copies: [Identifier: TableFile] = [:]
        defer { pending.remove(copies.values.map(\.id)) }
        // Regions that use parts of one file share it.
        let uses = FileUses()
        var made: [TreeGroup] = []
        do throws(SiltstoneError) {
            for manifest in manifests {
                let own = try withOwnFiles(manifest, table, source, &copies)
                made.append(try makeGroup(own, for: table, trees: trees, uses))
            }
        } catch {
            // No schema names them; the first failure is what counts.
            for group in made { try? dropGroup(group) }
            throw error
        }
        return made
    }

    /// The newest manifest of a region.
    package func manifest(of group: TreeGroup) throws(SiltstoneError) -> RegionManifest {
        guard let manifest = try newestManifest(of: group.id) else {
            throw SiltstoneError(.notFound, "region has no manifest region=\(group.id)")
        }
        return manifest
    }

    /// Copies what the manifest names and no other did before, and names the copies instead.
    private func withOwnFiles(
        _ manifest: RegionManifest, _ table: Identifier, _ source: any ObjectStore,
        _ copies: inout [Identifier: TableFile]
    ) throws(SiltstoneError) -> RegionManifest {
        var own = manifest
        for tree in own.trees.indices {
            own.trees[tree].origins = []
            for run in own.trees[tree].runs.indices {
                for place in own.trees[tree].runs[run].files.indices {
                    let file = own.trees[tree].runs[run].files[place]
                    let copy: TableFile
                    if let known = copies[file.id] {
                        copy = known
                    } else {
                        copy = try copied(file, table, source)
                        copies[file.id] = copy
                    }
                    own.trees[tree].runs[run].files[place].id = copy.id
                    own.trees[tree].runs[run].files[place].table = copy.table
                    own.trees[tree].runs[run].files[place].byteCount = copy.byteCount
                }
            }
        }
        return own
    }

    /// Copies a file under an identifier that the sweeper leaves alone.
    private func copied(_ file: TableFile, _ table: Identifier, _ source: any ObjectStore)
        throws(SiltstoneError) -> TableFile
    {
        let id = environment.makeIdentifier()
        pending.insert(id)
        do throws(SiltstoneError) {
            return try TableCopy.rename(
                file, to: id, table: table, from: source, to: environment.objects, noted: noted)
        } catch {
            pending.remove([id])
            throw error
        }
    }

    private func makeGroup(
        _ manifest: RegionManifest, for table: Identifier, trees: [TreeOptions], _ uses: FileUses
    ) throws(SiltstoneError) -> TreeGroup {
        let id = environment.makeIdentifier()
        let epoch = try environment.coordinator.claim(region: id, above: 0)
        let versions = trees.map { options in
            TreeVersion(
                options, manifest: manifest,
                active: MemtableSlot(capacityBytes: memtableCapacityBytes), uses: uses)
        }
        let last = manifest.trees.reduce(manifest.lastSequence) { max($0, $1.flushedSequence) }
        let group = TreeGroup(
            id: id, table: table,
            range: RowKeyRange(start: manifest.rows.start, end: manifest.rows.end), engine: self,
            lastSequence: last, lastTimestamp: manifest.maxTimestamp,
            state: TreeGroup.State(set: TreeSet(versions), manifestNumber: 0, epoch: epoch))
        // The sweeper leaves the manifest alone until the region is known.
        pending.insert(id)
        defer { pending.remove([id]) }
        try install(group) { set, _ in set }
        try register(group)
        return group
    }
}
