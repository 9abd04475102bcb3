internal import SiltBytes
package import SiltFormat

/// Whether a region's manifest agrees with itself; what its files say is compared elsewhere.
///
/// 1. Families and levels ascend, each once; levels from 1 on are one run without overlap.
/// 2. A file is named once, or in parts that do not share rows; snapshots and clones name files of other tables.
/// 3. Counts, time stamps, keys and sequences of a file are possible, and lie within those of the region.
/// 4. What is flushed, also of regions that are gone, is within what was given out.
package struct ManifestCheck {
    /// What is wrong, in words.
    package private(set) var problems: [String] = []

    private let manifest: RegionManifest
    private let first: [UInt8]
    private let end: [UInt8]?

    /// Checks a manifest.
    package init(_ manifest: RegionManifest) {
        self.manifest = manifest
        let rows = manifest.rows
        first = rows.start.isEmpty ? [] : CellKey.rowPrefix(rows.start)
        end = rows.end.isEmpty ? nil : CellKey.rowPrefix(rows.end)
        if !rows.end.isEmpty, rows.start >= rows.end {
            problems.append("rows end before they begin")
        }
        for pair in zip(manifest.trees, manifest.trees.dropFirst())
        where pair.0.family >= pair.1.family {
            problems.append("families are not in order family=\(pair.1.family)")
        }
        for tree in manifest.trees { check(tree) }
    }

    private mutating func check(_ tree: RegionManifest.Tree) {
        if tree.flushedSequence > manifest.lastSequence {
            problems.append(
                "flushed beyond the last sequence family=\(tree.family) flushed=\(tree.flushedSequence)"
            )
        }
        var parts: [Identifier: [TableFile]] = [:]
        var level: UInt8 = 0
        for (index, run) in tree.runs.enumerated() {
            if run.level < level || index > 0 && run.level > 0 && run.level == level {
                problems.append("runs are not in order of levels family=\(tree.family)")
            }
            level = run.level
            if run.files.isEmpty { problems.append("a run has no files family=\(tree.family)") }
            for pair in zip(run.files, run.files.dropFirst())
            where !pair.0.largest.lexicographicallyPrecedes(pair.1.smallest) {
                problems.append(
                    "files of a run overlap level=\(run.level) first=\(pair.0.id) next=\(pair.1.id)"
                )
            }
            for file in run.files {
                check(file)
                parts[file.id, default: []].append(file)
            }
        }
        for files in parts.values where files.count > 1 {
            let sorted = files.sorted { $0.smallest.lexicographicallyPrecedes($1.smallest) }
            for pair in zip(sorted, sorted.dropFirst())
            where pair.0.clip == nil || pair.1.clip == nil
                || !pair.0.largest.lexicographicallyPrecedes(pair.1.smallest)
            {
                problems.append("a file is named twice file=\(pair.0.key)")
            }
        }
        for origin in tree.origins where origin.region == manifest.region {
            problems.append("a region is its own origin family=\(tree.family)")
        }
    }

    private mutating func check(_ file: TableFile) {
        func note(_ isWrong: Bool, _ words: String) {
            if isWrong { problems.append("\(words) file=\(file.key)") }
        }
        note(file.entryCount == 0 || file.byteCount == 0, "file is empty")
        note(
            file.markerCount > file.entryCount || file.familyMarkerCount > file.markerCount,
            "more markers than entries")
        note(file.minTimestamp > file.maxTimestamp, "time stamps are not a range")
        note(file.minSequence > file.maxSequence, "sequences are not a range")
        note(
            file.maxSequence > manifest.lastSequence,
            "sequences beyond the last of the region max=\(file.maxSequence)")
        note(file.largest.lexicographicallyPrecedes(file.smallest), "keys are not a range")
        let isBefore = file.smallest.lexicographicallyPrecedes(first)
        let isAfter = end.map { !file.largest.lexicographicallyPrecedes($0) } ?? false
        note(isBefore || isAfter, "keys lie outside the region")
        guard let clip = file.clip else { return }
        note(
            clip.start.isEmpty && clip.end.isEmpty || !clip.end.isEmpty && clip.start >= clip.end,
            "the part of a file is not possible")
    }
}
