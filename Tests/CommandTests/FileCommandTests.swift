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
