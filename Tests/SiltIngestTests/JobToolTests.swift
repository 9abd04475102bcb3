import SiltBytes
import SiltIO
import SiltModel
import SiltTable
import Testing

@testable import SiltIngest

@Suite struct JobToolTests {
    @Test("cases of a job file pass, and say what went otherwise")
    func cases() throws {
        let job = try JobBench.job([
            "tests": #"""
            [{"name": "good", "events": [{"ts": 1000, "k": "a", "v": 1}, {"ts": 2000, "k": "a", "v": 2.5}, "no"],
              "rows": [{"row": "a#0", "w:n": 2, "s": 3.5, "lo": 1}], "bad": 1, "late": 0},
             {"events": [{"ts": 1000, "k": "a\"b", "v": 1}, {"ts": 99000, "k": "c", "v": null}],
              "rows": [{"row": "a\"b#0", "n": 2, "f": "1", "none": null}, {"row": "d#0"}], "late": 3}]
            """#
        ])
        let clock = ManualClock()
        #expect(job.tests.map(\.name) == ["good", "test 2"])
        #expect(try JobTrial.failures(of: job.tests[0], job, clock: clock).isEmpty)
        let failures = try JobTrial.failures(of: job.tests[1], job, clock: clock)
        #expect(
            failures.map { $0.drop { $0.isNumber || $0 == ":" || $0 == " " } } == [
                "late events, not 3", "row 'a\"b#0' has n = 1, not 2", "there is no row 'd#0'",
                "row 'c#90000' was not expected",
            ])
    }

    @Test("faults of cases have lines and columns")
    func faults() throws {
        let text = """
            {"job":"j","source":{"stdin":true},"time":{"field":"ts"},"key":["k"],
            "windows":[{"name":"w","tumble":"1s"}],"aggregates":{"n":"count()"},"into":{"table":"t"},
            "tests":[{"rows":[]},
            {"events":[],"late":"x"},{"events":[],"rows":[{"n":1}],"more":1}]}
            """
        let found = JobDefinition.check(try DocumentNode(json: Array(text.utf8)))
        #expect(found.map(\.mark.line) == [3, 4, 4, 4])
        #expect(found.contains { $0.message == "a row needs its key as row" })
    }

    @Test("an explanation names source, panes, state and where rows go")
    func explanation() throws {
        let job = try JobBench.job([
            "windows":
                #"[{"name": "w", "tumble": "10s"}, {"name": "h", "hop": {"size": "1m", "every": "10s"}}]"#,
            "aggregates": #"{"n": "count()", "u": "distinct(v)"}"#,
        ])
        let lines = try job.explanation()
        #expect(lines.contains("  reads the file in as ndjson"))
        #expect(lines.contains("  windows w, h: panes of 10 s, at most 8 open at once"))
        #expect(lines.contains("    u grow with their values"))
        #expect(lines.contains("  late events: kept in late"))
    }
}
