internal import SiltBytes
internal import SiltFormat
internal import SiltIO
internal import SiltModel

/// Where new table files go.
struct TableTarget: Sendable {
    /// Storage, and the source of file names.
    let environment: Environment
    /// The table whose folder the files are in.
    let table: Identifier
    /// The files being written, so that the sweeper leaves them alone.
    let pending: PendingFiles
    /// Whether files are read again when they are finished.
    let verifies: Bool
}

/// Writes merged cells as table files, cut between rows.
struct RunWriter: ~Copyable {
    private let target: TableTarget
    private let settings: Family
    private let properties: TableProperties
    private let fileBytesMax: Int
    private var writer: TableWriter?
    /// The files that were begun; whoever made the writer ends their protection (`TableTarget.pending`).
    private(set) var begun: [Identifier] = []
    /// The finished files, in key order.
    private(set) var files: [TableFile] = []
    /// Whether cells lose their sequences, which take more room than all else about a cell.
    ///
    /// Right for a merge to the bottom without markers. Older snapshots keep reading the files before it, and all that is newer has higher sequences.
    var flattensSequences = false

    /// A writer that begins another file once one has about `fileBytesMax` bytes.
    init(_ target: TableTarget, region: Identifier, options: TreeOptions, fileBytesMax: Int) {
        self.target = target
        settings = fileBytesMax == .max ? Self.quick(options.settings) : options.settings
        var properties = TableProperties()
        properties.region = region
        properties.family = options.family
        properties.createdMilliseconds = target.environment.clock.nowMilliseconds
        self.properties = properties
        self.fileBytesMax = fileBytesMax
    }

    /// What short-lived files of level 0 are written with: Zstandard is for what stays.
    private static func quick(_ settings: Family) -> Family {
        var quick = settings
        if case .zstd = settings.compression {
            quick.compression = .lz4
            quick.blockBytes = min(settings.blockBytes, 16 << 10)
        }
        return quick
    }

    /// Appends the cursor's cell.
    ///
    /// - Parameter step: how its key differs from that of the cell appended before.
    @inline(__always)
    mutating func append(_ cursor: MergeCursor, _ step: KeyStep) throws(SiltstoneError) {
        if fileBytesMax != .max, isFull(startsRow: step.startsRow) { try finish() }
        if writer == nil { try begin() }
        try writer?.append(cursor, step, sequence: flattensSequences ? 0 : nil)
    }

    private mutating func begin() throws(SiltstoneError) {
        let id = target.environment.makeIdentifier()
        target.pending.insert(id)
        begun.append(id)
        writer = try TableWriter(
            id, table: target.table, objects: target.environment.objects, settings: settings,
            properties: properties)
    }

    private func isFull(startsRow: Bool) -> Bool {
        switch writer {
        case .none: return false
        case .some(let writer):
            // Looking at the size is not free; a row that fills several files is cut, too.
            if startsRow { return writer.byteCount >= fileBytesMax }
            return writer.cellCount & 0x3f == 0 && writer.byteCount / 4 >= fileBytesMax
        }
    }

    /// Makes the last file durable.
    mutating func finish() throws(SiltstoneError) {
        guard let file = try writer?.finish() else { return }
        writer = nil
        if target.verifies { try TableVerification.run(file, target.environment.objects) }
        files.append(file)
    }

    /// Gives up the file being written; finished ones are left to the sweeper.
    mutating func abandon() {
        writer?.abandon()
        writer = nil
    }
}
