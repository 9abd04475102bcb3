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
            // What a parent inherited itself is of no interest once it is in files.
            if tree.sources.memtables.contains(where: { $0.cellCount > 0 }) {
                origins = Self.joined(origins, tree.origins.compactMap { $0.clipped(to: rows) })
            }
            let parentRows = RowClip(start: parent.range.start, end: parent.range.end)
            let own = RegionManifest.Origin(
                region: parent.id, rows: parentRows, flushedSequence: tree.flushedSequence)
            origins = Self.joined(origins, [own].compactMap { $0.clipped(to: rows) })
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

    /// Origins of two regions: those whose rows are neighbours, and which are flushed as far, become one.
    private static func joined(
        _ left: [RegionManifest.Origin], _ right: [RegionManifest.Origin]
    ) -> [RegionManifest.Origin] {
        var joined = left
        for origin in right {
            let place = joined.firstIndex {
                $0.region == origin.region && $0.flushedSequence == origin.flushedSequence
                    && !$0.rows.end.isEmpty && $0.rows.end == origin.rows.start
            }
            if let place {
                joined[place].rows.end = origin.rows.end
            } else {
                joined.append(origin)
            }
        }
        return joined
    }

    private static func joinedLevel(_ left: [TableHold], _ right: [TableHold]) -> [TableHold] {
        guard let last = left.last, let first = right.first,
            let file = last.file.joined(with: first.file)
        else { return left + right }
        return left.dropLast() + [TableHold(file, use: last.use)] + right.dropFirst()
    }
}

extension RegionManifest.Origin {
    /// The origin for no more than some rows; `nil` when it has none of them.
    fileprivate func clipped(to other: RowClip) -> RegionManifest.Origin? {
        var origin = self
        origin.rows.start = max(rows.start, other.start)
        if rows.end.isEmpty || !other.end.isEmpty && other.end < rows.end {
            origin.rows.end = other.end
        }
        let isEmpty = !origin.rows.end.isEmpty && origin.rows.start >= origin.rows.end
        return isEmpty ? nil : origin
    }
}
