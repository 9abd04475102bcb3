internal import SiltBytes
internal import SiltFormat
internal import SiltModel

extension TreeVersion {
    /// The tree of a new region, made of the parts of other regions' trees that lie in its rows.
    ///
    /// - Parameter parents: in row order.
    convenience init(
        options: TreeOptions, range: RowKeyRange, parents: [ParentState], active: MemtableSlot
    ) {
        let rows = RowClip(start: range.start, end: range.end)
        var runs: [TableHold] = []
        var levels: [[TableHold]] = []
        var flushedSequence: UInt64 = 0
        var origins: [RegionManifest.Origin] = []
        for parent in parents {
            guard let tree = parent.set.tree(options.family) else { continue }
            let clipped = { (files: [TableHold]) in
                files.compactMap { hold in
                    hold.file.clipped(to: rows).map { TableHold($0, use: hold.use) }
                }
            }
            runs = Self.joinedRuns(runs, clipped(tree.runs))
            while levels.count < tree.levels.count { levels.append([]) }
            for (index, level) in tree.levels.enumerated() {
                levels[index] = Self.joinedLevel(levels[index], clipped(level))
            }
            flushedSequence = max(flushedSequence, tree.flushedSequence)
            origins.append(
                RegionManifest.Origin(region: parent.id, flushedSequence: tree.flushedSequence))
            // What a parent inherited itself is of no interest once it is in files.
            if tree.sources.memtables.contains(where: { $0.cellCount > 0 }) {
                origins += tree.origins
            }
        }
        while levels.last?.isEmpty == true { levels.removeLast() }
        self.init(
            options: options, active: active, runs: runs, levels: levels,
            flushedSequence: flushedSequence, origins: origins)
    }

    /// This version with a memtable of inherited cells; without any the log holds nothing to inherit.
    func inheriting(_ slot: MemtableSlot) -> TreeVersion {
        TreeVersion(
            options: options, active: slot, runs: runs, levels: levels,
            flushedSequence: flushedSequence,
            origins: slot.memtable.cellCount > 0 ? origins : [])
    }

    /// Runs of two regions, each newest first: the halves of a run that both have become one again.
    private static func joinedRuns(_ left: [TableHold], _ right: [TableHold]) -> [TableHold] {
        var joined: [TableHold] = []
        var rest = right[...]
        for run in left {
            if let place = rest.firstIndex(where: { run.file.joined(with: $0.file) != nil }),
                let file = run.file.joined(with: rest[place].file)
            {
                // What is newer than the one half must stay before the other, too.
                joined += rest[..<place]
                joined.append(TableHold(file, use: run.use))
                rest = rest[(place + 1)...]
            } else {
                joined.append(run)
            }
        }
        return joined + rest
    }

    private static func joinedLevel(_ left: [TableHold], _ right: [TableHold]) -> [TableHold] {
        guard let last = left.last, let first = right.first,
            let file = last.file.joined(with: first.file)
        else { return left + right }
        return left.dropLast() + [TableHold(file, use: last.use)] + right.dropFirst()
    }
}
