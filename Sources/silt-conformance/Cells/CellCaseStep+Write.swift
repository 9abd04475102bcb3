import SiltBytes
import SiltModel
import SiltTable

extension CellCaseStep {
    /// Whether the clock moves before a mutation.
    func ticks(_ json: JSONValue) -> Bool {
        guard json["op"]?.stringValue == "put", let cells = json["cells"]?.arrayValue else {
            return true
        }
        return json["ts"] == nil && cells.contains { $0["ts"] == nil } && namesFamilies(json)
    }

    /// Whether all families that a mutation names are the table's: it is refused before the clock moves otherwise.
    private func namesFamilies(_ json: JSONValue) -> Bool {
        let parts = (json["cells"]?.arrayValue ?? []) + (json["what"]?.arrayValue ?? [])
        return parts.allSatisfy { part in
            guard let name = part["f"]?.stringValue else { return true }
            return definition.families.contains { $0.name == name }
        }
    }

    /// The changes of a put or delete.
    func changes(of json: JSONValue) -> [CellMutation] {
        let common = json["ts"]?.integerValue
        switch json["op"]?.stringValue {
        case "put":
            return (json["cells"]?.arrayValue ?? []).map { cell in
                CellMutation(
                    column(cell),
                    .put(
                        value: cell["v"]?.caseBytes ?? .empty,
                        timeToLiveMilliseconds: (cell["ttl_ms"] ?? json["ttl_ms"])?.integerValue),
                    timestamp: cell["ts"]?.integerValue ?? common)
            }
        case "delete":
            let what = json["what"]?.arrayValue ?? [["kind": "row"]]
            return what.flatMap { markers($0, common) }
        case let name:
            refuse("mutation \(name ?? "without op")")
            return []
        }
    }

    private func markers(_ json: JSONValue, _ common: Int64?) -> [CellMutation] {
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
        case let kind:
            refuse("delete of \(kind ?? "nothing")")
            return []
        }
    }

    /// The parts of a mutation of one row, in order.
    private func rowSteps(_ json: JSONValue) -> [RowStep] {
        let life = json["ttl_ms"]?.integerValue
        let cells = json["cells"]?.arrayValue ?? []
        switch json["op"]?.stringValue {
        case "increment":
            return cells.map {
                .increment(
                    column($0), by: $0["by"]?.integerValue ?? 0, timeToLiveMilliseconds: life)
            }
        case "append":
            return cells.map {
                .append(column($0), $0["v"]?.caseBytes ?? .empty, timeToLiveMilliseconds: life)
            }
        default: return changes(of: json).map { .change($0) }
        }
    }

    private func steps() -> [RowStep] { (step["do"]?.arrayValue ?? []).flatMap { rowSteps($0) } }

    func update(_ table: StoredTable) throws(SiltstoneError) -> String? {
        let isMany = step["op"]?.stringValue == "row_mutations"
        let parts = step["do"]?.arrayValue ?? []
        if !isMany || parts.allSatisfy(namesFamilies) { machine.tick() }
        let results = try table.update(row, isMany ? steps() : rowSteps(step))
        for wanted in step["expect"]?.arrayValue ?? [] {
            let column = Column(
                wanted[0]?.stringValue ?? "", wanted[1]?.caseBytes ?? .empty)
            let value = results.last { $0.0 == column }?.1
            if value != wanted[2]?.caseBytes {
                return "expected \(wanted.text), got \(value?.description ?? "nothing")"
            }
        }
        return nil
    }

    func checkAndMutate(_ table: StoredTable) throws(SiltstoneError) -> String? {
        let check = step["check"] ?? .null
        let condition: RowCondition
        if let filter = check["filter"] {
            condition = .filter(try CaseFilter.make(filter), timeRange(check))
        } else if let name = check["op"]?.stringValue,
            let comparison = CellCaseStep.comparisons[name]
        {
            condition = .cell(
                CellCondition(
                    column(check), comparison, check["value"]?.caseBytes ?? .empty,
                    timeRange: timeRange(check)))
        } else {
            refuse("check \(check.text)")
            return nil
        }
        // The clock moves between check and change, and only when the condition holds.
        var applied = try table.update(row, if: condition, then: []).isApplied
        if applied {
            machine.tick()
            // What was checked may expire with that very tick.
            applied = try table.update(row, if: condition, then: steps()).isApplied
            if !applied {
                _ = try table.update(row, steps())
                applied = true
            }
        }
        guard let expected = step["expect"]?.boolValue, applied != expected else { return nil }
        return "expected \(expected), got \(applied)"
    }

    private static let comparisons: [String: CellCondition.Comparison] = [
        "lt": .less, "le": .lessOrEqual, "eq": .equal, "ne": .notEqual, "ge": .greaterOrEqual,
        "gt": .greater, "absent": .absent,
    ]
}
