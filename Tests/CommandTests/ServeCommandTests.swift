import Foundation
import Synchronization
import Testing

@Suite("serve")
struct ServeCommandTests {
    private let scratch = Scratch()

    @Test("data commands mean the same on a server as on a directory")
    func commands() throws {
        let data = scratch.path("data")
        let server = try Server(data: data)
        let url = server.url
        var remoteAnswers: [([String], String)] = []
        try Program.succeed(
            "table", "create", "t", "-f", "cf:versions=2", "-f", "g", "--split-at", "m", "--server",
            url)
        try Program.succeed("put", "t", "apple", "cf:a=1", "cf:b=größer", "--server", url)
        try Program.succeed("put", "t", "apple", "cf:a=2", "--ts", "5000000000000", "--server", url)
        try Program.succeed("put", "t", "00ff", "g:61=00", "--hex", "--server", url)
        try Program.succeed("put", "t", "zebra", "g:q=1", "--server", url)
        try Program.succeed("delete", "t", "zebra", "--server", url)
        #expect(try Program.silt("get", "t", "zebra", "--server", url).status == 3)
        #expect(try Program.silt("get", "u", "zebra", "--server", url).status == 3)
        #expect(try Program.silt("put", "t", "x", "nope:a=1", "--server", url).status != 0)
        for reading in [
            ["get", "t", "apple", "--versions", "2"], ["scan", "t"],
            ["scan", "t", "--format", "csv"],
            ["scan", "t", "--columns", "cf:b", "--format", "csv"],
            ["scan", "t", "--reverse", "--hex"],
            ["scan", "t", "--prefix", "app"], ["count", "t"], ["table", "list"],
            ["table", "describe", "t"],
            ["scan", "t", "--prefix", "a", "--reverse", "--limit", "5"],
        ] {
            let remote = try Program.run(Program.silt, reading + ["--server", url])
            #expect(remote.status == 0, "\(reading): \(remote.errors)")
            remoteAnswers.append((reading, remote.output))
        }
        #expect(server.stop() == 0)
        for (reading, remote) in remoteAnswers {
            let local = try Program.run(Program.silt, reading + ["--data", data])
            #expect(local.output == remote, "\(reading)")
        }
    }
}
