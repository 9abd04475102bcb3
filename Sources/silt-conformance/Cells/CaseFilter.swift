import SiltBytes
import SiltModel

/// Reads the filters of case files.
enum CaseFilter {
    private static let depthMax = 64

    static func make(_ json: JSONValue, depth: Int = 0) throws(SiltstoneError) -> Filter {
        guard depth <= depthMax else { throw refusal("nested too deeply") }
        switch json["type"]?.stringValue {
        case "prefix": return .prefix(bytes(json, "prefix"))
        case "page": return .page(count(json, "limit"))
        case "row": return .row(try comparison(json), try comparator(json))
        case "family": return .family(try comparison(json), try comparator(json))
        case "qualifier": return .qualifier(try comparison(json), try comparator(json))
        case "value": return .value(try comparison(json), try comparator(json))
        case "inclusive_stop": return .inclusiveStop(bytes(json, "stop"))
        case "first_key_only": return .firstKeyOnly
        case "key_only":
            return .keyOnly(lengthAsValue: json["len_as_value"]?.boolValue ?? false)
        case "random_row": return .randomRow(chance: json["chance"]?.doubleValue ?? 0)
        case "skip": return .skip(try make(json["filter"] ?? .null, depth: depth + 1))
        case "while_match": return .whileMatch(try make(json["filter"] ?? .null, depth: depth + 1))
        case "and": return .all(try list(json, depth))
        case "or": return .any(try list(json, depth))
        case "fuzzy_row": return .fuzzyRow(fuzzyKeys(json))
        case "multi_row_range": return .multiRowRange(ranges(json))
        case let name: return try columnFilter(name ?? "without a type", json)
        }
    }

    private static func columnFilter(_ name: String, _ json: JSONValue) throws(SiltstoneError)
        -> Filter
    {
        switch name {
        case "single_column_value": return .singleColumnValue(try test(json), rule(json))
        case "single_column_value_exclude":
            return .singleColumnValueExclude(try test(json), rule(json))
        case "column_value": return .columnValue(try test(json))
        case "column_prefix":
            if let prefixes = json["prefixes"]?.arrayValue, !prefixes.isEmpty {
                return .multipleColumnPrefix(prefixes.map(\.caseBytes))
            }
            return .columnPrefix(bytes(json, "prefix"))
        case "column_range":
            return .columnRange(
                Filter.ColumnRange(
                    min: json["min"].flatMap { $0.isNull ? nil : $0.caseBytes },
                    includesMin: json["min_inclusive"]?.boolValue ?? true,
                    max: json["max"].flatMap { $0.isNull ? nil : $0.caseBytes },
                    includesMax: json["max_inclusive"]?.boolValue ?? false))
        case "column_pagination":
            if let first = json["column_offset"] {
                return .columnPaginationFrom(first.caseBytes, limit: count(json, "limit"))
            }
            return .columnPagination(limit: count(json, "limit"), offset: count(json, "offset"))
        case "column_count": return .columnCountGet(count(json, "limit"))
        case "timestamps":
            return .timestamps((json["timestamps"]?.arrayValue ?? []).compactMap(\.integerValue))
        case "dependent_column":
            var valueTest: Filter.ValueTest?
            if json["value"] != nil {
                let sign = json["op"] == nil ? .equal : try comparison(json)
                valueTest = Filter.ValueTest(sign, try comparator(json))
            }
            return .dependentColumn(
                Filter.DependentColumn(
                    family: bytes(json, "f"), qualifier: bytes(json, "q"),
                    isDropped: json["drop"]?.boolValue ?? false, test: valueTest))
        default: throw refusal(name)
        }
    }

    private static func refusal(_ what: String) -> SiltstoneError {
        SiltstoneError(.invalidArgument, "unknown filter in a case filter=\(what)")
    }

    private static func bytes(_ json: JSONValue, _ name: String) -> Bytes {
        json[name]?.caseBytes ?? .empty
    }

    private static func count(_ json: JSONValue, _ name: String) -> Int {
        Int(json[name]?.integerValue ?? 0)
    }

    private static func list(_ json: JSONValue, _ depth: Int) throws(SiltstoneError) -> [Filter] {
        var filters: [Filter] = []
        for one in json["filters"]?.arrayValue ?? [] {
            filters.append(try make(one, depth: depth + 1))
        }
        return filters
    }

    private static func rule(_ json: JSONValue) -> Filter.RowRule {
        Filter.RowRule(
            dropsIfMissing: json["filter_if_missing"]?.boolValue ?? false,
            latestOnly: json["latest_only"]?.boolValue ?? true)
    }

    private static func test(_ json: JSONValue) throws(SiltstoneError) -> Filter.ColumnTest {
        Filter.ColumnTest(
            family: bytes(json, "f"), qualifier: bytes(json, "q"), try comparison(json),
            try comparator(json))
    }

    private static func comparison(_ json: JSONValue) throws(SiltstoneError) -> CompareOperator {
        switch json["op"]?.stringValue {
        case "lt": return .less
        case "le": return .lessOrEqual
        case "eq": return .equal
        case "ne": return .notEqual
        case "ge": return .greaterOrEqual
        case "gt": return .greater
        case let name: throw refusal("operator \(name ?? "missing")")
        }
    }

    private static func comparator(_ json: JSONValue) throws(SiltstoneError) -> FilterComparator {
        let value = bytes(json, "value")
        switch json["cmp"]?.stringValue ?? "binary" {
        case "binary": return .binary(value)
        case "binaryprefix": return .binaryPrefix(value)
        case "substring": return .substring(json["value"]?.stringValue ?? "")
        case "regex": return .regex(json["value"]?.stringValue ?? "")
        case "long":
            return .long((json["value"]?["i64"] ?? json["value"])?.integerValue ?? 0)
        case "null": return .null
        case let name: throw refusal("comparator \(name)")
        }
    }

    private static func fuzzyKeys(_ json: JSONValue) -> [Filter.FuzzyKey] {
        (json["rows"]?.arrayValue ?? []).map { row in
            Filter.FuzzyKey(
                row["key"]?.caseBytes ?? .empty,
                isFree: (row["mask"]?.stringValue ?? "").utf8.map { $0 == UInt8(ascii: "1") })
        }
    }

    private static func ranges(_ json: JSONValue) -> [Filter.KeyRange] {
        (json["ranges"]?.arrayValue ?? []).map { range in
            Filter.KeyRange(
                start: range["start"]?.caseBytes ?? .empty,
                includesStart: range["start_inclusive"]?.boolValue ?? true,
                stop: range["stop"]?.caseBytes ?? .empty,
                includesStop: range["stop_inclusive"]?.boolValue ?? false)
        }
    }
}
