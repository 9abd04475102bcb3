internal import SiltBytes
internal import SiltFormat
internal import SiltModel

extension TreeVersion {
    /// The tree as a manifest has it; empty when the manifest does not know the family.
    ///
    /// - Parameter uses: the uses of files that several regions share.
    convenience init(
        _ options: TreeOptions, manifest: RegionManifest, active: MemtableSlot, uses: FileUses
    ) {
        guard let tree = manifest.trees.first(where: { $0.family == options.family }) else {
            self.init(options: options, active: active, flushedSequence: manifest.lastSequence)
            return
        }
        var runs: [TableHold] = []
        var levels: [[TableHold]] = []
        for run in tree.runs {
            let holds = run.files.map { TableHold($0, use: uses.use(of: $0)) }
            if run.level == 0 {
                runs += holds
            } else {
                while levels.count < Int(run.level) { levels.append([]) }
                levels[Int(run.level) - 1] += holds
            }
        }
        self.init(
            options: options, active: active, runs: runs, levels: levels,
            flushedSequence: tree.flushedSequence, origins: tree.origins)
    }

    /// The tree for a manifest.
    var manifestTree: RegionManifest.Tree {
        var result = RegionManifest.Tree(family: family, flushedSequence: flushedSequence)
        result.origins = origins
        for run in runs { result.runs.append(RegionManifest.Run(level: 0, files: [run.file])) }
        for (index, level) in levels.enumerated() where !level.isEmpty {
            result.runs.append(
                RegionManifest.Run(level: UInt8(clamping: index + 1), files: level.map(\.file)))
        }
        return result
    }
}
