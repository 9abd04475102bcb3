import SiltBytes
import SiltIO
import SiltModel
import SiltTable
import Synchronization
import Testing

@testable import SiltIngest

@Suite struct AlertTests {
    /// Runs a job with alerts that go to the table `alerts`; its transitions in order, as `time alert key status`.
    static func transitions(
        _ alerts: String, _ events: [(Int64, String, String)], _ changes: [String: String] = [:],
        store given: TableStore? = nil
    ) throws -> [String] {
        let store = try given ?? JobBench().open()
        var all = ["alerts": alerts, "time": #"{"field": "ts", "out_of_order": "0s"}"#]
        all.merge(changes) { $1 }
        let text = events.map { "{\"ts\":\($0),\"k\":\"\($1)\",\"v\":\($2)}\n" }.joined()
        _ = try JobBench().run(try JobBench.job(all), Array(text.utf8), store: store)
        return try shown(store)
    }

    /// The transitions that the table `alerts` keeps, by time.
    static func shown(_ store: TableStore) throws -> [String] {
        var found: [(Int64, String)] = []
        let scanner = try store.table("alerts").scan()
        while let row = try scanner.next() {
            func cell(_ name: String) -> String {
                row[Column("a", Bytes(name))]?.value.string ?? ""
            }
            let time = Int64(cell("at")) ?? -1
            found.append(
                (time, "\(time / 1000) \(cell("alert")) \(cell("key")) \(cell("status"))"))
        }
        return found.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map(\.1)
    }

    private static func notify(_ rest: String) -> String {
        "[{\"name\": \"a\", \"notify\": [{\"table\": \"alerts\"}], \(rest)}]"
    }

    /// One event of a key in each of some windows of ten seconds.
    private static func events(_ key: String, _ values: [Int: String]) -> [(Int64, String, String)]
    {
        values.sorted { $0.key < $1.key }.map { (Int64($0.key) * 10_000 + 5000, key, $0.value) }
    }

    @Test(
        "a threshold fires once it has held for long enough and resolves once it is gone for long enough"
    )
    func threshold() throws {
        let values = [
            0: "1", 1: "95", 2: "96", 3: "97", 4: "98", 5: "1", 6: "99", 7: "2", 8: "3", 9: "4",
            10: "4",
        ]
        // True at the ends 20, 30, 40, 50; gone at 60, back at 70, gone from 80 on.
        let alert = Self.notify(#""if": "mean > 90", "for": "20s", "keep": "20s""#)
        #expect(
            try Self.transitions(alert, Self.events("x", values)) == [
                "40 a x firing", "100 a x resolved",
            ])
        let atOnce = Self.notify(#""if": "mean > 90""#)
        #expect(
            try Self.transitions(atOnce, Self.events("x", values)) == [
                "20 a x firing", "60 a x resolved", "70 a x firing", "80 a x resolved",
            ])
        let tooShort = Self.notify(#""if": "mean > 90", "for": "40s""#)
        #expect(try Self.transitions(tooShort, Self.events("x", values)).isEmpty)
        // Between two ends the last answer stands: 20 s + 15 s is no end of a window.
        let between = Self.notify(#""if": "mean > 90 and k = 'x'", "for": "15s", "keep": "5s""#)
        #expect(
            try Self.transitions(between, Self.events("x", values)) == [
                "35 a x firing", "65 a x resolved",
            ])
    }

    @Test("a key without a window counts as one whose condition does not hold")
    func missingWindow() throws {
        let alert = Self.notify(#""if": "n > 0", "for": "20s", "keep": "10s""#)
        let events =
            Self.events("x", [0: "1", 1: "1", 3: "1", 4: "1", 5: "1"])
            + Self.events("y", [9: "1", 20: "1"])
        // x: broken at 30, true again at 40, 50, 60: fires at 60; missing from 70 on: resolved at 80.
        #expect(
            try Self.transitions(alert, events.sorted { $0.0 < $1.0 }) == [
                "60 a x firing", "80 a x resolved",
            ])
    }

    @Test(
        "absence is counted from the end of a key's last window, and the end of the input is no absence"
    )
    func absence() throws {
        let alert = Self.notify(#""absent": "30s", "keep": "10s", "forget": "200s""#)
        let events =
            Self.events("x", [0: "1", 2: "1", 7: "1", 8: "1"])
            + Self.events(
                "y", [0: "1", 1: "1", 2: "1", 3: "1", 4: "1", 5: "1", 6: "1", 8: "1", 40: "1"])
        #expect(
            try Self.transitions(alert, events.sorted { $0.0 < $1.0 }) == [
                // x ends at 30, is absent 30 s later, is back at 80 and for ten seconds more.
                "60 a x firing", "90 a x resolved",
                // Both end at 90; time goes on to 410 as y's last window says. x is forgotten at 290, y not at 290 either:
                "120 a x firing", "120 a y firing",
                "290 a x resolved", "290 a y resolved",
            ])
        // Whoever is there until the end is not absent.
        let short = Self.events("x", [0: "1"]) + Self.events("y", [1: "1"])
        #expect(try Self.transitions(alert, short).isEmpty)
    }

    @Test(
        "a change is judged against the same key's window before, which must be the one just before"
    )
    func change() throws {
        let half = Self.notify(#""change": {"of": "mean", "by": "50%"}"#)
        let events = Self.events(
            "x", [0: "100", 1: "140", 2: "300", 3: "310", 5: "10", 6: "0", 7: "0", 8: "1"])
        #expect(
            try Self.transitions(half, events) == [
                "30 a x firing", "40 a x resolved", "70 a x firing", "80 a x resolved",
                "90 a x firing",
            ])
        let down = Self.notify(#""change": {"of": "mean", "by": 5, "direction": "down"}"#)
        #expect(
            try Self.transitions(down, events) == ["70 a x firing", "80 a x resolved"])
    }

    @Test("with allowed lateness a window is judged when it closes, with its late events")
    func lateness() throws {
        let alert = Self.notify(#""if": "n >= 2""#)
        let time = #"{"field": "ts", "out_of_order": "0s", "allowed_lateness": "10s"}"#
        // The window [0, 10) fires at 12 s with one event and gets a second one late; [10, 20) stays with one.
        let events: [(Int64, String, String)] = [
            (5000, "x", "1"), (12_000, "x", "1"), (6000, "x", "1"), (31_000, "x", "1"),
            (52_000, "x", "1"),
        ]
        #expect(
            try Self.transitions(alert, events, ["time": time]) == [
                "10 a x firing", "20 a x resolved",
            ])
        #expect(try Self.transitions(alert, events).isEmpty)
    }

    @Test("the list of alerts, the outbox and the notice hold what fired")
    func notice() throws {
        let store = try JobBench().open()
        let alerts = """
            [{"name": "hot", "if": "mean > 90", "labels": {"severity": "page"},
              "annotations": {"summary": "{k} is at {mean} since {window.end}"},
              "notify": [{"webhook": "http://127.0.0.1:1/hook"}, {"stdout": true}, {"table": "alerts"}]},
             {"name": "many", "if": "n > 0", "for": "1h"}]
            """
        _ = try Self.transitions(
            alerts, Self.events("x", [0: "99.5", 1: "1", 2: "91"]), store: store)
        let tables = try AlertTables(in: store)
        let active = try tables.active(of: "j")
        #expect(active.map { $0["alert"]?.stringValue } == ["hot", "many"])
        #expect(active.map { $0["state"]?.stringValue } == ["firing", "pending"])
        #expect(active[0]["since"] == "1970-01-01T00:00:30Z")
        #expect(active[0]["values"]?["mean"] == "91.0")
        let transport = FakeTransport()
        let clock = ManualClock()
        let status = try AlertDelivery(tables, transport: transport, clock: clock).deliver()
        #expect(status.delivered == 6)
        #expect(status.waiting == 0)
        #expect(transport.lines.count == 3)
        // One alert is in a message once.
        #expect(transport.bodies.count == 3)
        let first = try JSONValue(parsing: transport.bodies[0].1)
        #expect(transport.bodies[0].0.target == "/hook")
        #expect(first["version"] == "4")
        #expect(first["status"] == "firing")
        #expect(first["commonLabels"]?["severity"] == "page")
        let alert = try #require(first["alerts"]?[0])
        #expect(alert["status"] == "firing")
        #expect(
            alert["labels"]
                == .object(
                    ("alertname", "hot"), ("job", "j"), ("k", "x"), ("severity", "page"),
                    ("window", "w")))
        #expect(alert["annotations"]?["summary"] == "x is at 99.5 since 1970-01-01T00:00:10Z")
        #expect(alert["startsAt"] == "1970-01-01T00:00:10Z")
        #expect(alert["endsAt"] == "0001-01-01T00:00:00Z")
        let second = try JSONValue(parsing: transport.bodies[1].1)
        #expect(second["status"] == "resolved")
        #expect(second["alerts"]?[0]?["startsAt"] == "1970-01-01T00:00:10Z")
        #expect(second["alerts"]?[0]?["endsAt"] == "1970-01-01T00:00:20Z")
        #expect(second["alerts"]?[0]?["fingerprint"] == alert["fingerprint"])
        #expect(
            try AlertDelivery(tables, transport: transport, clock: clock).deliver().delivered == 0)
    }

    @Test("a receiver that fails is tried again after a growing pause, and what waits is bounded")
    func delivery() throws {
        let store = try JobBench().open()
        let alerts =
            #"[{"name": "a", "if": "hi > 5", "notify": [{"webhook": "http://h/a"}, {"stdout": true}]}]"#
        let job = try JobBench.job([
            "alerts": alerts, "time": #"{"field": "ts", "out_of_order": "0s"}"#,
        ])
        let text = Self.events(
            "x", Dictionary(uniqueKeysWithValues: (0..<40).map { ($0, $0 % 2 == 0 ? "9" : "1") })
        )
        .map { "{\"ts\":\($0),\"k\":\"\($1)\",\"v\":\($2)}\n" }.joined()
        _ = try JobBench().run(job, Array(text.utf8), store: store)
        let transport = FakeTransport(failures: 3)
        let clock = ManualClock()
        let delivery = AlertDelivery(
            try AlertTables(in: store), transport: transport, clock: clock, countMax: 30)
        var status = try delivery.deliver()
        #expect(
            transport.lines.count == 40 - 10,
            "stdout is bounded as well, and not held up by the webhook")
        #expect(status.waiting == 30)
        #expect(status.givenUp == 20)
        #expect(status.pauseMilliseconds == 1000)
        #expect(status.lastError != nil)
        #expect(try delivery.deliver().pauseMilliseconds == 1000)
        #expect(transport.attempts == 1)
        clock.advance(milliseconds: 1000)
        #expect(try delivery.deliver().pauseMilliseconds == 2000)
        clock.advance(milliseconds: 2000)
        #expect(try delivery.deliver().pauseMilliseconds == 4000)
        clock.advance(milliseconds: 4000)
        status = try delivery.deliver()
        #expect(status.waiting == 0)
        #expect(status.pauseMilliseconds == nil)
        let times = try transport.bodies.flatMap { body in
            try JSONValue(parsing: body.1)["alerts"]?.arrayValue ?? []
        }.map { $0["status"] == "firing" ? $0["startsAt"] : $0["endsAt"] }.compactMap {
            $0?.stringValue
        }
        #expect(times.count == 30)
        #expect(times == times.sorted(), "a receiver gets transitions in their order")
    }

    @Test("only receivers below an allowed address are told")
    func addresses() throws {
        let allowed = try #require(WebhookURL("http://Hooks.example:9093/silt"))
        for (url, isCovered) in [
            ("http://hooks.example:9093/silt", true),
            ("http://hooks.example:9093/silt/a?b=c", true),
            ("http://hooks.example:9093/silt?x", true), ("http://hooks.example:9093/siltx", false),
            ("http://hooks.example/silt", false), ("http://hooks.example:9093@evil/silt", false),
            ("http://evil/hooks.example:9093/silt", false),
        ] {
            #expect(WebhookURL(url).map { allowed.covers($0) } ?? false == isCovered, "\(url)")
        }
        for url in [
            "https://h/", "http://", "http://a b/", "http://u:p@h/", "http://h:0/", "http://h:x/",
            "h/x", "http://[::1/",
        ] {
            #expect(WebhookURL(url) == nil, "\(url)")
        }
        #expect(WebhookURL("http://[::1]:8/x")?.host == "::1")
        #expect(WebhookURL("http://h?q")?.target == "/?q")
    }

    private static let faulty = [
        (#"{"a": 1}"#, "4:12: alerts must be a list, not a map"),
        (
            #"[{"name": "a", "if": "n > 1"}]"#,
            "4:13: an alert needs 'on', the name of one of the windows"
        ),
        (#"[{"name": "a", "on": "v", "if": "n > 1"}]"#, "4:33: there is no window 'v'"),
        (
            #"[{"name": "a", "on": "c", "if": "n > 1"}]"#,
            "4:33: an alert needs windows of time, not count or global ones"
        ),
        (
            #"[{"name": "a", "on": "w"}]"#,
            "4:13: an alert needs exactly one of if, absent and change"
        ),
        (
            #"[{"name": "a", "on": "w", "if": "n > 1", "absent": "1s"}]"#,
            "4:13: an alert needs exactly one of if, absent and change"
        ),
        (
            #"[{"name": "a", "on": "w", "if": "n > m"}]"#,
            "4:49: 'm' is neither an aggregate nor a field of the key"
        ),
        (
            #"[{"name": "a", "on": "w", "if": "n >"}]"#,
            "4:48: expected a value but found the end"
        ),
        (
            #"[{"name": "a", "on": "w", "absent": "0s"}]"#,
            "4:48: absent must be longer than zero"
        ),
        (
            #"[{"name": "a", "on": "w", "absent": "9s", "for": "1s"}]"#,
            "4:61: an absent alert has no 'for': absent says how long already"
        ),
        (
            #"[{"name": "a", "on": "w", "change": {"of": "x", "by": 1}}]"#,
            "4:55: there is no aggregate 'x'"
        ),
        (
            #"[{"name": "a", "on": "w", "change": {"of": "n", "by": "x%"}}]"#,
            "4:66: by is a number such as 100, or a percentage such as 50%"
        ),
        (
            #"[{"name": "a", "on": "w", "if": "n > 1", "notify": [{"webhook": "ftp://x"}]}]"#,
            "4:76: webhook must be a URL such as http://host:9093/path; for https put a proxy between"
        ),
        (
            #"[{"name": "a", "on": "w", "if": "n > 1", "notify": [{}]}]"#,
            "4:64: an entry of notify is exactly one of webhook, table and stdout"
        ),
        (
            #"[{"name": "a", "on": "w", "if": "n > 1", "annotations": {"s": "{zz}"}}]"#,
            "4:74: '{zz}' is neither an aggregate, a field of the key nor key, window.name, window.start or window.end"
        ),
        (
            #"[{"name": "a", "on": "w", "if": "n > 1", "fro": "1s"}]"#,
            "4:53: unknown key 'fro' in an alert"
        ),
    ]

    @Test("faults of alerts have their line, column and a sentence")
    func faults() throws {
        func findings(_ alerts: String) throws -> [String] {
            let json = """
                {"job": "j", "source": {"file": "in"}, "time": {"field": "ts", "out_of_order": "0s"}, "key": ["k"],
                 "windows": [{"name": "w", "tumble": "10s"}, {"name": "c", "count": {"size": 5}}],
                 "aggregates": {"n": "count()"}, "into": {"table": "t", "family": "{window.name}"},
                 "alerts": \(alerts)}
                """
            return JobDefinition.check(try DocumentNode(json: Array(json.utf8))).map(\.description)
        }
        #expect(try findings(#"[{"name": "a", "on": "w", "if": "n > 1"}]"#) == [])
        for (alerts, wanted) in Self.faulty {
            #expect(try findings(alerts) == [wanted], "\(alerts)")
        }
    }

    /// What must not depend on how a run went: rows, transitions, the list of alerts, and what was queued.
    private static func dump(_ store: TableStore) throws -> [String] {
        var lines: [String] = []
        for name in ["t", "alerts"] { lines += try JobBench.dump(store, name) }
        let tables = try AlertTables(in: store)
        lines += try tables.active().map(\.text)
        let scanner = try tables.outbox.scan()
        while let row = try scanner.next() {
            lines.append(
                "\(row.key) " + row.cells.map { "\($0.column)=\($0.value)" }.joined(separator: " "))
        }
        return lines
    }

    static let replays: [[String: String]] = [
        [:],
        ["time": #"{"field": "ts", "out_of_order": "2s", "allowed_lateness": "20s"}"#],
        ["windows": #"[{"name": "w", "session": {"gap": "3s"}}]"#, "late": #""merge""#],
        [
            "windows": #"[{"name": "w", "session": {"gap": "3s"}}]"#,
            "time": #"{"field": "ts", "out_of_order": "2s", "allowed_lateness": "20s"}"#,
        ],
        [
            "windows": #"[{"name": "w", "hop": {"size": "30s", "every": "10s"}}]"#,
            "where": #""v > 100""#,
        ],
    ]

    @Test(
        "ten replays with other blocks, checkpoints and kills give the same transitions at the same times",
        arguments: replays.indices)
    func replay(shape: Int) throws {
        try checkReplays(shape: shape, seed: UInt64.random(in: 0...UInt64.max))
    }

    @Test("a session that grows at its beginning keeps what its new row says, in each replay")
    func grownSession() throws {
        try checkReplays(shape: 3, seed: 11_262_602_417_699_170_871)
    }

    private func checkReplays(shape: Int, seed: UInt64) throws {
        var changes = Self.replays[shape]
        changes["alerts"] = """
            [{"name": "high", "if": "mean > 500", "for": "10s", "keep": "15s", "notify": [{"webhook": "http://h/"}, {"table": "alerts"}]},
             {"name": "gone", "absent": "25s", "keep": "5s", "notify": [{"table": "alerts"}, {"stdout": true}]},
             {"name": "jump", "change": {"of": "n", "by": "60%", "direction": "up"}, "keep": "10s", "notify": [{"table": "alerts"}]}]
            """
        let job = try JobBench.job(changes)
        let input = JobRunnerTests.randomInput(seed: seed, count: 600)
        let reference = JobBench()
        let store = try reference.open()
        _ = try reference.run(job, input, store: store)
        let wanted = try Self.dump(store)
        let transitions = try Self.shown(store)
        #expect(transitions.count > 10, "seed \(seed)")
        var random = SplitMix(seed: seed)
        for round in 0..<10 {
            var bench = JobBench()
            bench.options.blockBytes = 200 + Int(random.next() % 4000)
            bench.options.checkpointBytes = 500 + Int(random.next() % 8000)
            bench.options.pendingBytesMax = 100 + Int(random.next() % 5000)
            let patience = 5 + Int(random.next() % 40)
            var summary = JobSummary()
            var runs = 0
            repeat {
                runs += 1
                let store = try bench.open(seed: UInt64(runs))
                var blocks = 0
                summary = try bench.run(job, input, store: store) {
                    blocks += 1
                    return blocks > patience * runs
                }
                bench.disk = bench.disk.crashed(
                    keeping: .mixed, random: SeededRandom(seed: random.next()))
            } while summary.outcome == .stopped
            let got = try Self.dump(bench.open(seed: 999))
            let differences = Set(got).symmetricDifference(wanted).sorted().prefix(4)
            #expect(got == wanted, "seed \(seed) round \(round): \(differences)")
        }
    }
}

/// Takes messages, or fails a few times first.
private final class FakeTransport: AlertTransport {
    private struct State {
        var bodies: [(WebhookURL, [UInt8])] = []
        var lines: [String] = []
        var attempts = 0
    }

    private let state = Mutex(State())
    private let failures: Int

    init(failures: Int = 0) { self.failures = failures }

    var bodies: [(WebhookURL, [UInt8])] { state.withLock { $0.bodies } }
    var lines: [String] { state.withLock { $0.lines } }
    var attempts: Int { state.withLock { $0.attempts } }

    func post(_ body: [UInt8], to url: WebhookURL) throws(SiltstoneError) {
        let isTaken = state.withLock { state in
            state.attempts += 1
            if state.attempts > failures { state.bodies.append((url, body)) }
            return state.attempts > failures
        }
        if !isTaken { throw SiltstoneError(.unavailable, "no") }
    }

    func writeLine(_ line: String) { state.withLock { $0.lines.append(line) } }
}
