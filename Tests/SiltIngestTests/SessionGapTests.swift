import SiltModel
import SiltTable
import Testing

@testable import SiltIngest

@Suite("Sessions whose gap each event says") struct SessionGapTests {
    private static func job(_ changes: [String: String] = [:]) throws -> JobDefinition {
        var all = [
            "windows": #"[{"name": "s", "session": {"gap": "wait * 1000"}}]"#,
            "aggregates": #"{"n": "count()"}"#, "late": #""merge""#,
            "time": #"{"field": "ts", "out_of_order": "0s"}"#,
            "into": ##"{"table": "t", "row": "{key}#{window.start}#{window.end}", "family": "s"}"##,
        ]
        all.merge(changes) { $1 }
        return try JobBench.job(all)
    }

    private func rows(_ lines: [String], blockBytes: Int = 1 << 20) throws -> (
        rows: [String], bad: [String]
    ) {
        var bench = JobBench()
        bench.options.blockBytes = blockBytes
        bench.options.checkpointBytes = blockBytes
        let store = try bench.open()
        let text = lines.map { $0 + "\n" }.joined()
        _ = try bench.run(try Self.job(), Array(text.utf8), store: store)
        let counts = try JobBench.dump(store, "t").filter { $0.contains(" s:n@") }
        return (
            counts.map {
                $0.split(separator: " ")[0] + " " + ($0.split(separator: "=").last ?? "")
            }, try JobBench.dump(store, "bad").filter { $0.contains("e:reason") }
        )
    }

    @Test("a session lasts as long as the event that waits longest; what says no gap is bad")
    func lasts() throws {
        let found = try rows([
            #"{"ts":0,"k":"a","wait":10}"#, #"{"ts":9000,"k":"a","wait":0.5}"#,
            #"{"ts":10000,"k":"a","wait":1}"#, #"{"ts":11001,"k":"a","wait":2}"#,
            #"{"ts":20000,"k":"a","wait":0}"#, #"{"ts":20000,"k":"a"}"#,
            #"{"ts":20000,"k":"a","wait":"long"}"#,
            // Late, and bridges what was two.
            #"{"ts":10500,"k":"a","wait":1}"#,
        ])
        #expect(found.rows == ["a#0#13001 5"])
        #expect(found.bad.count == 3)
        #expect(found.bad.contains { $0.contains("no positive number") })
        #expect(found.bad.contains { $0.contains("session gap") })
    }

    @Test("random sessions are the unions of what their events cover, in any order and blocks")
    func unions() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SplitMix(seed: seed)
        for round in 0..<12 {
            let events = (0..<80).map { _ in
                (
                    time: Int64(random.next() % 300) * 1000,
                    key: ["a", "b"][Int(random.next() % 2)], wait: Int64(1 + random.next() % 9)
                )
            }
            var wanted: [String] = []
            for key in ["a", "b"] {
                var open: (start: Int64, end: Int64, count: Int)?
                for event in events.filter({ $0.key == key }).sorted(by: { $0.time < $1.time }) {
                    let end = event.time + event.wait * 1000
                    if let known = open, event.time <= known.end {
                        open = (known.start, max(known.end, end), known.count + 1)
                    } else {
                        if let known = open {
                            wanted.append("\(key)#\(known.start)#\(known.end) \(known.count)")
                        }
                        open = (event.time, end, 1)
                    }
                }
                if let known = open {
                    wanted.append("\(key)#\(known.start)#\(known.end) \(known.count)")
                }
            }
            let lines = events.map {
                "{\"ts\":\($0.time),\"k\":\"\($0.key)\",\"wait\":\($0.wait),\"v\":1}"
            }
            let got = try rows(lines, blockBytes: 60 + Int(random.next() % 2000)).rows
            #expect(got == wanted.sorted(), "seed \(seed) round \(round)")
        }
    }

    @Test("an expression is the gap of the one session window, without a greatest length")
    func rules() throws {
        for (windows, message) in [
            (#"[{"name": "s", "session": {"gap": "wait *"}}]"#, ""),
            (#"[{"name": "s", "session": {"gap": "10x"}}]"#, "gap must be a duration"),
            (#"[{"name": "s", "session": {"gap": "wait", "max": "1h"}}]"#, "max is for sessions"),
            (
                #"[{"name": "s", "session": {"gap": "wait"}}, {"name": "u", "session": {"gap": "5s"}}]"#,
                "only session window"
            ),
            (
                #"[{"name": "s", "session": {"gap": "5s"}}, {"name": "u", "session": {"gap": "wait"}}]"#,
                "only session window"
            ),
        ] {
            let json =
                "{\"job\": \"j\", \"source\": {\"stdin\": true}, \"time\": {\"field\": \"ts\"}, \"windows\": \(windows), \"aggregates\": {\"n\": \"count()\"}, \"into\": {\"table\": \"t\", \"family\": \"{window.name}\"}}"
            do {
                _ = try JobDefinition(DocumentNode(json: Array(json.utf8)))
                Issue.record("taken: \(windows)")
            } catch {
                #expect(error.list.contains { $0.message.contains(message) }, "\(error.list)")
            }
        }
        #expect(try Self.job().explanation().contains { $0.contains("each event says") })
    }
}
