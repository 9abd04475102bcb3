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
final class RunWriter {
    private let target: TableTarget
    private let settings: Family
    private let properties: TableProperties
    private let fileBytesMax: Int
    private var writer: TableWriter?
    /// The files that were begun.
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

    /// The bytes of the finished files.
    var byteCount: Int { files.reduce(0) { $0 + Int(clamping: $1.byteCount) } }

    /// Appends the cursor's cell; `startsRow` says whether its row differs from that of the cell before.
    func append(_ cursor: MergeCursor, startsRow: Bool) throws(SiltstoneError) {
        if writer != nil, isFull(startsRow: startsRow) { try finish() }
        if writer == nil { try begin() }
        try writer?.append(cursor, sequence: flattensSequences ? 0 : nil)
    }

    private func begin() throws(SiltstoneError) {
        let id = target.environment.makeIdentifier()
        target.pending.insert(id)
        begun.append(id)
        writer = try TableWriter(
            id, table: target.table, objects: target.environment.objects, settings: settings,
            properties: properties)
    }

    private func isFull(startsRow: Bool) -> Bool {
        if fileBytesMax == .max { return false }
        // Looking at the size is not free; a row that fills several files is cut, too.
        if startsRow { return (writer?.byteCount ?? 0) >= fileBytesMax }
        return (writer?.cellCount ?? 0) & 0x3f == 0 && (writer?.byteCount ?? 0) / 4 >= fileBytesMax
    }

    /// Makes the last file durable.
    func finish() throws(SiltstoneError) {
        guard let file = try writer?.finish() else { return }
        writer = nil
        if target.verifies { try TableVerification.run(file, target.environment.objects) }
        files.append(file)
    }

    /// Gives up the file being written; finished ones are left to the sweeper.
    func abandon() {
        writer?.abandon()
        writer = nil
    }

    /// Ends the protection of the files: they stand in a manifest now, or nobody will ever refer to them.
    func release() { target.pending.remove(begun) }
}
