import Foundation
import Testing

/// Alerts of `silt job run`, told to a receiver that is a process of its own, through kills of both.
@Suite("Alerts of a killed job")
struct AlertCommandTests {
    /// A receiver that keeps each message before it answers, refuses every seventh, and loses its answer to every ninth.
    private static let receiver = #"""
        import http.server, os, sys
        count = 0
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                global count
                count += 1
                body = self.rfile.read(int(self.headers["content-length"]))
                if count % 7 != 0:
                    with open(sys.argv[1], "ab") as log:
                        log.write(b"\n" + body + b"\n")
                        log.flush()
                        os.fsync(log.fileno())
                if count % 9 == 0:
                    self.close_connection = True
                    return
                self.send_response(503 if count % 7 == 0 else 200)
                self.send_header("content-length", "0")
                self.end_headers()
            def log_message(self, *_):
                pass
        server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[3])), Handler)
        with open(sys.argv[2] + ".new", "w") as port:
            port.write(str(server.server_port))
        os.rename(sys.argv[2] + ".new", sys.argv[2])
        server.serve_forever()
        """#

    private let scratch = Scratch()

    private func startReceiver(port: Int = 0) throws -> (Process, port: Int) {
        try Data(Self.receiver.utf8).write(to: scratch.url("receiver.py"))
        try? FileManager.default.removeItem(at: scratch.url("port"))
        let process = try Program.start(
            URL(fileURLWithPath: "/usr/bin/env"),
            [
                "python3", scratch.path("receiver.py"), scratch.path("received"),
                scratch.path("port"), "\(port)",
            ], Scratch())
        let deadline = Date().addingTimeInterval(30)
        while Date() < deadline, process.isRunning {
            if let port = Int(scratch.text("port")) { return (process, port) }
            usleep(10_000)
        }
        throw ServerFailure(text: "the receiver did not come up")
    }

    private func writeJob(port: Int) throws {
        let job = """
            job: flaps
            source: {file: in.ndjson, format: ndjson}
            time: {field: ts, unit: ms, out_of_order: 1s}
            key: [device]
            windows: [{name: w, tumble: 10s}]
            aggregates: {mean: avg(value), n: count()}
            into: {table: readings, row: "{key}#{window.start}", family: w}
            alerts:
              - name: hot
                if: mean > 900
                for: 10s
                keep: 20s
                annotations: {summary: "{device} is at {mean}"}
                notify: [{webhook: "http://127.0.0.1:\(port)/hook"}, {table: transitions}]
              - name: gone
                absent: 40s
                notify: [{webhook: "http://127.0.0.1:\(port)/hook"}, {table: transitions}]
            """
        try Data(job.utf8).write(to: scratch.url("job.yaml"))
        var random = SplitMix(state: 3)
        var text = ""
        for second in 0..<6000 {
            for device in 0..<4 where (second / 100 + device) % 5 != 0 {
                // Hot for about a minute, now and then.
                let isHot = (second / 60 + device) % 3 == 0
                let value = Int(random.next() % 100) + (isHot ? 900 : 0)
                text += "{\"ts\":\(second * 1000),\"device\":\"d\(device)\",\"value\":\(value)}\n"
            }
        }
        try Data(text.utf8).write(to: scratch.url("in.ndjson"))
    }

    private func begin(_ data: String, wait: String) throws -> Process {
        try Program.start(
            Program.silt,
            [
                "job", "run", scratch.path("job.yaml"), "--input", scratch.path("in.ndjson"),
                "--data", data, "--checkpoint-bytes", "8192", "--block-bytes", "2048",
                "--alert-wait", wait,
            ], scratch)
    }

    /// The transitions that the table keeps: alert, key, status, and when.
    private func wanted(_ data: String) throws -> Set<String> {
        let lines = try Program.succeed(
            "scan", "transitions", "--format", "ndjson", "--data", data
        ).lines
        return Set(
            try lines.map { line in
                let row = try #require(
                    try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
                let cells = try #require(row["columns"] as? [String: Any])
                func text(_ name: String) -> String { "\(cells["a:" + name] ?? "")" }
                let at = Double(text("at")) ?? -1
                return "\(text("alert")) \(text("key")) \(text("status")) \(Int(at) / 1000)"
            })
    }

    private func received() throws -> [String] {
        let reader = ISO8601DateFormatter()
        return try scratch.text("received").split(separator: "\n").flatMap { line -> [String] in
            // A receiver that was killed may have kept half of a message, which it did not acknowledge.
            guard
                let body = try? JSONSerialization.jsonObject(with: Data(line.utf8))
                    as? [String: Any]
            else { return [] }
            #expect(body["version"] as? String == "4")
            let alerts = try #require(body["alerts"] as? [[String: Any]])
            return try alerts.map { alert in
                let labels = try #require(alert["labels"] as? [String: String])
                let status = try #require(alert["status"] as? String)
                let moment = alert[status == "firing" ? "startsAt" : "endsAt"] as? String ?? ""
                let at = reader.date(from: moment)?.timeIntervalSince1970 ?? -1
                return
                    "\(labels["alertname"] ?? "") \(labels["device"] ?? "") \(status) \(Int(at))"
            }
        }
    }

    @Test("each transition comes at least once, and none that did not happen")
    func kills() throws {
        let kills = Program.number("SILT_KILLS", default: 6)
        let seed = Program.number("SILT_SEED", default: 7)
        print("kill -9 of a job with alerts: kills=\(kills) seed=\(seed)")
        var random = SplitMix(state: UInt64(seed))
        var (receiver, port) = try startReceiver()
        defer { receiver.terminate() }
        try writeJob(port: port)
        let start = Date()
        let calm = try begin(scratch.path("calm"), wait: "1ms")
        calm.waitUntilExit()
        #expect(calm.terminationStatus == 0, "\(scratch.text("errors"))")
        let seconds = Date().timeIntervalSince(start)
        let wanted = try wanted(scratch.path("calm"))
        #expect(wanted.count > 100)
        // What the undisturbed run has told so far is not looked at.
        try Data().write(to: scratch.url("received"))
        let data = scratch.path("killed")
        for _ in 0..<kills {
            let process = try begin(data, wait: "1ms")
            Thread.sleep(forTimeInterval: Double(random.next() % 1000) / 1000 * seconds)
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            if random.next() % 2 == 0 {
                kill(receiver.processIdentifier, SIGKILL)
                receiver.waitUntilExit()
                (receiver, _) = try startReceiver(port: port)
            }
        }
        let last = try begin(data, wait: "120s")
        last.waitUntilExit()
        #expect(last.terminationStatus == 0)
        #expect(scratch.text("errors").isEmpty, "\(scratch.text("errors"))")
        let told = try received()
        #expect(Set(told) == wanted, "seed=\(seed)")
        #expect(try self.wanted(data) == wanted, "seed=\(seed)")
        print(
            "kill -9 of a job with alerts: \(wanted.count) transitions, told \(told.count) times")
        let active = try Program.succeed("job", "alerts", "flaps", "--data", data)
        #expect(active.lines.first?.contains("since") == true)
    }
}
