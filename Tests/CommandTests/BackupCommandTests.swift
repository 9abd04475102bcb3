import Foundation
import Testing

@Suite("Backup commands")
struct BackupCommandTests {
    private let scratch = Scratch()

    /// The value of a row.
    private func value(_ table: String, _ data: String) throws -> String {
        try Program.succeed("get", table, "r", "--format", "csv", "--data", data).output
    }

    @Test("tables are backed up, verified, restored to a time elsewhere, and dropped")
    func life() throws {
        let data = scratch.path("data")
        let other = scratch.path("other")
        let backups = scratch.path("backups")
        try Program.succeed("table", "create", "t", "-f", "a", "--data", data)
        try Program.succeed("table", "feed", "t", "--retention", "1h", "--data", data)
        try Program.succeed("put", "t", "r", "a:v=first", "--data", data)
        let made = try Program.succeed(
            "backup", "create", "--in", backups, "--name", "monday", "--data", data)
        #expect(made.output.hasPrefix("backup monday: 1 tables, "))
        try Program.succeed("put", "t", "r", "a:v=second", "--data", data)
        usleep(5_000)
        let moment = Int64(Date().timeIntervalSince1970 * 1000)
        usleep(5_000)
        try Program.succeed("put", "t", "r", "a:v=third", "--data", data)
        #expect(
            try Program.succeed("backup", "changes", "--in", backups, "--data", data).output
                == "changes 2\n")
        let listed = try Program.succeed("backup", "list", "--in", backups, "--format", "csv")
        #expect(listed.lines.count == 2 && listed.lines[1].hasPrefix("monday,"))
        #expect(try Program.succeed("backup", "verify", "--in", backups).lines.last == "no damage")

        try Program.succeed("backup", "restore", "t", "--in", backups, "--data", other)
        #expect(try value("t", other).contains("first"))
        try Program.succeed(
            "backup", "restore", "t", "--in", backups, "--at", "\(moment)", "--as", "then",
            "--data", other)
        #expect(try value("then", other).contains("second"))
        #expect(try Program.succeed("check", "--data", other).lines.last == "no damage")

        let again = try Program.silt("backup", "restore", "t", "--in", backups, "--data", other)
        #expect(again.status == 1 && again.errors.contains("table exists"))
        let late = try Program.silt(
            "backup", "restore", "t", "--in", backups, "--at", "2999-01-01T00:00:00Z", "--as", "x",
            "--data", other)
        #expect(late.status == 1 && late.errors.contains("known up to an earlier time"))
        #expect(try Program.silt("backup", "drop", "no", "--in", backups).status == 3)
        #expect(try Program.silt("backup", "list", "--in", scratch.path("none")).status == 3)
        try Program.succeed("backup", "drop", "monday", "--in", backups)
        #expect(
            try Program.succeed("backup", "list", "--in", backups, "--format", "csv").lines.count
                == 1)
    }

    @Test("a server keeps backups in its own directory")
    func server() throws {
        let data = scratch.path("data")
        let backups = scratch.path("backups")
        try Program.succeed("table", "create", "t", "-f", "a", "--data", data)
        try Program.succeed("table", "feed", "t", "--retention", "1h", "--data", data)
        let server = try Server(data: data, "--backup-dir", backups)
        let url = server.url
        try Program.succeed("put", "t", "r", "a:v=first", "--server", url)
        try Program.succeed("backup", "create", "t", "--name", "b", "--server", url)
        try Program.succeed("put", "t", "r", "a:v=second", "--server", url)
        usleep(5_000)
        let moment = Int64(Date().timeIntervalSince1970 * 1000)
        usleep(5_000)
        try Program.succeed("snapshot", "create", "t", "s", "--server", url)
        try Program.succeed("snapshot", "export", "s", "--server", url)
        #expect(try Program.succeed("backup", "changes", "--server", url).output == "changes 1\n")
        let listed = try Program.succeed("backup", "list", "--format", "csv", "--server", url)
        #expect(listed.lines.count == 3 && listed.lines[1].hasPrefix("b,"))
        try Program.succeed("backup", "restore", "t", "--backup", "b", "--as", "u", "--server", url)
        try Program.succeed(
            "backup", "restore", "t", "--backup", "b", "--as", "v", "--at", "\(moment)",
            "--server", url)
        try Program.succeed("snapshot", "import", "s", "w", "--server", url)
        #expect(try Program.silt("backup", "drop", "no", "--server", url).status == 3)
        try Program.succeed("backup", "drop", "b", "--server", url)
        #expect(server.stop() == 0)
        for (table, text) in [("u", "first"), ("v", "second"), ("w", "second")] {
            #expect(try value(table, data).contains(text), "\(table)")
        }
        #expect(
            try Program.succeed("backup", "verify", "--in", backups).lines.last == "no damage")
    }

    @Test("an exported snapshot is imported elsewhere; a damaged one is named and is not")
    func snapshots() throws {
        let data = scratch.path("data")
        let other = scratch.path("other")
        let place = scratch.path("exported")
        try Program.succeed("table", "create", "t", "-f", "a", "--data", data)
        try Program.succeed("put", "t", "r", "a:v=kept", "--data", data)
        try Program.succeed("snapshot", "create", "t", "s", "--data", data)
        try Program.succeed("put", "t", "r", "a:v=later", "--data", data)
        try Program.succeed("snapshot", "export", "s", "--in", place, "--data", data)
        try Program.succeed("snapshot", "import", "s", "copy", "--in", place, "--data", other)
        #expect(try value("copy", other).contains("kept"))
        #expect(
            try Program.silt("snapshot", "import", "no", "--in", place, "--data", other).status == 3
        )

        let files = FileManager.default.enumerator(atPath: place)?.compactMap { $0 as? String }
        let file = try #require(files?.first { $0.hasSuffix(".sst") })
        let url = URL(fileURLWithPath: place).appendingPathComponent(file)
        var bytes = try Data(contentsOf: url)
        bytes[3] ^= 1
        try bytes.write(to: url)
        let verified = try Program.silt("backup", "verify", "--in", place)
        #expect(verified.status == 1 && verified.output.contains(file))
        let refused = try Program.silt("snapshot", "import", "s", "--in", place, "--data", other)
        #expect(refused.status == 1 && refused.errors.contains(file), "\(refused.errors)")
        let tables = try Program.succeed("table", "list", "--format", "csv", "--data", other)
        #expect(!tables.lines.contains { $0.hasPrefix("t,") || $0 == "t" })
    }
}
