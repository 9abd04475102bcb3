import SiltBytes

extension Filter {
    /// The JSON form of HBase's scanners; `init(json:)` reads it back to the same filter.
    public var json: JSONValue {
        switch self {
        case .prefix(let bytes): Self.make("PrefixFilter", ("value", Self.text(bytes)))
        case .row(let operation, let comparator):
            Self.make("RowFilter", operation, comparator)
        case .inclusiveStop(let row): Self.make("InclusiveStopFilter", ("value", Self.text(row)))
        case .page(let size): Self.make("PageFilter", ("value", .string("\(size)")))
        case .fuzzyRow(let keys):
            Self.make("FuzzyRowFilter", ("fuzzyKeys", .array(keys.map(\.json))))
        case .multiRowRange(let ranges):
            Self.make("MultiRowRangeFilter", ("ranges", .array(ranges.map(\.json))))
        case .randomRow(let chance): Self.make("RandomRowFilter", ("chance", .number(chance)))
        case .firstKeyOnly: Self.make("FirstKeyOnlyFilter")
        case .keyOnly(let lengthAsValue):
            Self.make("KeyOnlyFilter", ("lenAsVal", .bool(lengthAsValue)))
        case .family(let operation, let comparator):
            Self.make("FamilyFilter", operation, comparator)
        case .qualifier(let operation, let comparator):
            Self.make("QualifierFilter", operation, comparator)
        case .value(let operation, let comparator):
            Self.make("ValueFilter", operation, comparator)
        case .skip(let filter): Self.make("SkipFilter", ("filters", .array([filter.json])))
        case .whileMatch(let filter):
            Self.make("WhileMatchFilter", ("filters", .array([filter.json])))
        case .all(let filters):
            Self.make(
                "FilterList", ("op", "MUST_PASS_ALL"), ("filters", .array(filters.map(\.json))))
        case .any(let filters):
            Self.make(
                "FilterList", ("op", "MUST_PASS_ONE"), ("filters", .array(filters.map(\.json))))
        default: columnJSON
        }
    }

    private var columnJSON: JSONValue {
        switch self {
        case .columnPrefix(let bytes):
            return Self.make("ColumnPrefixFilter", ("value", Self.text(bytes)))
        case .multipleColumnPrefix(let prefixes):
            return Self.make(
                "MultipleColumnPrefixFilter", ("prefixes", .array(prefixes.map(Self.text))))
        case .columnRange(let range):
            return Self.make(
                "ColumnRangeFilter", ("minColumn", range.min.map(Self.text) ?? .null),
                ("minColumnInclusive", .bool(range.includesMin)),
                ("maxColumn", range.max.map(Self.text) ?? .null),
                ("maxColumnInclusive", .bool(range.includesMax)))
        case .columnPagination(let limit, let offset):
            return Self.make(
                "ColumnPaginationFilter", ("limit", .integer(Int64(limit))),
                ("offset", .integer(Int64(offset))))
        case .columnPaginationFrom(let first, let limit):
            return Self.make(
                "ColumnPaginationFilter", ("limit", .integer(Int64(limit))),
                ("columnOffset", Self.text(first)))
        case .columnCountGet(let limit):
            return Self.make("ColumnCountGetFilter", ("limit", .integer(Int64(limit))))
        case .columnValue(let test): return Self.make("ColumnValueFilter", test, [])
        case .timestamps(let stamps):
            return Self.make(
                "TimestampsFilter", ("timestamps", .array(stamps.map { .integer($0) })))
        case .dependentColumn(let column):
            var members: [(String, JSONValue)] = [
                ("family", Self.text(column.family)), ("qualifier", Self.text(column.qualifier)),
                ("dropDependentColumn", .bool(column.isDropped)),
            ]
            if let test = column.test {
                members += [
                    ("op", .string(test.comparison.name)), ("comparator", test.comparator.json),
                ]
            }
            return Self.make("DependentColumnFilter", members)
        case .singleColumnValue(let test, let rule):
            return Self.make("SingleColumnValueFilter", test, rule.members)
        case .singleColumnValueExclude(let test, let rule):
            return Self.make("SingleColumnValueExcludeFilter", test, rule.members)
        default: return .null
        }
    }

    // MARK: Parts

    fileprivate static func text(_ bytes: Bytes) -> JSONValue {
        .string(Base64.encode(bytes.array))
    }

    private static func make(_ type: String, _ members: (String, JSONValue)...) -> JSONValue {
        make(type, members)
    }

    private static func make(_ type: String, _ members: [(String, JSONValue)]) -> JSONValue {
        .object([.init("type", .string(type))] + members.map { .init($0.0, $0.1) })
    }

    private static func make(
        _ type: String, _ operation: CompareOperator, _ comparator: FilterComparator
    ) -> JSONValue {
        make(type, ("op", .string(operation.name)), ("comparator", comparator.json))
    }

    private static func make(
        _ type: String, _ test: ColumnTest, _ more: [(String, JSONValue)]
    ) -> JSONValue {
        make(
            type,
            [
                ("family", text(test.family)), ("qualifier", text(test.qualifier)),
                ("op", .string(test.comparison.name)), ("comparator", test.comparator.json),
            ] + more)
    }
}

extension Filter.RowRule {
    fileprivate var members: [(String, JSONValue)] {
        [("ifMissing", .bool(dropsIfMissing)), ("latestVersion", .bool(latestOnly))]
    }
}

extension Filter.FuzzyKey {
    fileprivate var json: JSONValue {
        .object(
            ("key", Filter.text(key)), ("mask", Filter.text(Bytes(isFree.map { $0 ? 1 : 0 }))))
    }
}

extension Filter.KeyRange {
    fileprivate var json: JSONValue {
        .object(
            ("startRow", Filter.text(start)), ("startRowInclusive", .bool(includesStart)),
            ("stopRow", Filter.text(stop)), ("stopRowInclusive", .bool(includesStop)))
    }
}

extension FilterComparator {
    /// The JSON form of HBase's scanners.
    fileprivate var json: JSONValue {
        switch self {
        case .binary(let bytes):
            .object(("type", "BinaryComparator"), ("value", Filter.text(bytes)))
        case .binaryPrefix(let bytes):
            .object(("type", "BinaryPrefixComparator"), ("value", Filter.text(bytes)))
        case .binaryComponent(let bytes, let offset):
            .object(
                ("type", "BinaryComponentComparator"), ("value", Filter.text(bytes)),
                ("offset", .integer(Int64(offset))))
        case .bit(let bytes, let operation):
            .object(
                ("type", "BitComparator"), ("value", Filter.text(bytes)),
                ("op", .string(operation.rawValue)))
        case .null: .object(("type", "NullComparator"))
        case .regex(let pattern, let ignoresCase):
            .object(
                ("type", "RegexStringComparator"), ("value", .string(pattern)),
                ("ignoreCase", .bool(ignoresCase)))
        case .substring(let text):
            .object(("type", "SubstringComparator"), ("value", .string(text)))
        case .long(let number):
            .object(("type", "LongComparator"), ("value", .string("\(number)")))
        case .decimal(let text):
            .object(("type", "BigDecimalComparator"), ("value", .string(text)))
        case .number(let text):
            .object(("type", "NumberComparator"), ("value", .string(text)))
        }
    }
}
