import Foundation
import FoundationNetworking
import SiltBytes
import SiltModel
import Siltstone
import SiltstoneServer
import Testing

/// A server over a directory, and requests to it.
struct LiveServer {
    let server: SiltstoneServer
    let database: Database

    var port: Int { server.port }

    func raw() throws -> RawClient { try RawClient(port: port) }

    func send(
        _ method: String, _ path: String, _ body: String? = nil,
        headers: [String: String] = [
            "Accept": "application/json", "Content-Type": "application/json",
        ]
    ) async throws -> (status: Int, body: String) {
        let (http, data) = try await exchange(method, path, body.map { Data($0.utf8) }, headers)
        return (http.statusCode, String(decoding: data, as: UTF8.self))
    }

    func exchange(_ method: String, _ path: String, _ body: Data?, _ headers: [String: String])
        async throws -> (HTTPURLResponse, Data)
    {
        let url = try #require(URL(string: "http://127.0.0.1:\(port)\(path)"))
        var request = URLRequest(url: url)
        request.httpMethod = method
        request.httpBody = body
        for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
        let (data, response) = try await URLSession.shared.data(for: request)
        return (try #require(response as? HTTPURLResponse), data)
    }
}

/// Runs `body` against a server over a fresh directory, or over one that the caller keeps.
func withServer(
    in kept: URL? = nil,
    configuring configure: (inout SiltstoneServer.Configuration) -> Void = { _ in },
    _ body: (LiveServer) async throws -> Void
) async throws {
    let directory = kept ?? freshDirectory()
    defer { if kept == nil { try? FileManager.default.removeItem(at: directory) } }
    let database = try await Database.open(at: directory.path)
    var configuration = SiltstoneServer.Configuration()
    configuration.port = 0
    configure(&configuration)
    let server = try await SiltstoneServer.start(database, configuration)
    do {
        try await body(LiveServer(server: server, database: database))
    } catch {
        await server.shutDown()
        try await database.close()
        throw error
    }
    await server.shutDown()
    try await database.close()
}

/// A path for a test's files, not made yet.
func freshDirectory() -> URL {
    FileManager.default.temporaryDirectory
        .appendingPathComponent("siltstone-server-\(UUID().uuidString)")
}
