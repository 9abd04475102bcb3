import SiltModel
import SiltStream

/// One aggregate of a case.
struct WindowCaseColumn {
    let name: String
    let function: AggregateFunction
    let parameters: [Double]
    /// The event's field that is aggregated; `nil` counts events.
    let field: String?
    /// The field that is given instead of the aggregated one.
    let output: String?

    init(_ json: JSONValue) throws {
        name = json["as"]?.stringValue ?? ""
        field =
            switch json["fn"]?.stringValue {
            case "count": nil
            case "min_ts", "max_ts": "ts"
            default: json["field"]?.stringValue ?? "value"
            }
        output = json["out"]?.stringValue
        switch json["fn"]?.stringValue {
        case "collect": parameters = [1e6]
        case "topk": parameters = [Double(json["k"]?.integerValue ?? 1)]
        default: parameters = []
        }
        switch json["fn"]?.stringValue {
        case "count", "count_field": function = .count
        case "sum": function = .sum
        case "min", "min_ts": function = .min
        case "max", "max_ts": function = .max
        case "avg": function = .average
        case "avg_trunc": function = .truncatedAverage
        case "count_distinct": function = .distinct
        case "collect": function = .collect
        case "topk": function = .largest
        case "first": function = .first
        case "last": function = .last
        case let fn: throw CaseUnsupported(what: "aggregate \(fn ?? "without a name")")
        }
    }

    /// Appends a field of an event to a column.
    static func append(_ event: JSONValue, _ field: String?, to column: inout ValueColumn) {
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
        values = names.map { WindowCaseRow.text(json["values"]?[$0]) }
    }

    private static func text(_ value: JSONValue?) -> String {
        switch value {
        case nil, .null: "null"
        case .string(let text): "\"\(text)\""
        case .array(let values): "[\(values.map { text($0) }.sorted().joined(separator: " "))]"
        case .some(let value): value.doubleValue.map { text($0) } ?? value.text
        }
    }

    /// A number as text, equal for numbers that differ by the rounding of a decimal sum.
    private static func text(_ number: Double) -> String {
        guard number.magnitude < 0x1p37 else { return "\(number)" }
        let bits = (number.bitPattern &+ 1 << 13) & ~((1 << 14) - 1)
        return "\(Double(bitPattern: bits) + 0)"
    }

    /// What the operator gave; rows of count windows have no times.
    init(_ row: WindowRow, moment: Int, hasTimes: Bool) {
        self.moment = moment
        key = String(decoding: row.key, as: UTF8.self)
        start = hasTimes ? row.start : 0
        end = hasTimes ? row.end : 0
        let rank = row.rank.map { ["\(Double($0))"] } ?? []
        values = row.values.map { WindowCaseRow.text($0) } + rank
    }

    private static func text(_ value: AggregateValue) -> String {
        switch value {
        case .null: "null"
        case .int(let value): text(Double(value))
        case .double(let value): text(value)
        case .bytes(let bytes): "\"\(String(decoding: bytes, as: UTF8.self))\""
        case .list(let values): "[\(values.map { text($0) }.sorted().joined(separator: " "))]"
        case .entries, .error: String(decoding: value.text ?? [], as: UTF8.self)
        }
    }

    /// The key and window that a later row of the same replaces.
    var place: String { "\(key) [\(start), \(end))" }

    func text(withMoment: Bool) -> String {
        let at = withMoment ? "at \(moment.map { "\($0)" } ?? "null") " : ""
        return "\(at)\(place) \(values.joined(separator: ","))"
    }
}
