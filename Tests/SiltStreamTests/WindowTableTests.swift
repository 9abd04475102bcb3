import Foundation
import SiltStream
import Testing

/// Whole data sets against answers computed elsewhere, when they are at hand.
@Suite struct WindowTableTests {
    static let shared: URL =
        ProcessInfo.processInfo.environment["SILT_SHARED"].map { URL(fileURLWithPath: $0) }
        ?? URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("shared")

    struct Table {
        let name: String
        let data: String
        let shape: WindowSpec.Shape
        let watermark: WatermarkSpec
        let aggregates: [AggregateSpec]
    }

    static let tables = [
        Table(
            name: "nab_l1_tumble_1h_d30m", data: "nab_aws_disordered",
            shape: .tumbling(sizeMilliseconds: 3_600_000),
            watermark: WatermarkSpec(outOfOrderMilliseconds: 1_800_000),
            aggregates: [
                AggregateSpec(name: "n", .count), AggregateSpec(name: "sum", .sum, column: 0),
                AggregateSpec(name: "max", .max, column: 0),
            ]),
        Table(
            name: "nab_l2_tumble_1h_d30m_l2h", data: "nab_aws_disordered",
            shape: .tumbling(sizeMilliseconds: 3_600_000),
            watermark: WatermarkSpec(
                outOfOrderMilliseconds: 1_800_000, allowedLatenessMilliseconds: 7_200_000),
            aggregates: [
                AggregateSpec(name: "n", .count), AggregateSpec(name: "sum", .sum, column: 0),
                AggregateSpec(name: "max", .max, column: 0),
            ]),
        Table(
            name: "nab_t1_tumble_1h", data: "nab_metrics",
            shape: .tumbling(sizeMilliseconds: 3_600_000), watermark: .explicit(),
            aggregates: [
                AggregateSpec(name: "n", .count), AggregateSpec(name: "sum", .sum, column: 0),
                AggregateSpec(name: "min", .min, column: 0),
                AggregateSpec(name: "max", .max, column: 0),
                AggregateSpec(name: "avg", .average, column: 0),
                AggregateSpec(name: "first", .first, column: 0),
                AggregateSpec(name: "last", .last, column: 0),
            ]),
        Table(
            name: "nab_t3_session_30m", data: "nab_metrics",
            shape: .session(gapMilliseconds: 1_800_000), watermark: .explicit(),
            aggregates: [
                AggregateSpec(name: "n", .count), AggregateSpec(name: "sum", .sum, column: 0),
            ]),
    ]

    static func lines(_ path: String) -> [Substring.UTF8View.SubSequence] {
        guard let text = try? Data(contentsOf: shared.appendingPathComponent(path)) else {
            return []
        }
        return Substring(String(decoding: text, as: UTF8.self)).utf8.split(separator: 10)
    }

    static func feed(_ table: Table) throws -> (output: WindowOutput, count: Int) {
        var stream = try WindowOperator(
            windows: [WindowSpec(name: "w", table.shape)], aggregates: table.aggregates,
            watermark: table.watermark)
        var output = WindowOutput()
        var batch = EventBatch(columnCount: 1)
        var count = 0
        for line in lines("data/\(table.data).ndjson") {
            let parts = line.split(separator: UInt8(ascii: "\""), omittingEmptySubsequences: false)
            // {"ts":N,"group":"…","series":"…","value":N}
            let ts = try #require(Int64(Substring(parts[2].dropFirst().dropLast())))
            let value = try #require(Double(Substring(parts[12].dropFirst().dropLast())))
            batch.timestamps.append(ts)
            batch.keyIDs.append(stream.keys.intern(Array(parts[9])))
            batch.offsets.append(Int64(count))
            batch.columns[0].append(value)
            count += 1
            if batch.count == 4096 {
                stream.process(batch, into: &output)
                batch.removeAll()
            }
        }
        stream.process(batch, into: &output)
        stream.finish(into: &output)
        return (output, count)
    }

    /// All tables when a long run is asked for; else the one with late events and rows given again.
    static let chosen =
        ProcessInfo.processInfo.environment["SILT_STEPS"] == nil ? 1..<2 : tables.indices

    @Test("whole data sets give the known rows, firings and late events", arguments: chosen)
    func table(_ index: Int) throws {
        let table = WindowTableTests.tables[index]
        let expected = WindowTableTests.lines("conformance/tables/\(table.name).csv").dropFirst()
        guard !expected.isEmpty else { return }
        let (output, _) = try WindowTableTests.feed(table)
        var latest: [String: WindowRow] = [:]
        for row in output.rows {
            latest["\(String(decoding: row.key, as: UTF8.self)),\(row.start),\(row.end)"] = row
        }
        #expect(latest.count == expected.count)
        var wrong = 0
        for line in expected {
            let fields = line.split(separator: UInt8(ascii: ",")).map { String(Substring($0)) }
            guard let row = latest[fields[0...2].joined(separator: ",")] else {
                wrong += 1
                continue
            }
            for (value, text) in zip(row.values, fields[3...]) {
                let got = WindowModel.number(value) ?? .nan
                let wanted = Double(text) ?? .nan
                if abs(got - wanted) > 1e-9 * max(abs(wanted), 1e-300) { wrong += 1 }
            }
            if fields.count > 3 + row.values.count, fields.last != "\(row.revision + 1)" {
                wrong += 1
            }
        }
        #expect(wrong == 0)
        let late = WindowTableTests.lines("conformance/tables/\(table.name)_late.csv").dropFirst()
        let lateCount = late.reduce(0) { count, line in
            count + (Int(Substring(line.split(separator: UInt8(ascii: ","))[1])) ?? 0)
        }
        #expect(output.late.count == lateCount)
    }
}
