import SiltModel
import SiltStream

/// One aggregate of a case.
struct WindowCaseColumn {
    let name: String
    let function: AggregateFunction
    /// The event's field that is aggregated; `nil` counts events.
    let field: String?

    init(_ json: JSONValue) throws {
        name = json["as"]?.stringValue ?? ""
        field =
            switch json["fn"]?.stringValue {
            case "count": nil
            case "min_ts", "max_ts": "ts"
            default: json["field"]?.stringValue ?? "value"
            }
        switch json["fn"]?.stringValue {
        case "count", "count_field": function = .count
        case "sum": function = .sum
        case "min", "min_ts": function = .min
        case "max", "max_ts": function = .max
        case "avg": function = .average
        case "first": function = .first
        case "last": function = .last
        case let fn: throw CaseUnsupported(what: "aggregate \(fn ?? "without a name")")
        }
    }

    /// Appends an event's argument.
    func append(_ event: JSONValue, to column: inout ValueColumn) {
        switch field.flatMap({ event[$0] }) {
        case .integer(let value): column.append(value)
        case .number(let value): column.append(value)
        case .string(let text): column.append(bytes: Array(text.utf8))
        default: column.appendNull()
        }
    }
}

/// A row of a case, expected or given, with values as text that compares.
struct WindowCaseRow {
    let moment: Int?
    let key: String
    let start: Int64
    let end: Int64
    let values: [String]

    /// What a case expects.
    init(_ json: JSONValue, _ names: [String]) {
        moment = json["at"]?.integerValue.map { Int($0) }
        key = json["key"]?.text ?? "null"
        start = json["window_start"]?.integerValue ?? 0
        end = json["window_end"]?.integerValue ?? 0
        values = names.map { name in
            switch json["values"]?[name] {
            case nil, .null: "null"
            case .string(let text): "\"\(text)\""
            case .some(let value): value.doubleValue.map { "\($0)" } ?? value.text
            }
        }
    }

    /// What the operator gave.
    init(_ row: WindowRow, moment: Int) {
        self.moment = moment
        key = String(decoding: row.key, as: UTF8.self)
        start = row.start
        end = row.end
        values = row.values.map { value in
            switch value {
            case .null: "null"
            case .int(let value): "\(Double(value))"
            case .double(let value): "\(value)"
            case .bytes(let bytes): "\"\(String(decoding: bytes, as: UTF8.self))\""
            case .error(let error): "error \(error.rawValue)"
            }
        }
    }

    /// The key and window that a later row of the same replaces.
    var place: String { "\(key) [\(start), \(end))" }

    func text(withMoment: Bool) -> String {
        let at = withMoment ? "at \(moment.map { "\($0)" } ?? "null") " : ""
        return "\(at)\(place) \(values.joined(separator: ","))"
    }
}
