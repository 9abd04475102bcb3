import SiltBytes
import SiltIO
import SiltModel
import SiltTable

/// One step of a case about cells.
final class CellCaseStep {
    let step: JSONValue
    let machine: CellMachine
    let definition: TableDefinition
    /// What the step needs and Siltstone does not have.
    var unsupported: CaseUnsupported?

    init(_ step: JSONValue, _ machine: CellMachine, _ definition: TableDefinition) {
        self.step = step
        self.machine = machine
        self.definition = definition
    }

    /// The step as written, shortened.
    var text: String {
        let text = step.text
        return text.utf8.count > 300
            ? String(decoding: text.utf8.prefix(300), as: UTF8.self) + "…" : text
    }

    var row: Bytes { step["row"]?.caseBytes ?? .empty }

    /// Runs the step.
    ///
    /// - Returns: how the answer differs from what is expected; `nil` when it does not.
    func run() throws(SiltstoneError) -> String? {
        let table = try machine.table()
        switch step["op"]?.stringValue {
        case "clock": machine.clock.set(nowMilliseconds: step["now"]?.integerValue ?? 0)
        case "advance": machine.clock.advance(milliseconds: step["ms"]?.integerValue ?? 0)
        case "flush": try table.flush()
        case "minor_compact": try machine.force(.minor)
        case "major_compact": try table.compact()
        case "restart": try machine.reopen()
        case "split": try machine.split(at: (step["at"] ?? .null).caseBytes)
        case "put", "delete":
            if ticks(step) { machine.tick() }
            try table.write([RowMutation(row: row, changes: changes(of: step))])
        case "row_mutations", "increment", "append": return try update(table)
        case "check_and_mutate": return try checkAndMutate(table)
        case "get": return try get(table)
        case "scan": return try scan(table)
        case let name: refuse("step \(name ?? "without op")")
        }
        return nil
    }

    /// Notes that the case cannot be run.
    func refuse(_ what: String) {
        if unsupported == nil { unsupported = CaseUnsupported(what: what) }
    }

    func column(_ json: JSONValue) -> Column {
        Column(json["f"]?.stringValue ?? "", json["q"]?.caseBytes ?? .empty)
    }

    func timeRange(_ json: JSONValue) -> TimeRange {
        if let exact = json["timestamp"]?.integerValue {
            return TimeRange(min: exact, max: exact + 1)
        }
        guard let pair = json["time_range"]?.arrayValue, pair.count == 2 else { return .all }
        return TimeRange(min: pair[0].integerValue ?? 0, max: pair[1].integerValue ?? .max)
    }
}
