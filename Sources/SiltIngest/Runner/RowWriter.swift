internal import SiltBytes
internal import SiltFormat
internal import SiltModel
internal import SiltStream

/// What the rows of a window have in common, made once for those that fire together.
struct WindowText {
    let windowIndex: Int
    let start: Int64
    let end: Int64
    /// What stands in their keys before, between and behind what is of the row's own key.
    fileprivate var keyPieces: [[UInt8]] = []
    /// The values of `_start` and `_end`.
    fileprivate var startValue: [UInt8] = []
    fileprivate var endValue: [UInt8] = []

    fileprivate init(windowIndex: Int, start: Int64, end: Int64) {
        (self.windowIndex, self.start, self.end) = (windowIndex, start, end)
    }

    /// Whether a row is one of them.
    func isOf(_ row: WindowRow) -> Bool {
        windowIndex == row.windowIndex && start == row.start && end == row.end
    }
}

/// Turns what windows give into changes of rows.
///
/// Every cell has an explicit time stamp, the window's last millisecond (0 for windows that end before 1970), so that
/// the same events give the same bytes however often the job is stopped. An aggregate that is null has no cell;
/// one with several results has a cell for each, `name:what`. `_rank` is the place of a ranked row, `_firings` how
/// often a row was written where late events may change it. Where there are early results, `_early` is 1 in them and 0 in
/// the rows that replace them, and an aggregate that is null has an empty cell, as an early one may have had a value.
struct RowWriter {
    /// A window's columns.
    private struct Columns {
        let start: Column
        let end: Column
        let aggregates: [Column]
        let family: String
    }

    private let job: JobDefinition
    private let columns: [Columns]
    private let keepsKeyFieldsApart: Bool
    /// For each part of a row's key that is of the key: which of its fields, `nil` for all.
    private let keyFields: [Int?]

    init(_ job: JobDefinition, keepsKeyFieldsApart: Bool) {
        self.job = job
        self.keepsKeyFieldsApart = keepsKeyFieldsApart
        keyFields = job.row.parts.compactMap { part -> Int?? in
            switch part {
            case .field(let path) where keepsKeyFieldsApart: job.key.firstIndex(of: path) ?? .max
            case .key, .field: .some(nil)
            default: nil
            }
        }
        columns = job.windows.map { window in
            let family = job.family.text(windowName: window.name)
            return Columns(
                start: Column(family, "_start"), end: Column(family, "_end"),
                aggregates: job.aggregates.map { Column(family, Bytes($0.name)) }, family: family)
        }
    }

    /// The time stamp of the cells of a window.
    static func timestamp(end: Int64) -> Int64 { max(0, end == .min ? 0 : end - 1) }

    /// The key of a window's row.
    func rowKey(key: [UInt8], windowName: String, start: Int64, end: Int64) -> Bytes {
        rowKey(key, keyPieces(windowName: windowName, start: start, end: end))
    }

    /// The key of a window's row.
    func rowKey(key: [UInt8], in window: WindowText) -> Bytes { rowKey(key, window.keyPieces) }

    /// What the rows of a window have in common.
    func text(ofWindowOf row: WindowRow) -> WindowText {
        var text = WindowText(windowIndex: row.windowIndex, start: row.start, end: row.end)
        text.keyPieces = keyPieces(windowName: row.windowName, start: row.start, end: row.end)
        DecimalText.append(row.start, to: &text.startValue)
        DecimalText.append(row.end, to: &text.endValue)
        return text
    }

    private func keyPieces(windowName: String, start: Int64, end: Int64) -> [[UInt8]] {
        var pieces: [[UInt8]] = []
        var piece: [UInt8] = []
        for part in job.row.parts {
            switch part {
            case .literal(let literal): piece.append(contentsOf: literal)
            case .key, .field:
                pieces.append(piece)
                piece = []
            case .start(let form): RowTemplate.append(start, form, to: &piece)
            case .end(let form): RowTemplate.append(end, form, to: &piece)
            case .windowName: piece.append(contentsOf: windowName.utf8)
            }
        }
        pieces.append(piece)
        return pieces
    }

    private func rowKey(_ key: [UInt8], _ pieces: [[UInt8]]) -> Bytes {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(pieces.reduce(key.count * keyFields.count) { $0 + $1.count })
        let fields = keepsKeyFieldsApart ? split(key) : []
        for (index, field) in keyFields.enumerated() {
            bytes.append(contentsOf: pieces[index])
            if let field {
                if field < fields.count { bytes.append(contentsOf: fields[field]) }
            } else if keepsKeyFieldsApart {
                bytes.append(contentsOf: fields.joined(separator: [0x23]))
            } else {
                bytes.append(contentsOf: key)
            }
        }
        bytes.append(contentsOf: pieces[keyFields.count])
        return Bytes(bytes)
    }

    private func split(_ key: [UInt8]) -> [[UInt8]] {
        var reader = ByteReader(key)
        var fields: [[UInt8]] = []
        while !reader.isAtEnd, let field = try? reader.readSized() { fields.append(field) }
        return fields
    }

    /// The row of a window that fired or, with `isEarly`, is open still.
    func mutation(_ row: WindowRow, isEarly: Bool = false) -> RowMutation {
        mutation(
            rowKey: rowKey(
                key: row.key, windowName: row.windowName, start: row.start, end: row.end),
            windowIndex: row.windowIndex, start: row.start, end: row.end, values: row.values,
            rank: row.rank,
            firings: job.time.allowedLatenessMilliseconds > 0 ? Int(row.revision) + 1 : nil,
            isEarly: isEarly)
    }

    /// The columns of the values that `write` makes, in the order in which it names them.
    var valueColumns: [Bytes] {
        ["_start", "_end", "_early", "_rank", "_firings"] + job.aggregates.map { Bytes($0.name) }
    }

    /// The family of a window's rows.
    func family(_ windowIndex: Int) -> String { columns[windowIndex].family }

    /// Makes the values of the row of a window that fired: those of its mutation.
    ///
    /// - Returns: `false` when some have columns that are named for what they count.
    func write(_ row: WindowRow, in window: WindowText, to values: inout CellValues) -> Bool {
        values.removeAll()
        values.bytes.append(contentsOf: window.startValue)
        values.end(column: 0)
        values.bytes.append(contentsOf: window.endValue)
        values.end(column: 1)
        let hasEarly = job.emitMilliseconds != nil
        if hasEarly {
            values.bytes.append(0x30)
            values.end(column: 2)
        }
        if let rank = row.rank {
            DecimalText.append(Int64(rank), to: &values.bytes)
            values.end(column: 3)
        }
        if job.time.allowedLatenessMilliseconds > 0 {
            DecimalText.append(Int64(row.revision) + 1, to: &values.bytes)
            values.end(column: 4)
        }
        for index in row.values.indices {
            if case .entries = row.values[index] { return false }
            if case .null = row.values[index], !hasEarly { continue }
            row.values[index].appendText(to: &values.bytes)
            values.end(column: 5 + index)
        }
        return true
    }

    /// The row of a window with these values.
    func mutation(
        rowKey: Bytes, windowIndex: Int, start: Int64, end: Int64, values: [AggregateValue],
        rank: Int? = nil, firings: Int? = nil, isEarly: Bool = false
    ) -> RowMutation {
        let columns = columns[windowIndex]
        let timestamp = RowWriter.timestamp(end: end)
        var changes: [CellMutation] = []
        changes.reserveCapacity(values.count + 2)
        func put(_ column: Column, _ value: [UInt8]) {
            changes.append(
                CellMutation(
                    column, .put(value: Bytes(value), timeToLiveMilliseconds: nil),
                    timestamp: timestamp))
        }
        put(columns.start, Array(String(start).utf8))
        put(columns.end, Array(String(end).utf8))
        let hasEarly = job.emitMilliseconds != nil
        if hasEarly { put(Column(columns.family, "_early"), [isEarly ? 0x31 : 0x30]) }
        if let rank { put(Column(columns.family, "_rank"), Array(String(rank).utf8)) }
        if let firings { put(Column(columns.family, "_firings"), Array(String(firings).utf8)) }
        for (index, value) in values.enumerated() {
            if case .entries(let entries) = value {
                for entry in entries {
                    let name =
                        Array("\(job.aggregates[index].name):".utf8) + entry.name.prefix(1024)
                    if let text = entry.value.text {
                        put(Column(columns.family, Bytes(name)), text)
                    }
                }
            } else if let text = value.text {
                put(columns.aggregates[index], text)
            } else if hasEarly {
                put(columns.aggregates[index], [])
            }
        }
        return RowMutation(row: rowKey, changes: changes)
    }

    /// The removal of a session's row that was joined to others.
    func removal(_ row: SupersededRow) -> RowMutation {
        let columns = columns[row.windowIndex]
        let timestamp = RowWriter.timestamp(end: row.end)
        return RowMutation(
            row: rowKey(key: row.key, windowName: row.windowName, start: row.start, end: row.end),
            changes: [
                CellMutation(
                    Column(columns.family, .empty), .deleteFamilyVersion, timestamp: timestamp)
            ])
    }

    private static let rejectedColumns = [
        Column("e", "raw"), Column("e", "reason"), Column("e", "source"), Column("e", "offset"),
    ]

    /// The row of a record kept aside.
    static func mutation(_ record: RejectedRecord, job: String, source: String) -> RowMutation {
        let digits = String(record.offset)
        let padded = String(repeating: "0", count: max(0, 20 - digits.count)) + digits
        let values = [
            record.raw, Array(record.reason.utf8), Array(source.utf8), Array(digits.utf8),
        ]
        return RowMutation(
            row: Bytes("\(job)#\(source)#\(padded)"),
            changes: zip(rejectedColumns, values).map { column, value in
                CellMutation(
                    column, .put(value: Bytes(value), timeToLiveMilliseconds: nil),
                    timestamp: record.timestamp)
            })
    }
}
