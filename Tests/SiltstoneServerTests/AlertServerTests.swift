import Foundation
import SiltModel
import Siltstone
import SiltstoneServer
import Synchronization
import Testing

@Suite(.serialized) struct AlertServerTests {
    private static func jobFile(_ webhook: String) -> String {
        """
        job: hot
        source: {http: {stream: readings}, format: ndjson}
        time: {field: ts, unit: ms, out_of_order: 0s}
        key: [device]
        windows: [{name: w, tumble: 10s}]
        aggregates: {mean: avg(value)}
        into: {table: readings, row: "{key}#{window.start}", family: w}
        alerts:
          - {name: high, if: mean > 90, labels: {severity: page}, notify: [{webhook: "\(webhook)"}, {stdout: true}]}
        report:
          title: Readings
          every: 1s
          charts: [{line: mean}]
        """
    }

    private static func reading(_ ts: Int, _ value: Int) -> String {
        #"{"ts":\#(ts),"device":"d<1>","value":\#(value)}"# + "\n"
    }

    @Test(
        "a job's alerts are listed, posted and printed, over a restart; its report is served and written"
    )
    func alerts() async throws {
        let directory = freshDirectory()
        let reports = freshDirectory()
        try FileManager.default.createDirectory(at: reports, withIntermediateDirectories: true)
        defer {
            try? FileManager.default.removeItem(at: directory)
            try? FileManager.default.removeItem(at: reports)
        }
        let lines = Lines()
        // The receiver is a stream of another server: it keeps every message.
        try await withServer { (receiver: LiveServer) async throws in
            let hook = "http://127.0.0.1:\(receiver.port)/v1/streams/hook"
            let configure = { (configuration: inout SiltstoneServer.Configuration) in
                configuration.alertWebhooks = ["http://127.0.0.1:\(receiver.port)/v1"]
                configuration.alertOutput = { lines.append($0) }
                configuration.reportDirectory = reports.path
            }
            try await withServer(in: directory, configuring: configure) {
                (live: LiveServer) async throws in
                let refused = try await live.send(
                    "PUT", "/v1/jobs/hot", Self.jobFile("http://127.0.0.1:\(receiver.port)/x"))
                #expect(refused.status == 400)
                #expect(refused.body.contains("--allow-webhook"))
                #expect(
                    try await live.send("PUT", "/v1/jobs/hot", Self.jobFile(hook)).status == 201)
                #expect(try await live.send("GET", "/v1/alerts").body.contains(#""alerts":[]"#))
                _ = try await live.send(
                    "POST", "/v1/streams/readings",
                    Self.reading(1000, 95) + Self.reading(11_000, 96) + Self.reading(21_000, 97))
                let listed = try await live.wait(for: #""state":"firing""#, at: "/v1/alerts")
                #expect(listed.contains(#""key":"d<1>""#))
                #expect(listed.contains(#""since":"1970-01-01T00:00:10Z""#))
                _ = try await live.wait(for: #""delivered":2"#, at: "/v1/alerts")
                #expect(
                    try await live.send("GET", "/v1/overview").body.contains(#""alert":"high""#))
                let page = try await live.send("GET", "/v1/jobs/hot/report")
                #expect(page.status == 200)
                #expect(page.body.contains("<h1>Readings</h1>") && page.body.contains("d&lt;1&gt;"))
                #expect(
                    try await live.send("GET", "/v1/jobs/hot/report?format=csv").body.hasPrefix(
                        "window,key,"))
                #expect(try await live.send("GET", "/v1/jobs/hot/report?format=pdf").status == 400)
                _ = try await live.wait(for: #""error":null"#, at: "/v1/jobs/hot")
            }
            let written = try String(
                contentsOf: reports.appendingPathComponent("hot.html"), encoding: .utf8)
            #expect(written.contains("<h1>Readings</h1>"))
            try await withServer(in: directory, configuring: configure) {
                (live: LiveServer) async throws in
                #expect(
                    try await live.send("GET", "/v1/alerts").body.contains(#""state":"firing""#))
                _ = try await live.send(
                    "POST", "/v1/streams/readings",
                    Self.reading(31_000, 5) + Self.reading(41_000, 5))
                _ = try await live.wait(for: #""alerts":[]"#, at: "/v1/alerts")
                _ = try await live.wait(for: #""delivered":2"#, at: "/v1/alerts")
            }
            let streams = try await receiver.send("GET", "/v1/streams")
            #expect(streams.body.contains("hook"))
        }
        let told = lines.all
        #expect(told.count == 2)
        #expect(told.first?.contains(#""status":"firing""#) == true)
        #expect(told.last?.contains(#""status":"resolved""#) == true)
        #expect(told.last?.contains(#""endsAt":"1970-01-01T00:00:40Z""#) == true)
    }
}

/// Lines that several threads append.
private final class Lines: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func append(_ line: String) { lines.withLock { $0.append(line) } }
}
