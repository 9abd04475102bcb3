internal import SiltBytes
internal import SiltFormat
package import SiltIO
package import SiltModel

/// Makes a damaged data directory usable again, and says what it could not save; nobody may have it open.
///
/// 1. A region whose newest manifest cannot be read goes back to the newest one that can, with the files written since.
/// 2. A table file with damage is written anew with its good blocks, and a new manifest names the new file.
/// 3. A table file that is missing is taken out of the manifest.
/// 4. A log that is damaged before its end gives way to its good records.
///
/// Nothing is deleted: what is replaced is kept under `quarantine/`. With nothing to lose it acts at once; where cells are lost it
/// does so only when that was accepted.
package struct DirectoryRepair {
    /// What was done, a line each.
    package internal(set) var actions: [String] = []
    /// What could not be saved, a line each.
    package private(set) var losses: [String] = []
    /// What would have been lost, and was left alone.
    package private(set) var refusals: [String] = []

    let environment: Environment
    let acceptsLoss: Bool
    /// Up to where all operations of a region are in its files.
    private(set) var flushedSequences: [Identifier: UInt64] = [:]
    private var quarantined: Set<String> = []

    /// A repair that gives cells up only with `acceptsLoss`.
    package init(_ environment: Environment, acceptsLoss: Bool) {
        self.environment = environment
        self.acceptsLoss = acceptsLoss
    }

    /// Repairs everything that it can.
    package mutating func run() throws(SiltstoneError) {
        let keys = try environment.objects.list(prefix: "regions/", after: nil)
        var regions: [String: [String]] = [:]
        for key in keys where key.contains("/manifest/") {
            // regions/<region>/manifest/<number>
            let region = key.split(separator: "/").dropFirst().first.map(String.init) ?? ""
            regions[region, default: []].append(key)
        }
        let replaced = try replacedRegions()
        for region in regions.keys.sorted() where !replaced.contains(region) {
            try repair((regions[region] ?? []).sorted())
        }
        try repairLogs()
        for key in quarantined.sorted() { try moveAway(key) }
    }

    /// The regions that were split or merged into others, or whose table is gone: their files may be gone, too.
    ///
    /// Where no schema can be read, a region counts as living.
    private func replacedRegions() throws(SiltstoneError) -> Set<String> {
        var newest: [Identifier: SchemaRecord] = [:]
        for key in try environment.objects.list(prefix: "tables/", after: nil)
        where key.contains("/schema/") {
            let bytes = try environment.objects.get(key)
            guard let schema = try? SchemaRecord(decoding: bytes),
                schema.number >= newest[schema.table]?.number ?? 0
            else { continue }
            newest[schema.table] = schema
        }
        var replaced: Set<String> = []
        for key in try environment.objects.list(prefix: "regions/", after: nil)
        where key.contains("/manifest/") {
            let bytes = try environment.objects.get(key)
            guard let manifest = try? RegionManifest(decoding: bytes),
                let schema = newest[manifest.table]
            else { continue }
            let isLive =
                schema.state == .live && schema.regions.contains { $0.id == manifest.region }
            if !isLive { replaced.insert("\(manifest.region)") }
        }
        return replaced
    }

    private mutating func repair(_ keys: [String]) throws(SiltstoneError) {
        var damaged: [String] = []
        var found: RegionManifest?
        for key in keys.reversed() {
            let bytes = try environment.objects.get(key)
            do throws(DecodingError) {
                found = try RegionManifest(decoding: bytes)
                break
            } catch { damaged.append(key) }
        }
        guard let old = found else {
            refusals.append("no manifest of a region can be read file=\(keys.last ?? "")")
            return
        }
        flushedSequences[old.region] = old.trees.map(\.flushedSequence).max() ?? 0
        if old.state == .dropped { return }
        var manifest = old
        if !damaged.isEmpty {
            guard accepts("changes after manifest \(old.number) of region \(old.region)") else {
                return
            }
            try addNewerFiles(to: &manifest)
        }
        try replaceFiles(in: &manifest)
        if manifest == old, damaged.isEmpty { return }
        manifest.number = old.number + UInt64(damaged.count) + 1
        manifest.epoch += 1
        let key = RegionManifest.key(region: manifest.region, number: manifest.number)
        guard try environment.objects.putIfAbsent(key, manifest.encoded()) else {
            throw SiltstoneError(.conflict, "manifest exists", at: .init(file: key))
        }
        actions.append("wrote manifest \(manifest.number) of region \(manifest.region)")
        quarantined.formUnion(damaged)
    }

    /// Adds the files that the region wrote after a manifest, newest first, to level 0: their cells may be there twice, which
    /// changes no answer.
    private mutating func addNewerFiles(to manifest: inout RegionManifest) throws(SiltstoneError) {
        let known = Set(manifest.trees.flatMap { $0.runs.flatMap { $0.files.map(\.id) } })
        let since =
            manifest.trees.flatMap { $0.runs.flatMap { $0.files.map(\.createdMilliseconds) } }
            .max() ?? .min
        let keys = try environment.objects.list(prefix: "tables/\(manifest.table)/sst/", after: nil)
        var added: [(family: UInt8, file: TableFile)] = []
        for key in keys where key.hasSuffix(".sst") {
            let bytes = try environment.objects.get(key)
            guard
                let footer = try? TableFooter(
                    decodingEndOf: bytes, fileByteCount: UInt64(bytes.count)),
                !known.contains(footer.fileID)
            else { continue }
            let candidate = TableFile(id: footer.fileID, table: manifest.table)
            guard let own = TableSalvage(bytes, candidate).properties,
                own.region == manifest.region, own.createdMilliseconds >= since
            else { continue }
            added.append(
                (own.family, TableFile(id: footer.fileID, byteCount: UInt64(bytes.count), own)))
        }
        added.sort { $0.file.maxSequence > $1.file.maxSequence }
        for index in manifest.trees.indices {
            let files = added.filter { $0.family == manifest.trees[index].family }.map(\.file)
            manifest.trees[index].runs.insert(
                contentsOf: files.map { RegionManifest.Run(level: 0, files: [$0]) }, at: 0)
            for file in files { actions.append("took up table file \(file.key)") }
        }
        for (_, file) in added {
            manifest.lastSequence = max(manifest.lastSequence, file.maxSequence)
            manifest.maxTimestamp = max(manifest.maxTimestamp, file.maxTimestamp)
        }
    }

    private mutating func replaceFiles(in manifest: inout RegionManifest) throws(SiltstoneError) {
        for tree in manifest.trees.indices {
            let family = manifest.trees[tree].family
            for run in manifest.trees[tree].runs.indices {
                var files: [TableFile] = []
                for file in manifest.trees[tree].runs[run].files {
                    if let kept = try replacement(of: file, family: family, manifest.region) {
                        files.append(kept)
                    }
                }
                manifest.trees[tree].runs[run].files = files
            }
            manifest.trees[tree].runs.removeAll { $0.files.isEmpty }
        }
    }

    /// The file itself when it is whole, a new one with what can be read of it, or nothing.
    private mutating func replacement(of file: TableFile, family: UInt8, _ region: Identifier)
        throws(SiltstoneError) -> TableFile?
    {
        guard try environment.objects.size(file.key) != nil else {
            let words = "\(file.entryCount) entries of the missing table file \(file.key)"
            return accepts(words) ? nil : file
        }
        let salvage = TableSalvage(try environment.objects.get(file.key), file)
        if salvage.damage.isEmpty { return file }
        let lostCount = Int(clamping: file.entryCount) - salvage.entries.count
        if lostCount > 0 {
            let words =
                "\(lostCount) of \(file.entryCount) entries of \(file.key)"
                + " (\(salvage.damage.joined(separator: "; ")))"
            guard accepts(words) else { return file }
        }
        quarantined.insert(file.key)
        // Of a file that regions share, each takes its own part.
        let entries = Self.part(of: salvage.entries, file.clip)
        if entries.isEmpty { return nil }
        let new = try write(entries, instead: file, family: family, region)
        actions.append(
            "saved \(entries.count) of \(file.entryCount) entries of \(file.key) in \(new.key)"
        )
        return new
    }

    private func write(
        _ entries: [TableSalvage.Entry], instead file: TableFile, family: UInt8,
        _ region: Identifier
    ) throws(SiltstoneError) -> TableFile {
        var properties = TableProperties()
        properties.region = region
        properties.family = family
        properties.createdMilliseconds = file.createdMilliseconds
        var writer = try TableWriter(
            environment.makeIdentifier(), table: file.table, objects: environment.objects,
            settings: Family("repaired"), properties: properties)
        for entry in entries {
            var failure: SiltstoneError?
            // Safety: the buffers are used only inside the closures.
            unsafe entry.columnKey.withUnsafeBytes { key in
                unsafe entry.value.withUnsafeBytes { value in
                    do throws(SiltstoneError) {
                        try unsafe writer.append(
                            columnKey: key, timestamp: entry.timestamp, type: entry.type,
                            flags: entry.flags, sequence: entry.sequence, value: value)
                    } catch { failure = error }
                }
            }
            if let failure { throw failure }
        }
        return try writer.finish()
    }

    /// The cells that lie in a clip.
    private static func part(of entries: [TableSalvage.Entry], _ clip: RowClip?)
        -> [TableSalvage.Entry]
    {
        guard let clip else { return entries }
        let first = clip.start.isEmpty ? [] : CellKey.rowPrefix(clip.start)
        let end = clip.end.isEmpty ? nil : CellKey.rowPrefix(clip.end)
        return entries.filter { entry in
            !entry.columnKey.lexicographicallyPrecedes(first)
                && end.map { entry.columnKey.lexicographicallyPrecedes($0) } ?? true
        }
    }

    /// Whether to go on without these; noted either way.
    mutating func accepts(_ words: String) -> Bool {
        if acceptsLoss { losses.append(words) } else { refusals.append(words) }
        return acceptsLoss
    }

    private mutating func moveAway(_ key: String) throws(SiltstoneError) {
        let bytes = try environment.objects.get(key)
        _ = try environment.objects.putIfAbsent("quarantine/" + key, bytes)
        try environment.objects.delete([key])
        actions.append("moved \(key) to quarantine/")
    }
}
