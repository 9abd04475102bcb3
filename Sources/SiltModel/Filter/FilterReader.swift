import SiltBytes

/// Reads one filter in the JSON form of HBase's scanners.
///
/// Bytes are base 64; the text of patterns is plain. `place` names the filter within its document for messages.
struct FilterReader {
    /// The deepest nesting.
    private static let depthMax = 64

    let json: JSONValue
    let place: String
    var depth = 0

    /// The filter.
    func filter() throws(SiltstoneError) -> Filter {
        guard depth <= Self.depthMax else {
            throw refuse("is nested too deeply max=\(Self.depthMax)")
        }
        guard let type = json["type"]?.stringValue else { throw refuse("has no type") }
        switch type {
        case "PrefixFilter": return .prefix(try bytes("value"))
        case "RowFilter":
            let test = try valueTest()
            return .row(test.comparison, test.comparator)
        case "FamilyFilter":
            let test = try valueTest()
            return .family(test.comparison, test.comparator)
        case "QualifierFilter":
            let test = try valueTest()
            return .qualifier(test.comparison, test.comparator)
        case "ValueFilter":
            let test = try valueTest()
            return .value(test.comparison, test.comparator)
        case "InclusiveStopFilter": return .inclusiveStop(try bytes("value"))
        case "PageFilter": return .page(try count("value"))
        case "FirstKeyOnlyFilter": return .firstKeyOnly
        case "KeyOnlyFilter": return .keyOnly(lengthAsValue: try bool("lenAsVal", false))
        case "RandomRowFilter":
            guard let chance = json["chance"]?.doubleValue else { throw refuse("has no chance") }
            return .randomRow(chance: chance)
        case "FuzzyRowFilter": return .fuzzyRow(try fuzzyKeys())
        case "MultiRowRangeFilter": return .multiRowRange(try ranges())
        case "SkipFilter": return .skip(try single())
        case "WhileMatchFilter": return .whileMatch(try single())
        case "FilterList":
            switch json["op"]?.stringValue {
            case "MUST_PASS_ALL": return .all(try inner())
            case "MUST_PASS_ONE": return .any(try inner())
            default: throw refuse("list has another op than MUST_PASS_ALL and MUST_PASS_ONE")
            }
        default: return try columnFilter(type)
        }
    }

    private func columnFilter(_ type: String) throws(SiltstoneError) -> Filter {
        switch type {
        case "ColumnPrefixFilter": return .columnPrefix(try bytes("value"))
        case "MultipleColumnPrefixFilter":
            var prefixes: [Bytes] = []
            for prefix in try array("prefixes") {
                prefixes.append(try decode(prefix, "prefixes"))
            }
            return .multipleColumnPrefix(prefixes)
        case "ColumnCountGetFilter": return .columnCountGet(try count("limit"))
        case "ColumnPaginationFilter":
            let limit = try count("limit")
            if let first = try bytes("columnOffset", orNil: true) {
                return .columnPaginationFrom(first, limit: limit)
            }
            return .columnPagination(
                limit: limit, offset: json["offset"] == nil ? 0 : try count("offset"))
        case "ColumnRangeFilter":
            return .columnRange(
                .init(
                    min: try bytes("minColumn", orNil: true),
                    includesMin: try bool("minColumnInclusive", true),
                    max: try bytes("maxColumn", orNil: true),
                    includesMax: try bool("maxColumnInclusive", false)))
        case "TimestampsFilter":
            var stamps: [Int64] = []
            for stamp in try array("timestamps") { stamps.append(try integer(stamp, "timestamps")) }
            return .timestamps(stamps)
        case "ColumnValueFilter": return .columnValue(try columnTest())
        case "SingleColumnValueFilter": return .singleColumnValue(try columnTest(), try rowRule())
        case "SingleColumnValueExcludeFilter":
            return .singleColumnValueExclude(try columnTest(), try rowRule())
        case "DependentColumnFilter":
            let hasTest = json["comparator"].map { !$0.isNull } ?? false
            return .dependentColumn(
                .init(
                    family: try bytes("family"),
                    qualifier: try bytes("qualifier", orNil: true) ?? .empty,
                    isDropped: try bool("dropDependentColumn", false),
                    test: hasTest ? try valueTest() : nil))
        default: throw refuse("type is unknown type=\(type)")
        }
    }

    // MARK: Parts

    private func inner() throws(SiltstoneError) -> [Filter] {
        var filters: [Filter] = []
        for (index, one) in try array("filters").enumerated() {
            filters.append(
                try FilterReader(
                    json: one, place: "\(place).filters[\(index)]", depth: depth + 1
                ).filter())
        }
        return filters
    }

    private func single() throws(SiltstoneError) -> Filter {
        let filters = try inner()
        guard filters.count == 1 else {
            throw refuse("wraps another number of filters than one count=\(filters.count)")
        }
        return filters[0]
    }

    private func ranges() throws(SiltstoneError) -> [Filter.KeyRange] {
        var ranges: [Filter.KeyRange] = []
        for (index, one) in try array("ranges").enumerated() {
            let part = FilterReader(json: one, place: "\(place).ranges[\(index)]")
            ranges.append(
                Filter.KeyRange(
                    start: try part.bytes("startRow", orNil: true) ?? .empty,
                    includesStart: try part.bool("startRowInclusive", true),
                    stop: try part.bytes("stopRow", orNil: true) ?? .empty,
                    includesStop: try part.bool("stopRowInclusive", false)))
        }
        return ranges
    }

    private func fuzzyKeys() throws(SiltstoneError) -> [Filter.FuzzyKey] {
        var keys: [Filter.FuzzyKey] = []
        for (index, one) in try array("fuzzyKeys").enumerated() {
            let part = FilterReader(json: one, place: "\(place).fuzzyKeys[\(index)]")
            keys.append(
                Filter.FuzzyKey(
                    try part.bytes("key"), isFree: try part.bytes("mask").array.map { $0 != 0 }))
        }
        return keys
    }

    private func columnTest() throws(SiltstoneError) -> Filter.ColumnTest {
        let test = try valueTest()
        return Filter.ColumnTest(
            family: try bytes("family"), qualifier: try bytes("qualifier", orNil: true) ?? .empty,
            test.comparison, test.comparator)
    }

    private func rowRule() throws(SiltstoneError) -> Filter.RowRule {
        Filter.RowRule(
            dropsIfMissing: try bool("ifMissing", false),
            latestOnly: try bool("latestVersion", true))
    }

    private func valueTest() throws(SiltstoneError) -> Filter.ValueTest {
        guard let name = json["op"]?.stringValue, let comparison = CompareOperator(name: name)
        else { throw refuse("has no op such as EQUAL") }
        guard let comparator = json["comparator"], comparator.objectValue != nil else {
            throw refuse("has no comparator")
        }
        let found = try FilterReader(json: comparator, place: place + ".comparator").comparator()
        if found.onlyFindsEquality, ![.equal, .notEqual, .noOperation].contains(comparison) {
            throw refuse("compares a pattern with another op than EQUAL and NOT_EQUAL op=\(name)")
        }
        return Filter.ValueTest(comparison, found)
    }

    private func comparator() throws(SiltstoneError) -> FilterComparator {
        switch json["type"]?.stringValue {
        case "BinaryComparator": return .binary(try bytes("value"))
        case "BinaryPrefixComparator": return .binaryPrefix(try bytes("value"))
        case "BinaryComponentComparator":
            return .binaryComponent(try bytes("value"), offset: try count("offset"))
        case "BitComparator":
            guard
                let operation = json["op"]?.stringValue.flatMap({
                    FilterComparator.BitOperation(rawValue: $0)
                })
            else { throw refuse("of bits has another op than AND, OR and XOR") }
            return .bit(try bytes("value"), operation)
        case "NullComparator": return .null
        case "RegexStringComparator":
            return .regex(try text("value"), ignoresCase: try bool("ignoreCase", false))
        case "SubstringComparator": return .substring(try text("value"))
        case "NumberComparator":
            return .number(json["value"]?.stringValue ?? json["value"]?.text ?? "")
        case "LongComparator": return .long(try integer(json["value"] ?? .null, "value"))
        case "BigDecimalComparator":
            return .decimal(json["value"]?.stringValue ?? json["value"]?.text ?? "")
        case let name: throw refuse("type is unknown type=\(name ?? "none")")
        }
    }

    // MARK: Values

    private func refuse(_ reason: String) -> SiltstoneError {
        SiltstoneError(.invalidArgument, "filter \(reason) at=\(place)")
    }

    private func array(_ name: String) throws(SiltstoneError) -> [JSONValue] {
        guard let elements = json[name]?.arrayValue else { throw refuse("has no list \(name)") }
        return elements
    }

    private func bytes(_ name: String) throws(SiltstoneError) -> Bytes {
        guard let found = try bytes(name, orNil: true) else { throw refuse("has no \(name)") }
        return found
    }

    private func bytes(_ name: String, orNil: Bool) throws(SiltstoneError) -> Bytes? {
        guard let value = json[name], !value.isNull else { return nil }
        return try decode(value, name)
    }

    private func decode(_ value: JSONValue, _ name: String) throws(SiltstoneError) -> Bytes {
        guard let text = value.stringValue, let found = Base64.decode(text) else {
            throw refuse("has a \(name) that is not base 64")
        }
        return Bytes(found)
    }

    private func text(_ name: String) throws(SiltstoneError) -> String {
        guard let text = json[name]?.stringValue else { throw refuse("has no text \(name)") }
        return text
    }

    private func bool(_ name: String, _ otherwise: Bool) throws(SiltstoneError) -> Bool {
        guard let value = json[name], !value.isNull else { return otherwise }
        switch value {
        case .bool(let flag): return flag
        case .string("true"): return true
        case .string("false"): return false
        default: throw refuse("has a \(name) that is neither true nor false")
        }
    }

    private func integer(_ value: JSONValue, _ name: String) throws(SiltstoneError) -> Int64 {
        guard let number = value.integerValue ?? value.stringValue.flatMap({ Int64($0) }) else {
            throw refuse("has a \(name) that is no integer")
        }
        return number
    }

    private func count(_ name: String) throws(SiltstoneError) -> Int {
        let number = try integer(json[name] ?? .null, name)
        guard number >= 0, let count = Int(exactly: number) else {
            throw refuse("has a \(name) out of range value=\(number)")
        }
        return count
    }
}

extension Filter {
    /// Reads the JSON form of HBase's scanners: `{"type": "RowFilter", "op": "EQUAL", "comparator": {…}}`.
    ///
    /// - Throws: `invalidArgument` with the place in the document.
    public init(json: JSONValue) throws(SiltstoneError) {
        self = try FilterReader(json: json, place: "filter").filter()
    }
}
