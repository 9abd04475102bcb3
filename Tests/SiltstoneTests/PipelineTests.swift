import Foundation
import Siltstone
import Testing

@Suite("Pipelines said in Swift")
struct PipelineTests {
    private static let visits = Pipeline("visits", from: .file("in.ndjson", .ndjson))
        .eventTime("at.ms", outOfOrder: .seconds(5))
        .filter("bytes > 0").filter("page != '/health'")
        .computing("large", "bytes > 99")
        .keyed(by: "page")
        .window("minute", .tumbling(.seconds(60)))
        .window("visit", .session(gap: .seconds(30)))
        .aggregate("n", .count)
        .aggregate("bytes", .sum("bytes"))
        .aggregate("large", .count, where: "large")
        .late(.table("late"))
        .badRecords(into: "bad")
        .write(to: "visits")

    @Test("a pipeline turns events into rows, as its job file does")
    func run() async throws {
        let directory = FileManager.default.temporaryDirectory
            .appendingPathComponent("siltstone-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let input = directory.appendingPathComponent("events.ndjson").path
        let events = [
            (0, "/a", 10), (10_000, "/a", 200), (61_000, "/a", 5), (62_000, "/b", 7),
            (63_000, "/health", 1), (64_000, "/b", 0),
        ]
        try
            (events.map { "{\"at\":{\"ms\":\($0.0)},\"page\":\"\($0.1)\",\"bytes\":\($0.2)}\n" }
            .joined() + "{\n").write(toFile: input, atomically: true, encoding: .utf8)
        let expected = [
            "/a#0 minute:n 2", "/a#0 minute:bytes 210", "/a#0 minute:large 1", "/a#0 visit:n 2",
            "/a#0 visit:bytes 210", "/a#0 visit:large 1", "/a#60000 minute:n 1",
            "/a#60000 minute:bytes 5", "/a#60000 minute:large 0", "/a#61000 visit:n 1",
            "/a#61000 visit:bytes 5", "/a#61000 visit:large 0", "/b#60000 minute:n 1",
            "/b#60000 minute:bytes 7", "/b#60000 minute:large 0", "/b#62000 visit:n 1",
            "/b#62000 visit:bytes 7", "/b#62000 visit:large 0",
        ]
        for isFile in [false, true] {
            let data = directory.appendingPathComponent("data\(isFile)").path
            let job = isFile ? try Job(json: Self.visits.json) : try Self.visits.job()
            try await withDatabase(at: data) { database in
                let result = try await database.run(job, input: input)
                #expect(result.isCompleted && result.recordCount == 7 && result.badCount == 1)
                let cells = try await Self.cells(database)
                #expect(cells.sorted() == expected.sorted())
            }
        }
    }

    /// What the rows of `visits` say, without the bounds of their windows.
    private static func cells(_ database: Database) async throws -> [String] {
        var cells: [String] = []
        for try await row in try database.table("visits").scan() {
            for cell in row.cells {
                let column = "\(cell.column)"
                if column.hasSuffix("_start") || column.hasSuffix("_end") { continue }
                cells.append("\(row.key) \(column) \(cell.value)")
            }
        }
        return cells
    }

    @Test("an aggregate of one's own is merged over panes, kept over stops, and takes late events")
    func own() async throws {
        let directory = FileManager.default.temporaryDirectory
            .appendingPathComponent("siltstone-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let input = directory.appendingPathComponent("events.ndjson").path
        // The last one is late for all windows but the greatest.
        let events = [
            (0, "2"), (4000, "3"), (6000, "5"), (9000, "null"), (30_000, "7"), (1000, "11"),
        ]
        try events.map { "{\"t\":\($0.0),\"v\":\($0.1)}\n" }.joined()
            .write(toFile: input, atomically: true, encoding: .utf8)
        let pipeline = Pipeline("own", from: .file("in", .ndjson)).eventTime("t")
            .window("h", .hopping(.seconds(10), every: .seconds(5)))
            .aggregate("p", Product.self, of: "v")
            .aggregate("odd", Product.self, of: "v", where: "v != 2")
            .write(to: "products", row: "{window.start}")
        try await withDatabase(at: directory.appendingPathComponent("data").path) { database in
            let result = try await database.run(pipeline, input: input)
            #expect(result.isCompleted && result.badCount == 0)
            var rows: [String] = []
            for try await row in try database.table("products").scan() {
                rows.append(
                    "\(row.key) \(row["h:p"]?.value ?? "") \(row["h:odd"]?.value ?? "")")
            }
            #expect(
                rows.sorted() == ["-5000 66 33", "0 330 165", "25000 7 7", "30000 7 7", "5000 5 5"])
        }
        #expect(throws: SiltstoneError.self) { _ = try Job(json: pipeline.json) }
        let taken = #expect(throws: SiltstoneError.self) {
            _ = try Pipeline("own", from: .file("in", .ndjson)).eventTime("t")
                .window("w", .tumbling(.seconds(1))).aggregate("s", Sum.self, of: "v")
                .write(to: "t").job()
        }
        #expect(taken?.message.contains("needs another name") == true)
    }

    @Test("every part is one that jobs know")
    func parts() throws {
        let sources: [Pipeline.Source] = [
            .file("a*.csv", .csv(columns: ["t", "v", "k"], nulls: ["NA"])), .file("a", .tsv()),
            .standardInput(.lineProtocol),
            .file("log", .pattern("(?<t>\\d+) (?<k>\\w+) (?<v>.*)"), tails: true),
        ]
        let shapes: [Pipeline.Window] = [
            .tumbling(.milliseconds(1)), .hopping(.seconds(10), every: .seconds(3)),
            .cumulating(.seconds(3600), step: .seconds(600)),
            .session(gap: .seconds(1), maximum: .seconds(60)), .day(in: "Europe/Berlin"), .month(),
            .count(5), .global,
        ]
        let measures: [Pipeline.Measure] = [
            .count, .sum("v"), .average("v"), .minimum("v"), .maximum("v"), .first("v"), .last("v"),
            .distinct("v"), .percentile("v", 0.99), Pipeline.Measure("topk(v, 3)"),
        ]
        let units: [Pipeline.TimeUnit] = [
            .seconds, .milliseconds, .microseconds, .nanoseconds, .rfc3339, .pattern("%Y-%m-%d"),
        ]
        for (index, source) in sources.enumerated() {
            for unit in units {
                var pipeline = Pipeline("p", from: source)
                    .eventTime(
                        "t", unit: unit, outOfOrder: .seconds(1), idle: .seconds(9)
                    )
                    .keyed(by: "k")
                    .late(index == 0 ? .merge : .drop)
                    .write(to: "t", row: "{key}#{window.start:key}", family: "{window.name}")
                for (index, shape) in shapes.enumerated() {
                    pipeline = pipeline.window("w\(index)", shape)
                }
                for (index, measure) in measures.enumerated() {
                    pipeline = pipeline.aggregate("a\(index)", measure)
                }
                #expect(try pipeline.job().name == "p")
            }
        }
    }

    @Test("what is wrong is said, all of it")
    func wrong() {
        let error = #expect(throws: SiltstoneError.self) {
            _ = try Pipeline("a b", from: .file("in", .ndjson)).eventTime("t")
                .window("w", .tumbling(.zero)).aggregate("n", .sum("v +")).write(to: "t").job()
        }
        #expect(error?.code == .invalidArgument)
        for part in ["job name", "tumble must be", "expected a value", "pipeline=a b"] {
            #expect(error?.message.contains(part) == true, "\(part)")
        }
    }
}

/// The product of integers.
private struct Product: OwnAggregate {
    static let functionName = "product"

    private var product: Int64 = 1

    init() {}

    init(decoding bytes: [UInt8]) throws {
        guard let value = Int64(String(decoding: bytes, as: UTF8.self)) else {
            throw SiltstoneError(.corrupted, "not a number")
        }
        product = value
    }

    var encoded: [UInt8] { Array(String(product).utf8) }

    mutating func add(_ value: AggregateValue) {
        if case .int(let factor) = value { product *= factor }
    }

    mutating func merge(_ other: Product) { product *= other.product }

    var result: AggregateValue { .int(product) }
}

/// One whose name is taken.
private struct Sum: OwnAggregate {
    static let functionName = "sum"

    init() {}
    init(decoding bytes: [UInt8]) throws {}

    var encoded: [UInt8] { [] }
    mutating func add(_ value: AggregateValue) {}
    mutating func merge(_ other: Sum) {}
    var result: AggregateValue { .null }
}
