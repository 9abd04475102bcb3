import Foundation
import SiltModel
import Siltstone
import SiltstoneServer
import Testing

private let jobFile = """
    job: hits
    source: {http: {stream: clicks}, format: ndjson}
    time: {field: ts, unit: ms, out_of_order: 0s}
    key: [page]
    windows: [{name: m, tumble: 10s}]
    aggregates: {n: count(), s: sum(bytes)}
    into: {table: pages, row: "{key}#{window.start}", family: w}
    bad_records: {table: bad}
    """

private func event(_ ts: Int, _ page: String, _ bytes: Int = 1) -> String {
    #"{"ts":\#(ts),"page":"\#(page)","bytes":\#(bytes)}"# + "\n"
}

extension LiveServer {
    /// Asks until the answer contains a text, for at most a minute.
    func wait(for text: String, at path: String) async throws -> String {
        var last = ""
        for _ in 0..<1200 {
            last = try await send("GET", path).body
            if last.contains(text) { return last }
            try await Task.sleep(for: .milliseconds(50))
        }
        Issue.record("\(path) never had \(text): \(last.prefix(500))")
        return last
    }
}

@Suite(.serialized) struct JobTests {
    @Test("events that were pushed become window rows, over restarts, each counted once")
    func streamToRows() async throws {
        let directory = freshDirectory()
        defer { try? FileManager.default.removeItem(at: directory) }
        try await withServer(in: directory) { (live: LiveServer) async throws in
            let made = try await live.send("PUT", "/v1/jobs/hits", jobFile)
            #expect(made.status == 201, "\(made.body)")
            #expect(try await live.send("PUT", "/v1/jobs/hits", jobFile).status == 200)
            let pushed = try await live.send(
                "POST", "/v1/streams/clicks",
                event(1000, "a", 5) + "nonsense\n\n[1]\n" + event(2000, "a") + event(3000, "b"))
            #expect(pushed.status == 200)
            #expect(pushed.body.contains(#""accepted":3,"rejected":2"#))
            #expect(
                pushed.body.contains(#"{"line":2,"#) && pushed.body.contains(#"{"line":4,"#))
            _ = try await live.wait(for: #""records":3"#, at: "/v1/jobs/hits")
        }
        // The open window is in the checkpoint, the events in the stream.
        try await withServer(in: directory) { (live: LiveServer) async throws in
            let first = try await live.wait(for: #""records":3"#, at: "/v1/jobs/hits")
            #expect(first.contains(#""state":"running""#) && first.contains("tumble: 10s"))
            _ = try await live.send("POST", "/v1/streams/clicks", event(12_000, "a"))
            let rows = try await live.wait(for: "b#0", at: "/v1/tables/pages/rows")
            let lines = rows.split(separator: "\n")
            #expect(lines.count == 2)
            #expect(
                lines[0].contains(#""row":"a#0""#) && lines[0].contains(#""w:n":"2","w:s":"6""#))
            #expect(lines[1].contains(#""row":"b#0""#) && lines[1].contains(#""w:n":"1""#))
            let metrics = try await live.send("GET", "/metrics").body
            #expect(metrics.contains(#"siltstone_job_records_total{job="hits"} 4"#))
            #expect(metrics.contains("siltstone_engine_batches_total "))
            #expect(try await live.send("GET", "/v1/jobs").body.contains(#""job":"hits""#))
            #expect(try await live.send("DELETE", "/v1/jobs/hits").status == 200)
            #expect(try await live.send("GET", "/v1/jobs/hits").status == 404)
        }
        // A removed job does not come back; one of the same name begins anew, at the start of its stream.
        try await withServer(in: directory) { (live: LiveServer) async throws in
            #expect(try await live.send("GET", "/v1/jobs").body == #"{"jobs":[]}"#)
            let other = jobFile.replacing("tumble: 10s", with: "tumble: 5s")
            #expect(try await live.send("PUT", "/v1/jobs/hits", other).status == 201)
            _ = try await live.wait(for: #""records":4"#, at: "/v1/jobs/hits")
            #expect(try await live.send("PUT", "/v1/jobs/hits", jobFile).status == 409)
        }
    }

    @Test("a request with an idempotency key is stored once, whether the first one was seen or not")
    func idempotency() async throws {
        let directory = freshDirectory()
        defer { try? FileManager.default.removeItem(at: directory) }
        let headers = ["Idempotency-Key": "request-1"]
        var first = ""
        try await withServer(in: directory) { (live: LiveServer) async throws in
            let body = event(1, "a")
            // Many at once: one of them stores.
            let answers = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        try await live.send("POST", "/v1/streams/s", body, headers: headers).body
                    }
                }
                return try await group.reduce(into: [String]()) { $0.append($1) }
            }
            first = answers[0]
            #expect(Set(answers).count == 1)
            let size = "\"bytes\":\(body.utf8.count)}"
            #expect(try await live.send("GET", "/v1/streams/s").body.contains(size))
        }
        try await withServer(in: directory) { (live: LiveServer) async throws in
            let again = try await live.send(
                "POST", "/v1/streams/s", event(2, "b") + event(3, "c"), headers: headers)
            #expect(again.body == first)
            #expect(
                try await live.send("GET", "/v1/streams").body.contains(
                    "\"bytes\":\(event(1, "a").utf8.count)}"))
        }
    }

    @Test("appends that come together keep their bytes whole and in one run")
    func concurrentAppends() async throws {
        try await withServer { (live: LiveServer) async throws in
            let count = 60
            try await withThrowingTaskGroup(of: Int.self) { group in
                for index in 0..<count {
                    group.addTask {
                        let page = String(repeating: "p", count: index * 500)
                        let body = event(index, page) + event(index, "q")
                        return try await live.send("POST", "/v1/streams/clicks", body).status
                    }
                }
                for try await status in group { #expect(status == 200) }
            }
            _ = try await live.send("PUT", "/v1/jobs/hits", jobFile)
            let status = try await live.wait(
                for: "\"records\":\(count * 2)", at: "/v1/jobs/hits")
            #expect(status.contains("\"bad\":0"))
        }
    }

    @Test("a wrong job file is refused with all that is wrong, by line and column")
    func wrongJobs() async throws {
        try await withServer { (live: LiveServer) async throws in
            let wrong = """
                job: bad name
                source: {http: {stream: s}, format: xml}
                time: {field: ts, unit: fortnights}
                """
            let answer = try await live.send("PUT", "/v1/jobs/x", wrong)
            #expect(answer.status == 400)
            for line in 1...3 { #expect(answer.body.contains("\"line\":\(line),\"column\":")) }
            #expect(try await live.send("PUT", "/v1/jobs/x", "{").status == 400)
            #expect(try await live.send("PUT", "/v1/jobs/x", "a: [b").status == 400)
            #expect(try await live.send("PUT", "/v1/jobs/other", jobFile).status == 400)
            let names = try await live.send("GET", "/v1/jobs/x")
            #expect(names.status == 404)
            #expect(try await live.send("POST", "/v1/streams/a%2Fb", event(1, "a")).status == 400)
            #expect(try await live.send("POST", "/v1/streams/s", "1\n2\n").status == 400)
        }
    }

    @Test("a job over HTTP reads files below its directory and nowhere else")
    func files() async throws {
        let directory = freshDirectory()
        defer { try? FileManager.default.removeItem(at: directory) }
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        try (event(1000, "a") + event(2000, "a")).write(
            to: directory.appendingPathComponent("in.ndjson"), atomically: true, encoding: .utf8)
        func job(_ source: String) -> String {
            jobFile.replacing("{http: {stream: clicks}, format: ndjson}", with: source)
        }
        let file = job("{file: in.ndjson, format: ndjson}")
        try await withServer { (live: LiveServer) async throws in
            #expect(try await live.send("PUT", "/v1/jobs/hits", file).status == 400)
        }
        try await withServer(configuring: { $0.jobFilesDirectory = directory.path }) {
            (live: LiveServer) async throws in
            for path in ["/etc/passwd", "../in.ndjson", "a/../../in.ndjson", "./in.ndjson"] {
                let source = "{file: '\(path)', format: ndjson}"
                #expect(try await live.send("PUT", "/v1/jobs/hits", job(source)).status == 400)
            }
            let stdin = job("{stdin: true, format: ndjson}")
            #expect(try await live.send("PUT", "/v1/jobs/hits", stdin).status == 400)
            #expect(try await live.send("PUT", "/v1/jobs/hits", file).status == 201)
            _ = try await live.wait(for: #""state":"finished""#, at: "/v1/jobs/hits")
            let rows = try await live.send("GET", "/v1/tables/pages/rows").body
            #expect(rows.contains(#""w:n":"2""#))
        }
    }

    @Test("the tables that Siltstone itself keeps cannot be reached by name")
    func systemTables() async throws {
        try await withServer { (live: LiveServer) async throws in
            _ = try await live.send("POST", "/v1/streams/s", event(1, "a"))
            for path in [
                "/v1/tables/silt:stream.s/rows", "/v1/tables/silt:stream.s", "/silt:stream.s/*",
                "/silt:stream.s/schema", "/silt%3Astream.s/d0",
            ] {
                #expect(try await live.send("GET", path).status == 404, "\(path)")
            }
            let put = try await live.send("PUT", "/v1/tables/silt:stream.s/rows/x", #"{"d:b":"x"}"#)
            #expect(put.status == 404)
            #expect(try await live.send("DELETE", "/v1/tables/silt:stream.s").status >= 400)
            #expect(try await live.send("DELETE", "/silt:stream.s/schema").status >= 400)
            #expect(!(try await live.send("GET", "/").body.contains("silt:")))
        }
    }
}
