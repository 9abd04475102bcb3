import NIOHTTP1
import SiltBytes
import SiltModel
import SiltTable

/// How the records of a body are written.
enum UploadFormat {
    /// Lines `{"row", "put", "delete"}`, or an array of such objects.
    case json
    case csv
    case lineProtocol(InfluxPoint)
}

/// What became of the records of a body so far.
struct UploadCounts {
    /// Records stored, as durable as was asked for.
    var applied = 0
    /// Records that were wrong.
    var failed = 0
    /// The first of those, and what is wrong with it.
    var firstFailed: (line: Int, message: String)?
    /// The lines before this one are among those counted.
    var nextLine = 1
    /// An answer line for each of the first records that were wrong.
    var lines: [UInt8] = []
}

/// Writes the records of a body while it arrives, those of each piece together.
final class RowUpload: BodySink {
    /// The most records, and about the most bytes of them, that are written together.
    private static let batchCountMax = 10_000
    private static let batchBytesMax = 1 << 20
    /// How many wrong records are told apart.
    private static let answerLinesMax = 1000

    private let table: StoredTable
    private let durability: Durability?
    private let dialect: UploadDialect
    private let format: UploadFormat
    private var splitter: RecordSplitter
    private var csv = CSVRows()
    private var pending: [(line: Int, mutation: RowMutation)] = []
    private var pendingBytes = 0
    /// How many of those are written or found to be wrong.
    private var settledCount = 0
    private var counts = UploadCounts()

    init(
        table: StoredTable, format: UploadFormat, durability: Durability?, dialect: UploadDialect
    ) {
        self.table = table
        self.format = format
        self.durability = durability
        self.dialect = dialect
        splitter =
            switch format {
            case .json: RecordSplitter(.json)
            case .csv: RecordSplitter(.csv)
            case .lineProtocol: RecordSplitter(.lines)
            }
    }

    var heldBytes: Int { splitter.heldBytes }

    func take(_ piece: [UInt8]) throws(SiltstoneError) {
        splitter.add(piece)
        try takeRecords(isLast: false)
    }

    func finish() throws(SiltstoneError) -> Response {
        try takeRecords(isLast: true)
        return dialect.answer(counts)
    }

    func failure(_ error: SiltstoneError) -> Response {
        counts.nextLine =
            pending.indices.contains(settledCount) ? pending[settledCount].line : splitter.line
        return dialect.failure(error, counts)
    }

    /// A whole body at once.
    func answer(to body: [UInt8]) -> Response {
        do throws(SiltstoneError) {
            try take(body)
            return try finish()
        } catch {
            return failure(error)
        }
    }

    private func takeRecords(isLast: Bool) throws(SiltstoneError) {
        do throws(SiltstoneError) {
            while let record = try splitter.next(isLast: isLast) {
                try take(record)
                let isFull =
                    pending.count >= Self.batchCountMax || pendingBytes >= Self.batchBytesMax
                if isFull { try apply() }
            }
        } catch {
            // What came before the fault is stored, unless storing is what failed.
            if error.code == .invalidArgument { try apply() }
            throw error
        }
        try apply()
    }

    private func take(_ record: RecordSplitter.Record) throws(SiltstoneError) {
        if record.bytes.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0d }) { return }
        let mutation: RowMutation?
        do throws(SiltstoneError) {
            switch format {
            case .json: mutation = try self.mutation(record.bytes)
            case .csv: mutation = try csv.mutation(record.bytes)
            case .lineProtocol(let point): mutation = try point.mutation(record.bytes)
            }
        } catch {
            // Without a header no line means anything.
            if case .csv = format, !csv.hasHeader { throw error }
            return fail(error, line: record.line)
        }
        guard let mutation else { return }
        pending.append((record.line, mutation))
        pendingBytes += record.bytes.count
    }

    private func mutation(_ text: [UInt8]) throws(SiltstoneError) -> RowMutation {
        let document: JSONValue
        do { document = try JSONValue(parsing: text) } catch {
            throw SiltstoneError(.invalidArgument, "line is not JSON: \(error)")
        }
        guard let row = document["row"] else {
            throw SiltstoneError(.invalidArgument, "a mutation has a row")
        }
        var changes: [CellMutation] = []
        if let deletes = document["delete"] {
            changes += try RowJSON.decodeDeletes(deletes, families: table.definition.families)
        }
        if let puts = document["put"] { changes += try RowJSON.decodePuts(puts) }
        guard !changes.isEmpty else {
            throw SiltstoneError(.invalidArgument, "a mutation puts or deletes")
        }
        return RowMutation(row: try RowJSON.decode(row), changes: changes)
    }

    private func apply() throws(SiltstoneError) {
        try apply(pending[...])
        pending.removeAll(keepingCapacity: true)
        pendingBytes = 0
        settledCount = 0
    }

    /// Writes records together; wrong ones spoil that, so they are looked for by halves.
    private func apply(
        _ records: ArraySlice<(line: Int, mutation: RowMutation)>
    ) throws(SiltstoneError) {
        guard let first = records.first else { return }
        do {
            try table.write(records.map(\.mutation), durability: durability)
            counts.applied += records.count
        } catch {
            guard error.code == .invalidArgument || error.code == .notFound else { throw error }
            guard records.count == 1 else {
                let middle = records.startIndex + records.count / 2
                try apply(records[..<middle])
                return try apply(records[middle...])
            }
            fail(error, line: first.line)
        }
        settledCount = records.endIndex
    }

    private func fail(_ error: SiltstoneError, line: Int) {
        counts.failed += 1
        if counts.firstFailed == nil || line < (counts.firstFailed?.line ?? 0) {
            counts.firstFailed = (line, error.message)
        }
        guard counts.failed <= Self.answerLinesMax else { return }
        JSONWriter.append(
            .object(
                ("line", .integer(Int64(line))),
                (
                    "error",
                    .object(
                        ("code", .string(error.code.description)),
                        ("message", .string(error.message)))
                )), to: &counts.lines)
        counts.lines.append(UInt8(ascii: "\n"))
    }
}
