import SiltBytes
import SiltIO
import SiltModel
import SiltTable

/// One step of a case.
struct CellCaseStep {
    let step: JSONValue
    let harness: TableHarness
    let definition: TableDefinition

    private static let unsupportedNames = ["filter", "max_per_family", "offset_per_family"]

    /// Runs the step and holds its answer against what is expected.
    ///
    /// - Returns: whether anything was expected.
    func run(_ differences: inout [String], label: String) throws -> Bool {
        for name in CellCaseStep.unsupportedNames where step[name] != nil {
            throw CellCase.Unsupported()
        }
        let table = try harness.store.table("t")
        switch step["op"]?.stringValue {
        case "clock":
            harness.clock.set(nowMilliseconds: step["now"]?.integerValue ?? 0)
        case "advance": harness.clock.advance(milliseconds: step["ms"]?.integerValue ?? 0)
        case "flush", "minor_compact", "split": try table.flush()
        case "major_compact": try table.compact()
        case "restart": try harness.reopen()
        case "put", "delete":
            try table.write([RowMutation(row: row, changes: changes(of: step, ticks: true))])
        case "row_mutations":
            _ = harness.tick()
            try table.write([RowMutation(row: row, changes: inner())])
        case "increment":
            _ = harness.tick()
            let results = try table.increment(
                row, cells.map { (column($0), $0["by"]?.integerValue ?? 0) })
            return compare(results.map { ($0.0, big($0.1)) }, &differences, label)
        case "append":
            _ = harness.tick()
            let results = try table.append(
                row, cells.map { (column($0), CellCase.bytes($0["v"])) })
            return compare(results, &differences, label)
        case "check_and_mutate": return try checkAndMutate(table, &differences, label)
        case "get": return try get(table, &differences, label)
        case "scan": return try scan(table, &differences, label)
        default: throw CellCase.Unsupported()
        }
        if step["expect"] != nil { throw CellCase.Unsupported() }
        return false
    }

    private var row: Bytes { CellCase.bytes(step["row"]) }
    private var cells: [JSONValue] { step["cells"]?.arrayValue ?? [] }

    private func column(_ json: JSONValue) -> Column {
        Column(json["f"]?.stringValue ?? "", CellCase.bytes(json["q"]))
    }

    private func inner() throws -> [CellMutation] {
        try (step["do"]?.arrayValue ?? []).flatMap { try changes(of: $0, ticks: false) }
    }

    /// The changes of a put or delete; the clock moves before those that carry no time stamp.
    private func changes(of json: JSONValue, ticks: Bool) throws -> [CellMutation] {
        let common = json["ts"]?.integerValue
        switch json["op"]?.stringValue {
        case "put":
            let cells = json["cells"]?.arrayValue ?? []
            if ticks, cells.contains(where: { $0["ts"] == nil && common == nil }) {
                _ = harness.tick()
            }
            return cells.map {
                CellMutation(
                    column($0),
                    .put(
                        value: CellCase.bytes($0["v"]),
                        timeToLiveMilliseconds: ($0["ttl_ms"] ?? json["ttl_ms"])?.integerValue),
                    timestamp: $0["ts"]?.integerValue ?? common)
            }
        case "delete":
            if ticks { _ = harness.tick() }
            let what = json["what"]?.arrayValue ?? [["kind": "row"]]
            return try what.flatMap { try markers($0, common) }
        default: throw CellCase.Unsupported()
        }
    }

    private func markers(_ json: JSONValue, _ common: Int64?) throws -> [CellMutation] {
        let timestamp = json["ts"]?.integerValue ?? common
        switch json["kind"]?.stringValue {
        case "row":
            return definition.families.map {
                CellMutation(Column($0.name, .empty), .deleteFamily, timestamp: timestamp)
            }
        case "family": return [CellMutation(column(json), .deleteFamily, timestamp: timestamp)]
        case "family_version":
            return [CellMutation(column(json), .deleteFamilyVersion, timestamp: timestamp)]
        case "columns": return [CellMutation(column(json), .deleteColumn, timestamp: timestamp)]
        case "column": return [CellMutation(column(json), .deleteVersion, timestamp: timestamp)]
        default: throw CellCase.Unsupported()
        }
    }

    private func projection() -> Projection {
        var selectors = (step["families"]?.arrayValue ?? []).compactMap {
            $0.stringValue.map { Projection.Selector.family($0) }
        }
        selectors += (step["columns"]?.arrayValue ?? []).map {
            .column(Column($0[0]?.stringValue ?? "", CellCase.bytes($0[1])))
        }
        let versions = step["versions"]
        let count = versions?.stringValue == "all" ? Int.max : Int(versions?.integerValue ?? 1)
        return Projection(selectors, maxVersions: count, timeRange: timeRange(step))
    }

    private func timeRange(_ json: JSONValue) -> TimeRange {
        if let exact = json["timestamp"]?.integerValue {
            return TimeRange(min: exact, max: exact + 1)
        }
        guard let pair = json["time_range"]?.arrayValue, pair.count == 2 else { return .all }
        return TimeRange(min: pair[0].integerValue ?? 0, max: pair[1].integerValue ?? .max)
    }

    private func get(_ table: StoredTable, _ differences: inout [String], _ label: String) throws
        -> Bool
    {
        let found = try table.get(row, projection())?.cells ?? []
        guard let expected = step["expect"]?.arrayValue else { return false }
        if !matches(found, expected) { differences.append("\(label): got \(found)") }
        return true
    }

    private func scan(_ table: StoredTable, _ differences: inout [String], _ label: String) throws
        -> Bool
    {
        let range = RowRange(
            start: CellCase.bytes(step["start"]), stop: CellCase.bytes(step["stop"]),
            includesStart: step["include_start"]?.boolValue ?? true,
            includesStop: step["include_stop"]?.boolValue ?? false,
            isReversed: step["reversed"]?.boolValue ?? false)
        let scanner = try table.scan(range, projection())
        let limit = step["limit"]?.integerValue ?? .max
        var rows: [Row] = []
        while rows.count < limit, let row = try scanner.next() { rows.append(row) }
        if let expected = step["expect_rows"]?.arrayValue,
            expected.map({ CellCase.bytes($0) }) != rows.map(\.key)
        {
            differences.append("\(label): rows \(rows.map(\.key))")
        }
        if let counts = step["expect_counts"] {
            let cellCount = rows.reduce(0) { $0 + $1.cells.count }
            if counts["rows"]?.integerValue != Int64(rows.count)
                || counts["cells"]?.integerValue != Int64(cellCount)
            {
                differences.append("\(label): \(rows.count) rows \(cellCount) cells")
            }
        }
        if let expected = step["expect"]?.arrayValue {
            let isSame =
                expected.count == rows.count
                && zip(expected, rows).allSatisfy { wanted, row in
                    CellCase.bytes(wanted["row"]) == row.key
                        && matches(row.cells, wanted["cells"]?.arrayValue ?? [])
                }
            if !isSame { differences.append("\(label): got \(rows)") }
        }
        return ["expect", "expect_rows", "expect_counts"].contains { step[$0] != nil }
    }

    private func checkAndMutate(
        _ table: StoredTable, _ differences: inout [String], _ label: String
    ) throws -> Bool {
        guard let check = step["check"], check["filter"] == nil,
            let comparison = CellCaseStep.comparisons[check["op"]?.stringValue ?? ""]
        else { throw CellCase.Unsupported() }
        let condition = CellCondition(
            column(check), comparison, CellCase.bytes(check["value"]),
            timeRange: timeRange(check))
        // The clock moves only when the condition holds; a tick before the check changes no answer of it.
        _ = harness.tick()
        let applied = try table.check(
            row, condition, then: RowMutation(row: row, changes: inner()))
        guard let expected = step["expect"]?.boolValue else { return false }
        if applied != expected { differences.append("\(label): applied \(applied)") }
        return true
    }

    private static let comparisons: [String: CellCondition.Comparison] = [
        "lt": .less, "le": .lessOrEqual, "eq": .equal, "ne": .notEqual, "ge": .greaterOrEqual,
        "gt": .greater, "absent": .absent,
    ]

    private func compare(
        _ results: [(Column, Bytes)], _ differences: inout [String], _ label: String
    ) -> Bool {
        guard let expected = step["expect"]?.arrayValue else { return false }
        for wanted in expected {
            let column = Column(wanted[0]?.stringValue ?? "", CellCase.bytes(wanted[1]))
            let value = results.last { $0.0 == column }?.1
            if value != CellCase.bytes(wanted[2]) {
                differences.append("\(label): \(column) is \(value ?? .empty)")
            }
        }
        return true
    }

    private func big(_ value: Int64) -> Bytes {
        CellCase.bytes(.object(("i64", .integer(value))))
    }

    private func matches(_ cells: [Cell], _ expected: [JSONValue]) -> Bool {
        guard cells.count == expected.count else { return false }
        return zip(cells, expected).allSatisfy { cell, wanted in
            guard cell.column.family == wanted[0]?.stringValue,
                cell.column.qualifier == CellCase.bytes(wanted[1])
            else { return false }
            if let timestamp = wanted[2]?.integerValue, timestamp != cell.timestamp { return false }
            guard let value = wanted[3], !value.isNull else { return true }
            return CellCase.bytes(value) == cell.value
        }
    }
}
