internal import SiltBytes
internal import SiltFormat
internal import SiltModel
internal import SiltTable

/// What a job needs to go on exactly where it was, as it stands in the table of jobs.
///
/// Part of the format: docs/format/checkpoint.md. The record is cut into cells `part.0000`, `part.0001`, … of at most
/// 4 MiB; `parts` says how many; `status` and `summary` are for people. Time stamps are the checkpoint's number.
struct JobCheckpoint {
    private static let family = "c"
    private static let partBytes = 4 << 20

    var number: UInt64 = 0
    var definitionHash: UInt64 = 0
    var isComplete = false
    var position = JobInput.Position()
    var kind = ""
    /// How far each file was read, when files are tailed; `position` is then not used.
    var tailed: [CheckpointRecord.Source] = []
    var header: [String]?
    var maxTime = Int64.min
    var state: [UInt8] = []
    /// What the job's alerts know.
    var alerts: [UInt8] = []
    var summary = JobSummary()
    /// How many parts the stored record has.
    var partCount = 0

    /// The hash that tells definitions apart.
    static func hash(_ job: JobDefinition) -> UInt64 { Hash64.hash(Array(job.canonicalText.utf8)) }

    init() {}

    /// Reads a job's checkpoint; `nil` when there is none.
    static func read(_ job: String, from table: StoredTable) throws(SiltstoneError)
        -> JobCheckpoint?
    {
        guard let row = try table.get(Bytes(job)) else { return nil }
        let bytes = try bytes(row, job: job)
        do {
            var checkpoint = try JobCheckpoint(decoding: CheckpointRecord(decoding: bytes))
            checkpoint.partCount =
                row[Column(family, "parts")]?.value.string.flatMap { Int($0) } ?? 0
            return checkpoint
        } catch {
            throw damaged(job, error.description)
        }
    }

    /// The canonical text of the definition that a job's checkpoint is of.
    static func definitionText(_ job: String, from table: StoredTable) throws(SiltstoneError)
        -> String
    {
        try table.get(Bytes(job))?[Column(family, "definition")]?.value.string ?? ""
    }

    /// The record that the cells of a row hold.
    static func bytes(_ row: Row, job: String) throws(SiltstoneError) -> [UInt8] {
        func cell(_ name: String) -> Bytes? { row[Column(family, Bytes(name))]?.value }
        guard let parts = cell("parts")?.string.flatMap({ Int($0) }), parts > 0, parts < 10_000
        else {
            throw damaged(job, "it has no count of parts")
        }
        var bytes: [UInt8] = []
        for part in 0..<parts {
            guard let value = cell(partName(part)) else {
                throw damaged(job, "a part is missing part=\(part)")
            }
            bytes.append(contentsOf: value.array)
        }
        return bytes
    }

    /// The cells that a record is cut into; `over` is how many parts the stored one has.
    static func cells(_ bytes: [UInt8], over partCount: Int, timestamp: Int64?) -> [CellMutation] {
        var changes: [CellMutation] = []
        func put(_ name: String, _ value: [UInt8]) {
            changes.append(
                CellMutation(
                    Column(family, Bytes(name)),
                    .put(value: Bytes(value), timeToLiveMilliseconds: nil), timestamp: timestamp))
        }
        var parts = 0
        while parts == 0 || parts * partBytes < bytes.count {
            let start = parts * partBytes
            put(partName(parts), Array(bytes[start..<min(bytes.count, start + partBytes)]))
            parts += 1
        }
        for part in parts..<max(parts, partCount) {
            changes.append(
                CellMutation(
                    Column(family, Bytes(partName(part))), .deleteColumn, timestamp: timestamp))
        }
        put("parts", Array(String(parts).utf8))
        return changes
    }

    /// How many parts a record is cut into.
    static func partCount(_ bytes: [UInt8]) -> UInt64 {
        UInt64(max(1, (bytes.count + partBytes - 1) / partBytes))
    }

    private static func damaged(_ job: String, _ what: String) -> SiltstoneError {
        SiltstoneError(
            .corrupted, "job's checkpoint cannot be read: \(what) job=\(job)",
            at: .init(file: JobTables.jobsName))
    }

    private static func partName(_ part: Int) -> String {
        let digits = String(part)
        return "part." + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    private init(decoding record: CheckpointRecord) throws(DecodingError) {
        number = record.number
        definitionHash = record.definitionHash
        guard let source = record.sources.first else {
            throw DecodingError(offset: 0, "checkpoint has no source")
        }
        kind = source.kind
        if kind == TailRunner.kind {
            tailed = record.sources
        } else {
            position = try JobInput.Position(decoding: source.position)
        }
        state = record.section("windows") ?? []
        alerts = record.section("alerts") ?? []
        var reader = ByteReader(record.section("runner") ?? [])
        isComplete = try reader.readUInt8() == 1
        maxTime = try reader.readInt64()
        if try reader.readUInt8() == 1 {
            var names: [String] = []
            for _ in 0..<(try reader.readCount(limit: 1 << 20)) {
                names.append(try reader.readSizedString())
            }
            header = names
        }
        summary.watermark = record.watermarkMilliseconds
        summary.records = try reader.readInt64()
        summary.bytes = try reader.readInt64()
        summary.bad = try reader.readInt64()
        summary.late = try reader.readInt64()
        summary.filtered = try reader.readInt64()
        summary.outside = try reader.readInt64()
        summary.rows = try reader.readInt64()
        summary.windows = try reader.readInt64()
        summary.checkpoints = try reader.readInt64()
    }

    private func encoded(_ job: JobDefinition, now: Int64) -> [UInt8] {
        var writer = ByteWriter(capacity: 128)
        writer.write(UInt8(isComplete ? 1 : 0))
        writer.write(maxTime)
        writer.write(UInt8(header == nil ? 0 : 1))
        if let header {
            writer.writeVarint(UInt64(header.count))
            for name in header { writer.writeSized(name) }
        }
        for (_, value) in summary.counters { writer.write(value) }
        return CheckpointRecord(
            job: job.name, number: number, definitionHash: definitionHash, createdMilliseconds: now,
            watermarkMilliseconds: summary.watermark,
            sources: tailed.isEmpty
                ? [.init(name: position.file, kind: kind, position: position.encoded)] : tailed,
            sections: [("windows", state), ("runner", writer.bytes)]
                + (alerts.isEmpty ? [] : [("alerts", alerts)])
        ).encoded()
    }

    /// The change of the job's row that stores this checkpoint; `partCount` is then that of this one.
    mutating func mutation(_ job: JobDefinition, now: Int64) -> RowMutation {
        let bytes = encoded(job, now: now)
        let timestamp = Int64(clamping: number)
        var changes = Self.cells(bytes, over: partCount, timestamp: timestamp)
        func put(_ name: String, _ value: [UInt8]) {
            changes.append(
                CellMutation(
                    Column(Self.family, Bytes(name)),
                    .put(value: Bytes(value), timeToLiveMilliseconds: nil),
                    timestamp: timestamp))
        }
        put("status", Array((isComplete ? "completed" : "running").utf8))
        put("summary", summary.json.bytes)
        put("definition", Array(job.canonicalText.utf8))
        partCount = (bytes.count + Self.partBytes - 1) / Self.partBytes
        return RowMutation(row: Bytes(job.checkpointName), changes: changes)
    }
}
