import Foundation
import SiltBytes
import SiltIO
import SiltModel

/// Where a benchmark keeps its database, and what it wrote there, for a later run with `--keep`.
struct BenchDirectory {
    /// What a database holds.
    struct Contents: Equatable {
        var keyCount: Int
        var keyBytes: Int
        var valueBytes: Int
        var form: String
        var seed: UInt64
        /// Whether every key is there.
        var isComplete: Bool
    }

    let path: String
    private var markPath: String { "\(path)/silt-bench.json" }
    /// The database within.
    var databasePath: String { "\(path)/db" }

    /// Takes a directory that is new, empty, or a benchmark's.
    init(_ path: String) throws {
        self.path = path
        let files = FileManager.default
        let names = (try? files.contentsOfDirectory(atPath: path)) ?? []
        guard names.allSatisfy({ $0 == "db" || $0 == "silt-bench.json" }),
            names.isEmpty || names.contains("silt-bench.json")
        else {
            throw CommandFailure(
                .usage, "the directory '\(path)' holds something else than a benchmark's data",
                advice: "a benchmark empties its directory: name one of its own with --data")
        }
        try files.createDirectory(atPath: path, withIntermediateDirectories: true)
        if names.isEmpty { try Data("{}\n".utf8).write(to: URL(fileURLWithPath: markPath)) }
    }

    /// Deletes the database.
    func empty() throws {
        try write(nil)
        if FileManager.default.fileExists(atPath: databasePath) {
            try FileManager.default.removeItem(atPath: databasePath)
        }
    }

    /// Deletes all of it.
    func remove() throws { try FileManager.default.removeItem(atPath: path) }

    /// What an earlier run left.
    func contents() -> Contents? {
        guard let data = FileManager.default.contents(atPath: markPath),
            let value = try? JSONValue(parsing: [UInt8](data)),
            case .integer(let keyCount)? = value["num"],
            case .integer(let keyBytes)? = value["key_size"],
            case .integer(let valueBytes)? = value["value_size"],
            case .string(let form)? = value["keys"], case .string(let seed)? = value["seed"],
            case .bool(let isComplete)? = value["complete"]
        else { return nil }
        return Contents(
            keyCount: Int(keyCount), keyBytes: Int(keyBytes), valueBytes: Int(valueBytes),
            form: form, seed: UInt64(seed) ?? 0, isComplete: isComplete)
    }

    /// Notes what the database holds.
    func write(_ contents: Contents?) throws {
        var text = "{}"
        if let contents {
            text =
                JSONValue.object(
                    ("num", .integer(Int64(contents.keyCount))),
                    ("key_size", .integer(Int64(contents.keyBytes))),
                    ("value_size", .integer(Int64(contents.valueBytes))),
                    ("keys", .string(contents.form)), ("seed", .string("\(contents.seed)")),
                    ("complete", .bool(contents.isComplete))
                ).text
        }
        try Data((text + "\n").utf8).write(to: URL(fileURLWithPath: markPath))
    }

    /// The bytes that all files take on disk.
    func spaceBytes() -> Int {
        guard let found = FileManager.default.enumerator(atPath: databasePath) else { return 0 }
        var all = 0
        for case let name as String in found {
            // Foundation's own figure takes blocks of 512 bytes for blocks of the file system.
            all += DiskSpace.allocatedBytes(atPath: "\(databasePath)/\(name)")
        }
        return all
    }
}
