package import SiltFormat
package import SiltModel

/// What a cursor will be used for.
package struct CursorOptions: Sendable {
    /// The row prefix when only this row will be read: filters can then skip files.
    package var row: [UInt8]?
    /// The column key when only this column will be read.
    package var column: [UInt8]?
    /// The time stamps of interest: files that cannot match and hold no markers are skipped.
    package var timeRange = TimeRange.all
    /// Whether blocks read from disk are kept in the cache.
    package var fillsCache = true

    /// A cursor over everything.
    package init() {}

    /// Whether no file is left out, and blocks are kept.
    package var takesAll: Bool {
        row == nil && column == nil && fillsCache && timeRange.min <= 0 && timeRange.max == .max
    }

    /// Whether a file may hold anything that a reader with these options looks at.
    func mayNeed(_ file: TableFile) -> Bool {
        if file.entryCount == 0 { return false }
        if let wanted = column ?? row {
            if file.largest.lexicographicallyPrecedes(wanted) { return false }
            if wanted.lexicographicallyPrecedes(file.smallest.prefix(wanted.count)) { return false }
        }
        if file.markerCount > 0 { return true }
        return file.maxTimestamp >= timeRange.min
            && (file.minTimestamp < timeRange.max || timeRange.max == .max)
    }
}

/// The files and memtables that make up one tree at one moment.
package struct TreeSources: Sendable {
    /// The memtables, newest first.
    package var memtables: [Memtable]
    /// Level 0: the files newest first, which may overlap.
    package var runs: [TableFile]
    /// The further levels from the top: the files of each disjoint and in order.
    package var levels: [[TableFile]]

    /// The sources of one tree.
    package init(memtables: [Memtable], runs: [TableFile], levels: [[TableFile]]) {
        self.memtables = memtables
        self.runs = runs
        self.levels = levels
    }

    /// The files by run, newest first: a level is one run.
    ///
    /// Those that a reader with these options never looks at are left out.
    func tableRuns(_ options: CursorOptions) -> [[TableFile]] {
        var result: [[TableFile]] = []
        for file in runs where options.mayNeed(file) { result.append([file]) }
        for level in levels {
            let files = level.filter { options.mayNeed($0) }
            if !files.isEmpty { result.append(files) }
        }
        return result
    }
}
