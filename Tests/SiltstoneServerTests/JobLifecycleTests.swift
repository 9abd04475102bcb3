import Foundation
import SiltModel
import Siltstone
import SiltstoneServer
import Testing

private let jobFile = """
    job: hits
    source: {http: {stream: clicks}, format: ndjson}
    time: {field: ts}
    key: [page]
    windows: [{name: m, tumble: 10s}]
    aggregates: {n: count(), s: sum(number(bytes))}
    into: {table: pages, family: w}
    bad_records: {table: bad}
    """

private func event(_ ts: Int, _ page: String, _ bytes: String = "1") -> String {
    #"{"ts":\#(ts),"page":"\#(page)","bytes":\#(bytes)}"# + "\n"
}

@Suite("Jobs of a server that are paused, replaced, mended and drained", .serialized)
struct JobLifecycleTests {
    @Test("a paused job stands still, also over a restart, shows its open windows, and goes on")
    func pauses() async throws {
        let directory = freshDirectory()
        defer { try? FileManager.default.removeItem(at: directory) }
        try await withServer(in: directory) { (live: LiveServer) async throws in
            #expect(try await live.send("POST", "/v1/jobs/hits/pause").status == 404)
            #expect(try await live.send("PUT", "/v1/jobs/hits", jobFile).status == 201)
            _ = try await live.send(
                "POST", "/v1/streams/clicks", event(1000, "a") + event(2000, "b"))
            _ = try await live.wait(for: #""records":2"#, at: "/v1/jobs/hits")
            let paused = try await live.send("POST", "/v1/jobs/hits/pause")
            #expect(paused.status == 200 && paused.body.contains(#""state":"paused""#))
            _ = try await live.send("POST", "/v1/streams/clicks", event(3000, "a"))
            let open = try await live.send("GET", "/v1/jobs/hits/windows?open=true").body
            #expect(
                open.contains(
                    #""row":"a#0","window":"m","start":0,"end":10000,"values":{"n":"1","s":"1"}"#),
                "\(open)")
            #expect(open.contains(#""watermark":1999"#))
            let one = try await live.send("GET", "/v1/jobs/hits/windows?open=true&prefix=b").body
            #expect(!one.contains("a#0") && one.contains("b#0"))
        }
        try await withServer(in: directory) { (live: LiveServer) async throws in
            let status = try await live.send("GET", "/v1/jobs/hits").body
            #expect(status.contains(#""state":"paused""#))
            // The same file again leaves it so.
            #expect(try await live.send("PUT", "/v1/jobs/hits", jobFile).status == 200)
            try await Task.sleep(for: .milliseconds(200))
            #expect(
                try await live.send("GET", "/v1/jobs/hits").body.contains(#""state":"paused""#))
            let resumed = try await live.send("POST", "/v1/jobs/hits/resume")
            #expect(resumed.body.contains(#""state":"running""#))
            _ = try await live.wait(for: #""records":3"#, at: "/v1/jobs/hits")
            let drained = try await live.send("POST", "/v1/jobs/hits/drain")
            #expect(drained.body.contains(#""state":"finished""#), "\(drained.body)")
            let rows = try await live.send("GET", "/v1/tables/pages/rows").body
            #expect(rows.contains(#""w:n":"2","w:s":"2""#), "\(rows)")
            #expect(try await live.send("POST", "/v1/jobs/hits/pause").status == 409)
            #expect(try await live.send("GET", "/v1/jobs/hits/pause").status == 405)
        }
    }

    @Test(
        "a changed file replaces a job that keeps its open windows, and its bad records count then")
    func replaces() async throws {
        try await withServer { (live: LiveServer) async throws in
            let first = jobFile.replacing("number(bytes)", with: "size")
            #expect(try await live.send("PUT", "/v1/jobs/hits", first).status == 201)
            let broken = #"{"ts":1000,"page":"a","size":"x"}"# + "\n"
            _ = try await live.send(
                "POST", "/v1/streams/clicks", #"{"ts":500,"page":"a","size":1}"# + "\n" + broken)
            _ = try await live.wait(for: #""bad":1"#, at: "/v1/jobs/hits")
            let other = first.replacing("tumble: 10s", with: "tumble: 5s")
            let refused = try await live.send("PUT", "/v1/jobs/hits?replace=true", other)
            #expect(refused.status == 409 && refused.body.contains("differs in windows"))
            let mended = first + "\nwhere: ts > 0\nmap: {size: \"if(text(size) = 'x', 9, size)\"}"
            #expect(try await live.send("PUT", "/v1/jobs/hits", mended).status == 409)
            let replaced = try await live.send("PUT", "/v1/jobs/hits?replace=true", mended)
            #expect(replaced.status == 200, "\(replaced.body)")
            let replayed = try await live.send("POST", "/v1/jobs/hits/replay-bad")
            #expect(replayed.body == #"{"replayed":1,"bad":0,"cut":0}"#, "\(replayed.body)")
            let again = try await live.send("POST", "/v1/jobs/hits/replay-bad")
            #expect(again.body == #"{"replayed":0,"bad":0,"cut":0}"#)
            _ = try await live.send(
                "POST", "/v1/streams/clicks", #"{"ts":20000,"page":"z","size":1}"# + "\n")
            let rows = try await live.wait(for: "a#0", at: "/v1/tables/pages/rows")
            #expect(rows.contains(#""w:n":"2","w:s":"10""#), "\(rows)")
        }
    }
}
