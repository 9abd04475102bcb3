import SiltBytes
import SiltModel
import Testing

@Suite struct FilterTextTests {
    private static let everyFilter: [(String, Filter)] = [
        ("KeyOnlyFilter()", .keyOnly()),
        ("KeyOnlyFilter(TRUE)", .keyOnly(lengthAsValue: true)),
        ("FirstKeyOnlyFilter ( )", .firstKeyOnly),
        ("PrefixFilter('it''s')", .prefix("it's")),
        ("ColumnPrefixFilter('')", .columnPrefix("")),
        ("MultipleColumnPrefixFilter('a','b', 'c')", .multipleColumnPrefix(["a", "b", "c"])),
        ("ColumnCountGetFilter(4)", .columnCountGet(4)),
        ("PageFilter(2)", .page(2)),
        ("ColumnPaginationFilter(3, 5)", .columnPagination(limit: 3, offset: 5)),
        ("InclusiveStopFilter('z')", .inclusiveStop("z")),
        ("TimestampsFilter(1, -2)", .timestamps([1, -2])),
        ("RowFilter(<=, 'binary:a:b')", .row(.lessOrEqual, .binary("a:b"))),
        ("FamilyFilter(!=, 'binaryprefix:f')", .family(.notEqual, .binaryPrefix("f"))),
        ("QualifierFilter(=,'regexstring:a.*')", .qualifier(.equal, .regex("a.*"))),
        (
            "ValueFilter(=, 'regexstringnocase:x')",
            .value(.equal, .regex("x", ignoresCase: true))
        ),
        ("ValueFilter(!=, 'substring:y')", .value(.notEqual, .substring("y"))),
        (
            "ColumnRangeFilter('a', true, '', False)",
            .columnRange(.init(min: "a", includesMin: true, max: nil, includesMax: false))
        ),
        (
            "SingleColumnValueFilter('f','q',>,'binary:1')",
            .singleColumnValue(
                .init(family: "f", qualifier: "q", .greater, .binary("1")), .init())
        ),
        (
            "SingleColumnValueExcludeFilter('f','q',>=,'binary:1',true,false)",
            .singleColumnValueExclude(
                .init(family: "f", qualifier: "q", .greaterOrEqual, .binary("1")),
                .init(dropsIfMissing: true, latestOnly: false))
        ),
        ("DependentColumnFilter('f','q')", .dependentColumn(.init(family: "f", qualifier: "q"))),
        (
            "DependentColumnFilter('f','q',true,<,'binary:v')",
            .dependentColumn(
                .init(
                    family: "f", qualifier: "q", isDropped: true, test: .init(.less, .binary("v"))))
        ),
        (
            "ColumnValueFilter('f','q',=,'binary:v')",
            .columnValue(.init(family: "f", qualifier: "q", .equal, .binary("v")))
        ),
    ]

    @Test("each filter of the language is read with its arguments")
    func eachFilter() throws {
        for (text, filter) in Self.everyFilter { #expect(try Filter(parsing: text) == filter) }
    }

    @Test("SKIP and WHILE bind tighter than AND, AND tighter than OR, and parentheses group")
    func precedence() throws {
        let (a, b, c): (Filter, Filter, Filter) = (.prefix("a"), .prefix("b"), .prefix("c"))
        let (ta, tb, tc) = ("PrefixFilter('a')", "PrefixFilter('b')", "PrefixFilter('c')")
        let cases: [(String, Filter)] = [
            ("\(ta) OR \(tb) AND \(tc)", .any([a, .all([b, c])])),
            ("(\(ta) OR \(tb)) AND \(tc)", .all([.any([a, b]), c])),
            ("SKIP \(ta) AND WHILE \(tb)", .all([.skip(a), .whileMatch(b)])),
            ("SKIP (\(ta) AND \(tb))", .skip(.all([a, b]))),
            ("WHILE SKIP \(ta)", .whileMatch(.skip(a))),
            ("\(ta)AND \(tb)AND(\(tc))", .all([a, b, c])),
            ("((\(ta)))", a),
            (" \(ta)\tOR\t\(tb) OR \(tc) ", .any([a, b, c])),
            ("PrefixFilter('a AND b')", .prefix("a AND b")),
        ]
        for (text, filter) in cases { #expect(try Filter(parsing: text) == filter, "\(text)") }
    }

    @Test("what is wrong is said with its place")
    func errors() throws {
        let cases: [(String, String)] = [
            ("", "at=0"), ("NoSuchFilter('x')", "at=0"), ("PrefixFilter('a'", "at=16"),
            ("PrefixFilter('a", "at=13"), ("PrefixFilter('a') AND", "at=18"),
            ("PrefixFilter('a') and PrefixFilter('b')", "at=18"),
            ("PrefixFilter(a)", "at=13"), ("(PrefixFilter('a')", "at=0"),
            ("PrefixFilter('a'))", "at=17"), ("PageFilter('2')", "at=11"),
            ("PageFilter(-2)", "at=11"), ("PageFilter(99999999999)", "at=11"),
            ("RowFilter(<,'substring:a')", "at=10"), ("RowFilter(=,'what:a')", "at=12"),
            ("RowFilter(=,'a')", "at=12"), ("RowFilter(==,'binary:a')", "at=10"),
            ("KeyOnlyFilter(maybe)", "at=14"), ("PrefixFilter('a','b')", "at=0"),
            ("PrefixFilter 'a'", "at=13"), ("PrefixFilter('a') PrefixFilter('b')", "at=18"),
            ("PrefixFilter('a' 'b')", "at=17"),
            (String(repeating: "(", count: 500) + "PageFilter(1)", "at=65"),
            (String(repeating: "SKIP ", count: 500) + "PageFilter(1)", "at=325"),
        ]
        for (text, place) in cases {
            let error = #expect(throws: SiltstoneError.self) { try Filter(parsing: text) }
            #expect(error?.code == .invalidArgument)
            #expect(error?.message.hasSuffix(place) == true, "\(text): \(error?.message ?? "")")
        }
    }

    @Test("bytes of the language need not be UTF-8")
    func bytes() throws {
        let text = Bytes(Array("PrefixFilter('".utf8) + [0xff, 0x00] + Array("')".utf8))
        #expect(try Filter(parsing: text) == .prefix(Bytes([0xff, 0])))
    }

    @Test("each filter's JSON form reads back as the same filter")
    func json() throws {
        let more: [Filter] = [
            .fuzzyRow([.init("a?b", isFree: [false, true, false])]),
            .multiRowRange([.init(start: "a", stop: "b", includesStop: true), .init(start: "x")]),
            .randomRow(chance: 0.25), .columnPaginationFrom("q", limit: 3),
            .row(.equal, .bit("a", .xor)), .row(.noOperation, .null),
            .value(.less, .long(-5)), .value(.less, .decimal("1.50")),
            .value(.less, .binaryComponent("a", offset: 3)),
            .all([.any([]), .skip(.whileMatch(.firstKeyOnly))]),
        ]
        for filter in Self.everyFilter.map(\.1) + more {
            #expect(try Filter(json: filter.json) == filter)
            #expect(try Filter(parsing: filter.json.text) == filter)
        }
    }

    @Test("the scanner's JSON as clients send it, and what is wrong in it with its place")
    func jsonForms() throws {
        #expect(try Filter(parsing: #"{"type":"PageFilter","value":10}"#) == .page(10))
        #expect(
            try Filter(
                parsing:
                    #"{"type":"RowFilter","op":"EQUAL","comparator":{"type":"RegexStringComparator","value":".+-2"}}"#
            ) == .row(.equal, .regex(".+-2")))
        let wrong: [(String, String)] = [
            (#"{"type":"Nope"}"#, "at=filter"), (#"{}"#, "at=filter"),
            (#"{"type":"PrefixFilter","value":"%"}"#, "at=filter"),
            (#"{"type":"SkipFilter","filters":[]}"#, "at=filter"),
            (
                #"{"type":"FilterList","op":"MUST_PASS_ALL","filters":[{"type":"KeyOnlyFilter"},{"type":"RowFilter","op":"LESS","comparator":{"type":"SubstringComparator","value":"a"}}]}"#,
                "at=filter.filters[1]"
            ),
            (
                #"{"type":"RowFilter","op":"EQUAL","comparator":{"type":"X"}}"#,
                "at=filter.comparator"
            ),
        ]
        for (text, place) in wrong {
            let error = #expect(throws: SiltstoneError.self) { try Filter(parsing: text) }
            #expect(error?.message.hasSuffix(place) == true, "\(error?.message ?? "")")
        }
        #expect(throws: SiltstoneError.self) { try Filter(parsing: "{") }
    }
}
