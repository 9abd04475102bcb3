import Foundation
import Siltstone
import Testing

@Suite("Aggregation at the regions")
struct AggregateTests {
    /// 300 rows in three regions: `a#0` to `c#99`, `f:n` is the number, `f:x` half of it in every second row.
    private func withRows(_ body: (Table) async throws -> Void) async throws {
        let path = FileManager.default.temporaryDirectory
            .appendingPathComponent("siltstone-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try await withDatabase(at: path) { database in
            let table = try await database.createTable(
                "t", families: [Family("f"), Family("g")], splitAt: ["b", "c"])
            var batch = WriteBatch()
            for group in ["a", "b", "c"] {
                for number in 0..<100 {
                    var values: [Column: Bytes] = ["f:n": Bytes("\(number)"), "g:big": "text"]
                    if number % 2 == 0 { values["f:x"] = Bytes("\(Double(number) / 2)") }
                    batch.put(Bytes("\(group)#\(number)"), values, in: table)
                }
            }
            try await database.write(batch)
            try await body(table)
        }
    }

    @Test("of all rows, of a range, through a filter")
    func totals() async throws {
        try await withRows { table in
            let items: [Aggregation.Item] = try [
                "n=count()", "v=count(f:x)", "s=sum(f:n)", "lo=min(f:n)", "hi=max(f:n)",
                "m=avg(f:x)", "d=distinct(f:n)", "p=percentile(f:n, 0.5)",
            ].map { try .init(parsing: $0) }
            let all = try await table.aggregate(Aggregation(items))
            #expect(all.count == 1)
            #expect(all[0].key == .empty)
            let expected: [AggregateValue] = [
                .int(300), .int(150), .int(14_850), .int(0), .int(99), .double(24.5), .int(100),
            ]
            #expect(Array(all[0].values.dropLast()) == expected)
            guard case .double(let median)? = all[0].values.last else {
                Issue.record("no median: \(all[0].values)")
                return
            }
            #expect(abs(median - 49.5) < 1.5)

            let sum = [Aggregation.Item("s", .sum, of: "f:n"), .init("n", .count, of: "f:n")]
            let part = try await table.aggregate(
                Aggregation(sum, in: RowRange(start: "a#98", stop: "b#1")))
            let wanted1: [[AggregateValue]] = [[.int(197), .int(3)]]
            #expect(part.map(\.values) == wanted1)
            let filter = try Filter(parsing: "SingleColumnValueFilter('f', 'x', =, 'binary:7.0')")
            let some = try await table.aggregate(Aggregation(sum, filter: filter))
            // Rows without the column pass, as in HBase.
            let kept: [AggregateValue] = [.int(7_542), .int(153)]
            let wanted5: [[AggregateValue]] = [kept]
            #expect(some.map(\.values) == wanted5)
            // A filter that counts rows counts them over all regions.
            let page = try await table.aggregate(
                Aggregation([.init("n", .count)], filter: .page(150)))
            let wanted2: [[AggregateValue]] = [[.int(150)]]
            #expect(page.map(\.values) == wanted2)
            let none = try await table.aggregate(Aggregation(sum, in: RowRange(start: "x")))
            #expect(none.isEmpty)
            let blocking = table.blocking
            let same = try await Task.detached {
                try blockingTotals(blocking, Aggregation(items))
            }.value
            #expect(same == all)
        }
    }

    @Test("by row prefix, by parts of the row, by qualifier")
    func groups() async throws {
        try await withRows { table in
            let sum = [Aggregation.Item("s", .sum, of: "f:n"), .init("n", .count)]
            for grouping: Aggregation.Grouping in [
                .prefix(byteCount: 1), .parts(1, separator: "#"),
            ] {
                let groups = try await table.aggregate(Aggregation(sum, by: grouping))
                #expect(groups.map(\.key) == ["a", "b", "c"])
                #expect(
                    groups.map(\.values) == Array(repeating: [.int(4_950), .int(100)], count: 3))
            }
            let whole = try await table.aggregate(
                Aggregation(sum, by: .parts(2, separator: "#")))
            #expect(whole.count == 300)
            let columns = try await table.aggregate(
                Aggregation(
                    [.init("n", .count, of: Column("f", .empty)), .init("s", .sum, of: "f:n")],
                    by: .qualifier))
            #expect(columns.map(\.key) == ["f:n", "f:x"])
            let expected: [[AggregateValue]] = [
                [.int(300), .int(14_850)], [.int(150), .double(3_675)],
            ]
            #expect(columns.map(\.values) == expected)
        }
    }

    @Test("counters, and what makes no sense")
    func forms() async throws {
        try await withRows { table in
            for number in 1...3 {
                _ = try await table.increment(Bytes("k\(number)"), "g:counter", by: Int64(number))
            }
            let counters = try await table.aggregate(
                Aggregation([.init("s", .sum, of: "g:counter")], values: .long))
            let wanted3: [[AggregateValue]] = [[.int(6)]]
            #expect(counters.map(\.values) == wanted3)
            let text = try await table.aggregate(
                Aggregation([.init("s", .sum, of: "g:big"), .init("m", .max, of: "g:big")]))
            let wanted4: [[AggregateValue]] = [[.error(.notANumber), .bytes(Array("text".utf8))]]
            #expect(text.map(\.values) == wanted4)
            for bad in [
                Aggregation([]), Aggregation([.init("f", .first, of: "f:n")]),
                Aggregation([.init("s", .sum)]),
                Aggregation([.init("n", .count)], by: .prefix(byteCount: 0)),
            ] {
                await #expect(throws: SiltstoneError.self) { try await table.aggregate(bad) }
            }
            for text in ["n", "n=count", "=count()", "n=median(f:n)", "p=percentile(f:n, x)"] {
                #expect(throws: SiltstoneError.self) { try Aggregation.Item(parsing: text) }
            }
        }
    }

    @Test("several rows at once, whether a row is there, and rows in pieces")
    func many() async throws {
        try await withRows { table in
            let rows = try await table.get(["a#1", "nothing", "c#3"], .columns("f:n"))
            let values: [Bytes?] = rows.map { $0?["f:n"]?.value }
            let expected: [Bytes?] = ["1", nil, "3"]
            #expect(values == expected)
            #expect(try await table.exists("b#1"))
            #expect(try await !table.exists("b#1", .columns("f:x")))
            #expect(try await !table.exists("b#"))
            var pieces: [String] = []
            for try await row in table.scan("b#1"..<"b#11").batch(2).limit(2) {
                pieces.append("\(row.key) \(row.cells.map { "\($0.column)" })")
            }
            let wanted = [
                "b#1 [\"f:n\", \"g:big\"]", "b#10 [\"f:n\", \"f:x\"]", "b#10 [\"g:big\"]",
            ]
            #expect(pieces == wanted)
        }
    }
}

/// Away from tasks: the calls block.
private func blockingTotals(_ table: BlockingTable, _ aggregation: Aggregation) throws
    -> [Aggregation.Group]
{
    try table.aggregate(aggregation)
}
