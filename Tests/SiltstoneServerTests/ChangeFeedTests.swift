import Foundation
import FoundationNetworking
import SiltBytes
import SiltModel
import Siltstone
import SiltstoneServer
import Testing

@Suite struct ChangeFeedTests {
    private func lines(_ text: String) throws -> [JSONValue] {
        try text.split(separator: "\n").map { try JSONValue(parsing: Array($0.utf8)) }
    }

    @Test("changes over HTTP: in order, resumed, waited for, and with the right refusals")
    func changes() async throws {
        try await withServer { (live: LiveServer) async throws in
            let schema = #"{"families": {"f": {"gc": "maxversions=3 or maxage=7d"}}, "hash": 4}"#
            #expect(try await live.send("PUT", "/v1/tables/t", schema).status == 201)
            let described = try await live.send("GET", "/v1/tables/t").body
            #expect(described.contains(#""hash":4"#))
            #expect(described.contains(#""gc":"maxversions=3 or maxage=7d","versions":3"#))
            let regions = try await live.send("GET", "/v1/tables/t/regions").body
            #expect(regions.contains(#""bucket":3"#))
            // HBase's clients cut scans along regions: they see one.
            let hbase = try await live.send("GET", "/t/regions").body
            #expect(hbase.components(separatedBy: "startKey").count == 2)
            #expect(try await live.send("GET", "/v1/tables/t/changes").status == 404)
            let made = try await live.send(
                "PUT", "/v1/tables/t/feed", #"{"retention_ms": 60000}"#)
            #expect(made.status == 200 && made.body.contains(#""retention_ms":60000"#))
            for row in ["a", "b", "c"] {
                let path = "/v1/tables/t/rows/\(row)"
                #expect(try await live.send("PUT", path, #"{"f:q": "\#(row)"}"#).status == 204)
            }
            let all = try lines(try await live.send("GET", "/v1/tables/t/changes").body)
            #expect(all.dropLast().map { $0["row"]?.stringValue } == ["a", "b", "c"])
            #expect(all[0]["changes"]?[0]?["value"]?.stringValue == "a")
            #expect(all[3]["next"] == all[2]["position"])
            let first = try #require(all[0]["position"]?.stringValue)
            let rest = try await live.send("GET", "/v1/tables/t/changes?after=\(first)&limit=1")
            #expect(try lines(rest.body).first == all[1])
            let now = try await live.send("GET", "/v1/tables/t/changes?after=now")
            #expect(try lines(now.body).count == 1)
            for query in ["after=x", "limit=0", "wait=-1", "wait=x"] {
                let answer = try await live.send("GET", "/v1/tables/t/changes?\(query)")
                #expect(answer.status == 400, "\(query)")
            }
            #expect(try await live.send("PUT", "/v1/tables/t/feed", "{}").status == 400)
            let last = try #require(all[2]["position"]?.stringValue)
            async let waiting = live.send(
                "GET", "/v1/tables/t/changes?after=\(last)&wait=20000")
            async let write = live.send("PUT", "/v1/tables/t/rows/d", #"{"f:q": "d"}"#)
            #expect(try await write.status == 204)
            #expect(try await lines(waiting.body).first?["row"]?.stringValue == "d")
            let empty = try await live.send("GET", "/v1/tables/t/changes?after=now&wait=20")
            #expect(try lines(empty.body).count == 1)
            // Who waits does not hold up the end of the feed.
            async let ended = live.send("GET", "/v1/tables/t/changes?after=now&wait=20000")
            try await Task.sleep(for: .milliseconds(100))
            #expect(try await live.send("DELETE", "/v1/tables/t/feed").status == 200)
            #expect(try await ended.status == 404)
        }
    }

    @Test("a table is created with its feed")
    func creation() async throws {
        try await withServer { (live: LiveServer) async throws in
            let schema = #"{"families": ["f"], "feed": {"retention_ms": 60000}}"#
            #expect(try await live.send("PUT", "/v1/tables/t", schema).status == 201)
            #expect(
                try await live.send("PUT", "/v1/tables/t/rows/a", #"{"f:q": "1"}"#).status == 204)
            let told = try lines(try await live.send("GET", "/v1/tables/t/changes").body)
            #expect(told.first?["row"]?.stringValue == "a")
            let feed = try await live.send("GET", "/v1/tables/t/feed").body
            #expect(feed.contains(#""retention_ms":60000"#))
            for wrong in ["{}", "1", #"{"retention_ms": 0}"#, #"{"retention_ms": "x"}"#] {
                let schema = #"{"families": ["f"], "feed": \#(wrong)}"#
                #expect(
                    try await live.send("PUT", "/v1/tables/u", schema).status == 400, "\(wrong)")
            }
            #expect(try await live.send("GET", "/v1/tables/u").status == 404)
            let patch = #"{"feed": {"retention_ms": 1}}"#
            #expect(try await live.send("PATCH", "/v1/tables/t", patch).status == 400)
        }
    }
}
