import Foundation
import FoundationNetworking
import SiltBytes
import SiltModel
import Siltstone
import Testing

@testable import SiltstoneServer

@Suite(.serialized) struct DashboardTests {
    private func rows(_ live: LiveServer, _ query: String) async throws -> [String] {
        let escaped = query.addingPercentEncoding(withAllowedCharacters: .urlQueryAllowed)
        let text = (escaped ?? "").replacingOccurrences(of: "+", with: "%2B")
        let answer = try await live.send("GET", "/v1/tables/t/rows?\(text)")
        #expect(answer.status == 200, "\(query): \(answer.body)")
        return answer.body.split(separator: "\n").map(String.init)
    }

    @Test("where shows the rows whose columns are so, whatever columns are asked for")
    func conditions() async throws {
        try await withServer { (live: LiveServer) async throws in
            let table = try await live.database.createTable("t", families: [Family("f")])
            try await table.put("a", ["f:n": "5", "f:c": "Ulm"])
            try await table.put("b", ["f:n": "10", "f:c": "Bonn"])
            try await table.put("c", ["f:n": "7.5"])
            func keys(_ condition: String) async throws -> String {
                try await rows(live, "where=\(condition)").map { line in
                    try JSONValue(parsing: Array(line.utf8))["row"]?.stringValue ?? ""
                }.joined()
            }
            let expected = [
                "f:n > 6": "bc", "f:n = 5.0": "a", "f:c = 'Ulm'": "a", "f:c != 'Ulm'": "b",
                "f:c is null": "c", "f:c is not null": "ab", "not f:c is null": "ab",
                "f:c in ('Ulm', 'Bonn') and f:n < 10": "a", "not (f:n > 6 and f:n < 8)": "ab",
                "f:n = 5 or f:n = 7.5": "ac", "row >= 'b'": "bc", "`f:n` >= 10": "b",
                "f:c not in ('Ulm')": "b", "f:z = 1": "", "f:n > 'x'": "",
            ]
            for (condition, answer) in expected {
                #expect(try await keys(condition) == answer, "\(condition)")
            }
            #expect(
                try await rows(live, "columns=f:c&where=f:n > 6")
                    == [#"{"row":"b","columns":{"f:c":"Bonn"}}"#])
            for wrong in [
                "f:n", "f:n >", "f:n > 1 and", "(f:n > 1", "f:n > x", "n = 1", "f:n is 1",
            ] {
                let escaped = wrong.addingPercentEncoding(withAllowedCharacters: .alphanumerics)
                let answer = try await live.send(
                    "GET", "/v1/tables/t/rows?where=\(escaped ?? "")")
                #expect(answer.status == 400, "\(wrong)")
            }
        }
    }

    @Test("an aggregate counts and sums, in groups and under a condition; a wrong one is refused")
    func aggregates() async throws {
        try await withServer(configuring: { $0.isReadOnly = true }) {
            (live: LiveServer) async throws in
            let table = try await live.database.createTable("t", families: [Family("f")])
            try await table.put("a#1", ["f:n": "5"])
            try await table.put("a#2", ["f:n": "10"])
            try await table.put("b#1", ["f:n": "2.5"])
            func ask(_ body: String) async throws -> (status: Int, body: String) {
                try await live.send("POST", "/v1/tables/t/aggregate", body)
            }
            func groups(_ body: String) async throws -> [String] {
                let answer = try JSONValue(parsing: Array(try await ask(body).body.utf8))
                return (answer["groups"]?.arrayValue ?? []).map { group in
                    let values = group["values"]?.objectValue ?? []
                    return
                        ([group["group"]?.stringValue ?? ""]
                        + values.map { "\($0.name)=\($0.value.doubleValue ?? -1)" })
                        .joined(separator: " ")
                }
            }
            #expect(
                try await groups(
                    ##"{"results":{"n":"count()","s":"sum(f:n)"},"group":{"separator":"#"}}"##)
                    == ["a n=2.0 s=15.0", "b n=1.0 s=2.5"])
            #expect(
                try await groups(
                    #"{"results":{"m":"max(f:n)"},"where":"f:n < 10","prefix":"a"}"#) == [" m=5.0"])
            for wrong in [
                "{}", "[]", #"{"results":{}}"#, #"{"results":{"n":"nonsense"}}"#,
                #"{"results":{"n":"count()"},"group":"x"}"#, #"{"results":{"n":5}}"#,
                #"{"results":{"n":"count()"},"from":9,"to":5}"#, #"{"x":1,"results":{}}"#,
            ] {
                #expect(try await ask(wrong).status == 400, "\(wrong)")
            }
        }
    }

    @Test("the page comes with its parts, names no other address and shows what is there")
    func page() async throws {
        try await withServer { (live: LiveServer) async throws in
            _ = try await live.database.createTable("t", families: [Family("f")])
            for path in ["/ui", "/ui/style.css", "/ui/script.js"] {
                let (http, data) = try await live.exchange("GET", path, nil, [:])
                #expect(http.statusCode == 200, "\(path)")
                let policy = http.value(forHTTPHeaderField: "Content-Security-Policy") ?? ""
                #expect(policy.hasPrefix("default-src 'none'"))
                let text = String(decoding: data, as: UTF8.self)
                let bare = text.replacingOccurrences(of: "http://www.w3.org/2000/svg", with: "")
                #expect(!bare.contains("http://") && !bare.contains("https://"), "\(path)")
            }
            let overview = try JSONValue(
                parsing: Array(try await live.send("GET", "/v1/overview").body.utf8))
            #expect(overview["tables"]?[0]?["name"]?.stringValue == "t")
            #expect(overview["tables"]?[0]?["regions"]?[0]?["reads"] != nil)
            #expect(overview["engine"]?["gets"]?["p99_ns"] != nil)
            #expect(overview["jobs"]?.arrayValue?.isEmpty == true)
        }
    }
}
