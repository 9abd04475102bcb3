import NIOHTTP1
import SiltBytes
import SiltModel
import SiltTable
import Siltstone

/// `/v1/tables/{t}/aggregate`: computes over rows where they lie.
struct AggregateRoutes {
    let request: Request
    let table: StoredTable

    /// Whether a request is of this kind, which changes nothing although it has a body.
    static func matches(_ request: Request) -> Bool {
        let segments = request.segments
        return request.method == .POST && segments.count == 4 && segments[0] == "v1"
            && segments[1] == "tables" && segments[3] == "aggregate"
    }

    func reply() throws(SiltstoneError) -> Reply {
        guard request.method == .POST else { return V1Routes.methodNotAllowed("POST") }
        let aggregation = try Self.aggregation(try RowJSON.body(request))
        let table = table
        return .work { () throws(SiltstoneError) in
            let groups = try aggregation.run(over: table).map { group in
                let values = zip(aggregation.items, group.values).map { item, value in
                    JSONValue.Member(item.name, Self.encode(value))
                }
                return JSONValue.object(
                    ("group", RowJSON.encode(group.key)), ("values", .object(values)))
            }
            return .json(.ok, .object(("groups", .array(groups))))
        }
    }

    private static func encode(_ value: AggregateValue) -> JSONValue {
        switch value {
        case .null: return .null
        case .int(let number): return .integer(number)
        case .double(let number) where number.isFinite: return .number(number)
        case .bytes(let bytes): return RowJSON.encode(Bytes(bytes))
        case .list, .entries:
            let text = value.text ?? []
            return (try? JSONValue(parsing: text)) ?? RowJSON.encode(Bytes(text))
        default: return RowJSON.encode(Bytes(value.text ?? []))
        }
    }

    private static func aggregation(_ body: JSONValue) throws(SiltstoneError) -> Aggregation {
        guard let members = body.objectValue, let results = body["results"]?.objectValue else {
            throw SiltstoneError(.invalidArgument, "results is an object of names and functions")
        }
        let known = [
            "results", "group", "values", "start", "stop", "prefix", "from", "to", "filter",
            "where",
        ]
        if let other = members.first(where: { !known.contains($0.name) }) {
            throw SiltstoneError(.invalidArgument, "setting is unknown name=\(other.name)")
        }
        var items: [Aggregation.Item] = []
        for result in results {
            guard let text = result.value.stringValue else {
                throw SiltstoneError(
                    .invalidArgument, "a result is FUNCTION(COLUMN) name=\(result.name)")
            }
            items.append(try Aggregation.Item(result.name, parsing: text))
        }
        var values = Aggregation.Values.text
        if let wanted = body["values"] {
            guard let form = wanted.stringValue.flatMap({ Aggregation.Values(rawValue: $0) })
            else {
                throw SiltstoneError(
                    .invalidArgument, "values is one of text, long, bytes value=\(wanted.text)")
            }
            values = form
        }
        return Aggregation(
            items, by: try grouping(body["group"]), values: values, in: try range(body),
            timeRange: try timeRange(body), filter: try filter(body))
    }

    /// `"qualifier"`, `{"prefix": bytes}` or `{"separator": text, "parts": n}`.
    private static func grouping(_ value: JSONValue?) throws(SiltstoneError)
        -> Aggregation.Grouping
    {
        guard let value, !value.isNull else { return .all }
        if value.stringValue == "qualifier" { return .qualifier }
        if let count = value["prefix"]?.integerValue, (1...32_767).contains(count) {
            return .prefix(byteCount: Int(count))
        }
        if let separator = value["separator"] {
            let parts = value["parts"].map(\.integerValue) ?? 1
            if let parts, (1...32_767).contains(parts) {
                return .parts(Int(parts), separator: try RowJSON.decode(separator))
            }
        }
        throw SiltstoneError(.invalidArgument, "group is not known value=\(value.text)")
    }

    private static func range(_ body: JSONValue) throws(SiltstoneError) -> RowRange {
        func key(_ name: String) throws(SiltstoneError) -> Bytes? {
            guard let value = body[name] else { return nil }
            return try RowJSON.decode(value)
        }
        let (start, stop) = (try key("start"), try key("stop"))
        if let prefix = try key("prefix") {
            guard start == nil, stop == nil else {
                throw SiltstoneError(.invalidArgument, "give a prefix, or start and stop")
            }
            return RowRange(prefix: prefix)
        }
        return RowRange(start: start ?? .empty, stop: stop ?? .empty)
    }

    private static func timeRange(_ body: JSONValue) throws(SiltstoneError) -> TimeRange {
        func time(_ name: String, _ other: Int64) throws(SiltstoneError) -> Int64 {
            guard let value = body[name] else { return other }
            guard let number = value.integerValue, number >= 0 else {
                throw SiltstoneError(
                    .invalidArgument, "\(name) is not a number in range value=\(value.text)")
            }
            return number
        }
        let (from, to) = (try time("from", 0), try time("to", .max))
        guard from <= to else { throw SiltstoneError(.invalidArgument, "to is before from") }
        return TimeRange(min: from, max: to)
    }

    private static func filter(_ body: JSONValue) throws(SiltstoneError) -> Filter? {
        var filters: [Filter] = []
        if let text = body["where"] {
            filters.append(try WhereText.parse(try RowJSON.decode(text)).filter)
        }
        if let text = body["filter"] {
            filters.append(try Filter(parsing: try RowJSON.decode(text)))
        }
        return filters.count > 1 ? .all(filters) : filters.first
    }
}
