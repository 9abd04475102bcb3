internal import SiltFormat

/// What one compaction reads and where its output goes.
struct CompactionJob: Sendable {
    /// What is done with the files.
    enum Kind: Sendable {
        /// They are merged.
        case merge
        /// The files, of which no two overlap, change their level as they are.
        case move
        /// They go: nothing in them can be read any more.
        case drop
    }

    var kind = Kind.merge
    /// The files read, newest first.
    let inputs: [TableHold]
    /// 0 for a run of level 0, else the level (1 is the first below).
    let outputLevel: Int
    /// Whether no older data of the keys lies outside the inputs.
    let reachesBottom: Bool

    /// Whether the output is cut into files of the size aimed at; runs of level 0 are not.
    var isCut: Bool { outputLevel > 0 }
    /// The bytes read.
    var byteCount: Int { inputs.reduce(0) { $0 + $1.byteCount } }
    /// The cells read.
    var cellCount: Int { inputs.reduce(0) { $0 + Int(clamping: $1.file.entryCount) } }

    /// A merge that moves data down a level: one file that nothing overlaps is only renamed, unless markers can go.
    static func down(_ inputs: [TableHold], to level: Int, reachesBottom: Bool) -> CompactionJob {
        // Of a clipped file a region gets its part when it is merged.
        let isMove =
            inputs.count == 1 && level > 1 && !inputs[0].hasMarkers && inputs[0].file.clip == nil
        return CompactionJob(
            kind: isMove ? .move : .merge, inputs: inputs, outputLevel: level,
            reachesBottom: reachesBottom)
    }
}
