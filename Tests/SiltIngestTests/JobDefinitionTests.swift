import SiltStream
import Testing

@testable import SiltIngest

@Suite struct JobDefinitionTests {
    static let complete = """
        {"job": "device-10s",
         "source": {"file": "events.ndjson", "format": "ndjson", "tail": false},
         "time": {"field": "ts", "unit": "ms", "out_of_order": "5s", "allowed_lateness": "1m30s", "idle": "30s",
                  "max_future": "10m", "watermark_field": null},
         "where": "status is not null",
         "map": {"host": "lower(host)"},
         "key": ["device", "a.b"],
         "windows": [{"name": "w10s", "tumble": "10s", "offset": "0s"},
                     {"name": "w1m", "hop": {"size": "1m", "every": "10s"}},
                     {"name": "s", "session": {"gap": "30s"}}],
         "aggregates": {"n": "count()", "s": "sum(value)", "err": "count() where status != 'ok'"},
         "into": {"table": "metrics", "row": "{key}#{window.start:rev}", "family": "{window.name}"},
         "late": {"table": "late"}, "bad_records": {"table": "bad"}}
        """

    static func definition(_ json: String) throws -> JobDefinition {
        try JobDefinition(DocumentNode(json: Array(json.utf8)))
    }

    @Test("a complete job file is read")
    func complete() throws {
        let job = try Self.definition(Self.complete)
        #expect(job.name == "device-10s")
        #expect(job.source == .file("events.ndjson"))
        #expect(job.time.outOfOrderMilliseconds == 5000)
        #expect(job.time.allowedLatenessMilliseconds == 90_000)
        #expect(job.time.maxFutureMilliseconds == 600_000)
        #expect(job.key == [["device"], ["a", "b"]])
        #expect(
            job.windows == [
                WindowSpec(name: "w10s", .tumbling(sizeMilliseconds: 10_000)),
                WindowSpec(
                    name: "w1m", .hopping(sizeMilliseconds: 60_000, slideMilliseconds: 10_000)),
                WindowSpec(name: "s", .session(gapMilliseconds: 30_000)),
            ])
        #expect(job.aggregateNames == ["err", "n", "s"])
        #expect(job.families == ["s", "w10s", "w1m"])
        #expect(job.late == .table("late"))
        #expect(job.badRecordTable == "bad")
        #expect(job.row.parts == [.key, .literal([0x23]), .start(.reversed)])
    }

    @Test("every fault is reported with its line, column and a sentence")
    func faults() throws {
        let json = """
            {"job": "a b",
             "source": {"kafka": {}, "format": "xml", "tail": true},
             "time": {"unit": "%Q", "out_of_order": "5 s", "field": "a +"},
             "where": "status isnt null",
             "windows": [{"name": "w", "tumble": "0s"}, {"name": "d", "calendar": "days"}, {"tumble": "1s", "hop": 3}],
             "aggregates": {"_n": "count()", "p": "percentile(v, 9.0)", "q": "foo(v)", "s": "sum()"},
             "into": {"table": "silt:x", "row": "{device}#{window.strt}", "familly": "f"},
             "late": {"merge": true, "drop": true}, "alerts": [{"name": "x"}], "speling": 1, "job": 2}
            """
        let found = JobDefinition.check(try DocumentNode(json: Array(json.utf8)))
        let text = found.map(\.description).joined(separator: "\\n")
        for part in [
            "1:9: job name", "2:22: kafka needs 'brokers'", "2:36: format must be",
            "2:51: tail is for file and webhdfs only",
            "3:19: unit must be", "3:41: out_of_order must be a duration",
            "3:61: expected a value but found the end",
            "4:19: expected the end but found 'isnt'", "5:38: tumble must be longer",
            "5:80: a window needs 'name'", "5:104: hop must be a map",
            "5:80: a window needs exactly one", "6:17: aggregate name",
            "calendar is one of day, week, month and year", "6:40: percentile takes a value and a",
            "6:67: there is no aggregate 'foo'",
            "6:82: sum takes one argument",
            "7:20: table must be", "7:10: row uses {window.strt}", "7:63: unknown key 'familly'",
            "8:10: late takes exactly one",
            "8:52: an alert needs exactly one of if", "8:68: unknown key 'speling'",
            "8:82: key 'job' occurs twice",
        ] {
            #expect(text.contains(part), "missing: \(part)")
        }
        #expect(
            found
                == found.sorted { ($0.mark.line, $0.mark.column) < ($1.mark.line, $1.mark.column) })
    }

    @Test("rows of different keys or windows must not overwrite each other")
    func collisions() throws {
        func messages(row: String, family: String = "f") throws -> String {
            var json = Self.complete.replacing("{key}#{window.start:rev}", with: row)
            json = json.replacing("\"{window.name}\"", with: "\"\(family)\"")
            return JobDefinition.check(try DocumentNode(json: Array(json.utf8))).map(\.message)
                .joined()
        }
        #expect(
            try messages(row: "{device}#{window.start}", family: "{window.name}").contains(
                "leaves out the key's field a.b"))
        #expect(try messages(row: "{key}").contains("overwrite each other's cells"))
        #expect(
            try messages(row: "{other}{key}", family: "{window.name}").contains(
                "{other}, which is not one"))
        #expect(try messages(row: "{device}/{a.b}/{window.name}").isEmpty)
        #expect(
            try messages(row: "{key}", family: "a:{window.name}").contains("is not a family's name")
        )
    }

    @Test("documents of equal meaning have one canonical text")
    func canonical() throws {
        let one = try Self.definition(Self.complete)
        let other = try Self.definition(
            Self.complete.replacing("events.ndjson", with: "other").replacing("\n", with: " "))
        #expect(one.canonicalText == other.canonicalText)
        let changed = try Self.definition(Self.complete.replacing("\"5s\"", with: "\"6s\""))
        #expect(one.canonicalText != changed.canonicalText)
    }

    @Test(
        "durations",
        arguments: [
            ("10s", 10_000), ("1m30s", 90_000), ("500ms", 500), ("1d", 86_400_000),
            ("2w", 1_209_600_000), ("-5h", -18_000_000), ("0", 0),
            ("", nil), ("s", nil), ("10", nil), ("1x", nil), ("-", nil),
            ("9999999999999999999s", nil), ("1 s", nil), ("1.5s", nil),
            ("9223372036854775807ms9s", nil),
        ] as [(String, Int64?)])
    func durations(text: String, expected: Int64?) {
        #expect(DurationText.milliseconds(text) == expected)
    }

    @Test("JSON documents remember lines and columns")
    func marks() throws {
        let node = try DocumentNode(json: Array("{\"a\":\n  [1, \"é\", null]}".utf8))
        #expect(node.entries?[0].mark == DocumentMark(line: 1, column: 2))
        #expect(node.entries?[0].value.list?[2].mark == DocumentMark(line: 2, column: 12))
        #expect(throws: JobDiagnostics.self) { try DocumentNode(json: Array("{\"a\" 1}".utf8)) }
    }
}
