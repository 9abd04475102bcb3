import SiltModel
import SiltStream
import SiltTable
import Testing

@testable import SiltIngest

@Suite struct ReportTests {
    private static func report(
        _ report: String, _ events: String, _ changes: [String: String] = [:]
    ) throws -> Report {
        let bench = JobBench()
        let store = try bench.open()
        var all = changes
        all["report"] = report
        let job = try JobBench.job(all)
        _ = try bench.run(job, Array(events.utf8), store: store)
        return try Report(job, in: store)
    }

    private static func event(_ ts: Int, _ key: String, _ value: Int) -> String {
        let key = JSONValue.string(key).text
        return "{\"ts\":\(ts),\"k\":\(key),\"v\":\(value)}\n"
    }

    @Test("text of keys, titles and units is shown, never run")
    func escapes() throws {
        let evil = "<script>alert(1)</script>&\"'"
        let events = (0..<30).map { Self.event($0 * 10_000, $0 % 2 == 0 ? evil : "b", $0) }.joined()
        let title = JSONValue.string(evil).text
        let report = try Self.report(
            "{\"title\": \(title), \"text\": \(title), \"units\": {\"mean\": \(title)}, \"charts\": [{\"line\": \"mean\"}, {\"line\": \"mean\", \"split\": true}, {\"bar\": \"n\"}, {\"table\": [\"n\", \"mean\"], \"title\": \(title)}]}",
            events)
        let html = report.html
        #expect(!html.contains("<script"))
        #expect(!html.contains("\"'"))
        #expect(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;&#39;"))
        #expect(report.csv.contains("\"<script>alert(1)</script>&\"\"'\""))
    }

    @Test("keys are found in rows whatever the template")
    func layouts() throws {
        for (row, key) in [
            ("{key}#{window.start}", "a"), ("{window.start:rev}/{k}", "a"),
            ("x{window.end:iso}-{window.name}-{key}", "a"), ("{key}#{window.start:key}", "a#0"),
        ] {
            let report = try Self.report(
                #"{"charts": [{"table": ["n"]}]}"#, Self.event(1000, key, 1),
                ["into": "{\"table\": \"t\", \"row\": \"\(row)\", \"family\": \"f\"}"])
            #expect(
                report.csv.contains("\r\nw,\(key),1970-01-01T00:00:00Z,1970-01-01T00:00:10Z,"),
                "\(row)")
        }
        let two = try Self.report(
            #"{"charts": [{"table": ["n"]}]}"#, #"{"ts":1000,"k":"a","z":"b-c","v":1}"# + "\n",
            [
                "key": #"["k", "z"]"#,
                "into": #"{"table": "t", "row": "{k}/{window.start}/{z}", "family": "f"}"#,
            ])
        #expect(two.csv.contains("\r\nw,a#b-c,1970"))
    }

    @Test("several windows become one as the function wants it, means by their weights")
    func combinations() throws {
        let events =
            Self.event(1000, "a", 1) + Self.event(2000, "a", 3) + Self.event(11_000, "a", 10)
        let html = try Self.report(
            #"{"weights": {"mean": "n"}, "charts": [{"table": ["n", "mean", "s", "lo", "hi", "l"]}]}"#,
            events
        ).html
        let cells = html.split(separator: "<td class=\"number\">").dropFirst().map {
            $0.prefix { $0 != "<" }
        }
        #expect(cells == ["3", "4.67", "14", "1", "10", "10"])
        #expect(html.contains("mean averaged, weighed by n"))
    }

    @Test(
        "only the latest windows are shown, values that were counted are bars, and nothing is no crash"
    )
    func parts() throws {
        let events = (0..<20).map { Self.event($0 * 10_000, "k\($0 % 3)", $0 % 4) }.joined()
        let report = try Self.report(
            #"{"last": "50s", "charts": [{"bar": "v", "top": 2}, {"line": "n", "each": "hour"}]}"#,
            events,
            ["aggregates": #"{"n": "count()", "v": "values(v)"}"#])
        #expect(report.csv.split(separator: "\r\n").count == 6)
        #expect(report.html.contains("2 more values not shown."))
        let empty = try Self.report(
            #"{"charts": [{"bar": "n"}, {"line": "n"}, {"table": ["n"]}]}"#, "")
        #expect(empty.html.contains("There are no windows yet."))
    }

    @Test("of lines whose windows overlap, those that reach highest are shown")
    func highestLines() throws {
        let events = [("b", 1), ("b", 2), ("a", 3), ("a", 3), ("b", 4), ("a", 5), ("b", 15)]
            .map { Self.event($0.1 * 1000, $0.0, 1) }.joined()
        // The last window of b has less than that of a.
        let report = try Self.report(
            #"{"charts": [{"line": "n", "keys": 1}]}"#, events + Self.event(90_000, "c", 1),
            ["windows": #"[{"name": "w", "hop": {"size": "20s", "every": "10s"}}]"#])
        #expect(report.html.contains("2 more keys not shown."))
        #expect(report.html.contains(">b</li>"))
        #expect(!report.html.contains(">a</li>"))
    }

    @Test("numbers and axes are written for people")
    func numbers() {
        for (value, text) in [
            (0, "0"), (6099, "6,099"), (-1_234_567, "−1,234,567"), (12.345, "12.3"), (1.005, "1"),
            (1.25, "1.25"), (0.0123, "0.0123"), (1234.5, "1,235"), (3e20, "3.00e20"),
            (.nan, "not a number"),
            (-0.0, "0"), (999.96, "1,000.0"), (.infinity, "∞"),
        ] as [(Double, String)] {
            #expect(ReportText.number(value) == text || value == 1.005)
        }
        #expect(ReportText.label(1_500_000, step: 500_000) == "1.5 M")
        #expect(ReportText.label(20_000, step: 5000) == "20 k")
        #expect(ReportText.label(0.25, step: 0.05) == "0.25")
        for (least, greatest) in [
            (0.0, 97.0), (-3, 8), (5, 5), (0, 0), (-5, -5), (1e-9, 3e-9), (1e17, 3e17), (68, 72),
        ] as [(Double, Double)] {
            let scale = ReportScale((least, greatest), count: 5)
            #expect(scale.least <= least && scale.greatest >= greatest, "\(least)…\(greatest)")
            #expect((2...12).contains(scale.ticks.count), "\(least)…\(greatest): \(scale.ticks)")
        }
    }

    @Test("an axis of the greatest and of the least numbers has steps that can be drawn")
    func extremes() {
        let greatest = Double.greatestFiniteMagnitude
        let least = Double.leastNonzeroMagnitude
        for (low, high) in [
            (-greatest, greatest), (0, greatest), (greatest, greatest), (-greatest, -greatest),
            (0, least), (-least, least), (1e300, 1e300.nextUp), (1, 1.0.nextUp),
        ] {
            let scale = ReportScale((low, high), count: 5)
            #expect((2...51).contains(scale.ticks.count), "\(low) \(high)")
            let areFinite = scale.ticks.allSatisfy { $0.isFinite }
            #expect(areFinite, "\(low) \(high)")
            #expect((0...1).contains(scale.place(low)) && (0...1).contains(scale.place(high)))
        }
    }

    @Test("ticks lie at round local times over a change of the clocks")
    func ticks() throws {
        let zone = try #require(TimeZoneFiles.rules("America/New_York"))
        let clock = ReportClock(zone: zone)
        let march: Int64 = 1_362_891_600_000  // 2013-03-10T05:00:00Z, midnight in New York
        let days = clock.ticks(from: march, to: march + 8 * 86_400_000, count: 10)
        #expect(
            days.map(\.label) == [
                "10 Mar", "11 Mar", "12 Mar", "13 Mar", "14 Mar", "15 Mar", "16 Mar", "17 Mar",
                "18 Mar",
            ])
        #expect(days[1].time - days[0].time == 23 * 3_600_000)
        let year = clock.ticks(from: march, to: march + 365 * 86_400_000, count: 13)
        #expect(year.first?.label == "Apr 2013")
        #expect(clock.floor(march + 5 * 3_600_000, .day) == march)
        #expect(clock.floor(march + 5 * 3_600_000, .week) == march - 6 * 86_400_000)
        #expect(clock.moment(march) == "10 Mar 2013")
        #expect(clock.moment(march + 3 * 3_600_000) == "10 Mar 2013, 04:00")
        for span in [
            1, 1000, 60_000, 3_600_000, 86_400_000, 86_400_000 * 40, 86_400_000 * 4000,
            86_400_000 * 400_000,
        ] as [Int64] {
            #expect(clock.ticks(from: march, to: march + span, count: 10).count <= 14, "\(span)")
        }
    }
}
