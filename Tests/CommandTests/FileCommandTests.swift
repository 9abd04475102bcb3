import Foundation
import Testing

@Suite("check and inspect")
struct FileCommandTests {
    private let scratch = Scratch()

    /// A directory with two table files, a manifest of each kind and an old log.
    private func makeDirectory() throws -> String {
        let data = scratch.path("data")
        try Program.succeed("table", "create", "t", "-f", "cf", "--data", data)
        for row in ["a", "b"] {
            try Program.succeed(
                "put", "t", row, "cf:q=\(String(repeating: row, count: 300))", "--data", data)
        }
        return data
    }

    private func files(_ data: String) -> [String] {
        let names = FileManager.default.enumerator(atPath: data)?.compactMap { $0 as? String } ?? []
        return names.map { "\(data)/\($0)" }.filter {
            (try? URL(fileURLWithPath: $0).resourceValues(forKeys: [.isRegularFileKey])
                .isRegularFile) == true
        }.sorted()
    }

    @Test("every file of a directory is shown in words")
    func words() throws {
        let data = try makeDirectory()
        var kinds: Set<String> = []
        for file in files(data) where !file.hasSuffix("/LOCK") {
            let outcome = try Program.succeed("inspect", file, "--cells")
            kinds.insert(String(outcome.lines.first?.split(separator: " ").first ?? ""))
        }
        #expect(kinds == ["FORMAT:", "schema", "manifest", "table"])
        let foreign = scratch.path("foreign")
        try Data("hello".utf8).write(to: URL(fileURLWithPath: foreign))
        #expect(try Program.silt("inspect", foreign).status == 1)
        #expect(try Program.silt("inspect", "\(data)/nothing").status == 3)
        let golden = try Program.succeed("inspect", "data/golden/v1/log-segment.bin", "--cells")
        #expect(golden.output.contains("put row=apple qualifier=n ts=2000 sequence=7 value=two"))
    }

    @Test("a flipped byte in any file is found, and the file is named")
    func damage() throws {
        let data = try makeDirectory()
        try Program.succeed("check", "--data", data)
        var tried = 0
        for file in files(data) where !file.hasSuffix("/LOCK") {
            let url = URL(fileURLWithPath: file)
            let good = try Data(contentsOf: url)
            for offset in [0, good.count / 2, good.count - 1] {
                var bad = good
                bad[offset] ^= 0x10
                try bad.write(to: url)
                let outcome = try Program.silt("check", "--data", data)
                let name = String(file.dropFirst(data.count + 1))
                // A file that the newest manifest does not name is not read: nobody reads it any more.
                let isNamed = outcome.output.contains(name)
                let isOrphan = name.hasSuffix(".sst") && outcome.status == 0
                #expect(
                    outcome.status == 1 && isNamed || isOrphan,
                    "\(name) at \(offset): \(outcome.output)")
                tried += outcome.status == 1 ? 1 : 0
            }
            try good.write(to: url)
        }
        #expect(tried >= 12)
        try Program.succeed("check", "--data", data)
    }

    @Test("a manifest's origins are shown")
    func origins() throws {
        let data = scratch.path("data")
        try Program.succeed("table", "create", "t", "-f", "cf", "--data", data)
        let server = try Server(data: data)
        for row in ["a", "m", "z"] {
            try Program.succeed("put", "t", row, "cf:q=1", "--server", server.url)
        }
        try Program.succeed("table", "split", "t", "--at", "m", "--server", server.url)
        let manifests = files(data).filter { $0.contains("/manifest/") }
        let words = try manifests.map { try Program.succeed("inspect", $0).output }
        #expect(server.stop() == 0)
        #expect(
            words.contains {
                $0.contains("the log may hold its rows under region")
                    && $0.contains("after sequence")
            }, "\(words)")
    }

    @Test("a damaged table file is written anew, with its loss told and accepted")
    func repair() throws {
        let data = scratch.path("data")
        try Program.succeed("table", "create", "t", "-f", "cf:compression=none", "--data", data)
        // Rows of some kilobytes, so that a block has few of them.
        let value = String(repeating: "x", count: 20_000)
        let server = try Server(data: data)
        for number in 10..<30 {
            try Program.succeed("put", "t", "row\(number)", "cf:q=\(value)", "--server", server.url)
        }
        #expect(server.stop() == 0)
        let file = try #require(files(data).first { $0.hasSuffix(".sst") })
        let url = URL(fileURLWithPath: file)
        var bytes = try Data(contentsOf: url)
        bytes[bytes.count / 2] ^= 0x10
        try bytes.write(to: url)

        let found = try Program.silt("check", "--data", data)
        #expect(found.status == 1 && found.output.contains("damaged: "))
        let refused = try Program.silt("check", "--repair", "--data", data)
        #expect(refused.status == 1)
        #expect(refused.output.contains("not repaired without --accept-loss: "))
        #expect(try Data(contentsOf: url) == bytes)
        let accepted = try Program.succeed("check", "--repair", "--accept-loss", "--data", data)
        #expect(accepted.output.contains("repaired: ") && accepted.output.contains("lost: "))
        #expect(accepted.output.contains("no damage"))
        try Program.succeed("check", "--data", data)
        // What is left is most of the rows, each as it was; the damaged file is kept aside.
        let rows = try Program.succeed("scan", "t", "--format", "csv", "--data", data).lines
            .dropFirst()
        #expect(rows.count < 20 && rows.count >= 12, "\(rows.count)")
        #expect(rows.allSatisfy { $0.contains(value) })
        #expect(files(data).contains { $0.contains("/quarantine/") })
    }

    @Test("check refuses a directory in use, and one that is none")
    func refusals() throws {
        let data = try makeDirectory()
        #expect(try Program.silt("check", "--data", scratch.path("nothing")).status == 3)
        let server = try Server(data: data)
        let outcome = try Program.silt("check", "--data", data)
        #expect(outcome.status == 1 && outcome.errors.contains("in use"))
        #expect(server.stop() == 0)
        try Program.succeed("check", "--data", data)
    }
}
