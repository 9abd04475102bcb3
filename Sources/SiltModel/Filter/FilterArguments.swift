import SiltBytes

/// The arguments of one filter of the filter language, and the filter they make.
struct FilterArguments {
    /// One argument as written.
    struct Argument {
        /// Its bytes, without quotes.
        let text: [UInt8]
        /// Whether it stood in quotes.
        let isQuoted: Bool
        /// Where it begins in the text.
        let place: Int
    }

    let name: String
    /// Where the name begins in the text.
    let start: Int
    let list: [Argument]

    /// The filter of the name and these arguments.
    func filter() throws(SiltstoneError) -> Filter {
        switch name {
        case "KeyOnlyFilter":
            try expect(0...1)
            return .keyOnly(lengthAsValue: list.isEmpty ? false : try bool(0))
        case "FirstKeyOnlyFilter":
            try expect(0...0)
            return .firstKeyOnly
        case "PrefixFilter":
            try expect(1...1)
            return .prefix(try quoted(0))
        case "PageFilter":
            try expect(1...1)
            return .page(try count(0))
        case "InclusiveStopFilter":
            try expect(1...1)
            return .inclusiveStop(try quoted(0))
        case "RowFilter":
            let test = try comparison()
            return .row(test.comparison, test.comparator)
        case "FamilyFilter":
            let test = try comparison()
            return .family(test.comparison, test.comparator)
        case "QualifierFilter":
            let test = try comparison()
            return .qualifier(test.comparison, test.comparator)
        case "ValueFilter":
            let test = try comparison()
            return .value(test.comparison, test.comparator)
        default: return try columnFilter()
        }
    }

    private func columnFilter() throws(SiltstoneError) -> Filter {
        switch name {
        case "ColumnPrefixFilter":
            try expect(1...1)
            return .columnPrefix(try quoted(0))
        case "MultipleColumnPrefixFilter":
            try expect(1...Int.max)
            var prefixes: [Bytes] = []
            for index in list.indices { prefixes.append(try quoted(index)) }
            return .multipleColumnPrefix(prefixes)
        case "ColumnCountGetFilter":
            try expect(1...1)
            return .columnCountGet(try count(0))
        case "ColumnPaginationFilter":
            try expect(2...2)
            return .columnPagination(limit: try count(0), offset: try count(1))
        case "ColumnRangeFilter":
            try expect(4...4)
            let (min, max) = (try quoted(0), try quoted(2))
            return .columnRange(
                .init(
                    min: min.isEmpty ? nil : min, includesMin: try bool(1),
                    max: max.isEmpty ? nil : max, includesMax: try bool(3)))
        case "TimestampsFilter":
            var stamps: [Int64] = []
            for index in list.indices { stamps.append(try number(index)) }
            return .timestamps(stamps)
        case "SingleColumnValueFilter": return .singleColumnValue(try columnTest(), try rowRule())
        case "SingleColumnValueExcludeFilter":
            return .singleColumnValueExclude(try columnTest(), try rowRule())
        case "ColumnValueFilter":
            try expect(4...4)
            return .columnValue(try columnTest())
        case "DependentColumnFilter":
            guard [2, 3, 5].contains(list.count) else { throw wrongCount("2, 3 or 5") }
            return .dependentColumn(
                .init(
                    family: try quoted(0), qualifier: try quoted(1),
                    isDropped: list.count > 2 ? try bool(2) : false,
                    test: list.count > 3 ? try valueTest(at: 3) : nil))
        default: throw refuse("is unknown name=\(name)", at: start)
        }
    }

    // MARK: Parts

    private func comparison() throws(SiltstoneError) -> Filter.ValueTest {
        try expect(2...2)
        return try valueTest(at: 0)
    }

    private func columnTest() throws(SiltstoneError) -> Filter.ColumnTest {
        guard list.count == 4 || list.count == 6 else { throw wrongCount("4 or 6") }
        let test = try valueTest(at: 2)
        return Filter.ColumnTest(
            family: try quoted(0), qualifier: try quoted(1), test.comparison, test.comparator)
    }

    private func rowRule() throws(SiltstoneError) -> Filter.RowRule {
        guard list.count == 6 else { return Filter.RowRule() }
        return Filter.RowRule(dropsIfMissing: try bool(4), latestOnly: try bool(5))
    }

    /// An operator and the comparator after it.
    private func valueTest(at index: Int) throws(SiltstoneError) -> Filter.ValueTest {
        let sign = list[index]
        guard !sign.isQuoted,
            let comparison = CompareOperator(symbol: String(decoding: sign.text, as: UTF8.self))
        else { throw refuse("has no operator < <= = != >= > in \(name)", at: sign.place) }
        let comparator = try comparator(index + 1)
        if comparator.onlyFindsEquality, comparison != .equal, comparison != .notEqual {
            throw refuse(
                "compares a pattern with another operator than = and != in \(name)", at: sign.place)
        }
        return Filter.ValueTest(comparison, comparator)
    }

    /// `'binary:…'` and the like.
    private func comparator(_ index: Int) throws(SiltstoneError) -> FilterComparator {
        let bytes = try quoted(index).array
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else {
            throw refuse("has a comparator without a kind in \(name)", at: list[index].place)
        }
        let kind = String(decoding: bytes[..<colon], as: UTF8.self)
        let value = Bytes(bytes[(colon + 1)...])
        switch kind {
        case "binary": return .binary(value)
        case "binaryprefix": return .binaryPrefix(value)
        case "regexstring": return .regex(String(decoding: value.array, as: UTF8.self))
        case "regexstringnocase":
            return .regex(String(decoding: value.array, as: UTF8.self), ignoresCase: true)
        case "number": return .number(String(decoding: value.array, as: UTF8.self))
        case "substring": return .substring(String(decoding: value.array, as: UTF8.self))
        default:
            throw refuse("has a comparator of an unknown kind kind=\(kind)", at: list[index].place)
        }
    }

    private func quoted(_ index: Int) throws(SiltstoneError) -> Bytes {
        guard list[index].isQuoted else {
            throw refuse("has an argument of \(name) without quotes", at: list[index].place)
        }
        return Bytes(list[index].text)
    }

    private func bool(_ index: Int) throws(SiltstoneError) -> Bool {
        if !list[index].isQuoted {
            switch String(decoding: list[index].text, as: UTF8.self).lowercased() {
            case "true": return true
            case "false": return false
            default: break
            }
        }
        throw refuse(
            "has another argument than true or false in \(name)", at: list[index].place)
    }

    private func number(_ index: Int) throws(SiltstoneError) -> Int64 {
        let text = list[index].text
        guard !list[index].isQuoted, text.first != UInt8(ascii: "+"),
            let value = Int64(String(decoding: text, as: UTF8.self))
        else {
            throw refuse("has an argument of \(name) that is no integer", at: list[index].place)
        }
        return value
    }

    /// A number that counts something: what an `int` of HBase holds, and not negative.
    private func count(_ index: Int) throws(SiltstoneError) -> Int {
        let value = try number(index)
        guard (0...Int64(Int32.max)).contains(value) else {
            throw refuse(
                "has a number out of range in \(name) value=\(value)", at: list[index].place)
        }
        return Int(value)
    }

    private func expect(_ range: ClosedRange<Int>) throws(SiltstoneError) {
        guard range.contains(list.count) else {
            throw wrongCount(
                range.lowerBound == range.upperBound
                    ? "\(range.lowerBound)"
                    : range.upperBound == .max
                        ? "at least \(range.lowerBound)"
                        : "\(range.lowerBound) to \(range.upperBound)")
        }
    }

    private func wrongCount(_ wanted: String) -> SiltstoneError {
        refuse(
            "\(name) has the wrong number of arguments wanted=\(wanted) got=\(list.count)",
            at: start)
    }

    private func refuse(_ reason: String, at place: Int) -> SiltstoneError {
        SiltstoneError(.invalidArgument, "filter \(reason) at=\(place)")
    }
}
