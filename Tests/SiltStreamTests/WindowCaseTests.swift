import Foundation
import SiltModel
import SiltStream
import Testing

/// Runs the neutral window cases, written from other systems' tests, when they are at hand.
@Suite struct WindowCaseTests {
    struct Case {
        let id: String
        let fields: [String: Any]
    }

    static func load() throws -> [Case] {
        let environment = ProcessInfo.processInfo.environment
        let root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let shared =
            environment["SILT_SHARED"].map { URL(fileURLWithPath: $0) }
            ?? root.deletingLastPathComponent().appendingPathComponent("shared")
        let file = shared.appendingPathComponent("conformance/windows/cases.jsonl")
        guard let text = try? String(contentsOf: file, encoding: .utf8) else { return [] }
        return try text.split(separator: "\n").map { line in
            let parsed = try JSONSerialization.jsonObject(with: Data(line.utf8))
            let fields = try #require(parsed as? [String: Any])
            return Case(id: try #require(fields["id"] as? String), fields: fields)
        }
    }

    static func shape(_ window: [String: Any]) -> WindowSpec.Shape? {
        func number(_ name: String) -> Int64 { (window[name] as? NSNumber)?.int64Value ?? 0 }
        switch window["kind"] as? String {
        case "tumbling":
            return .tumbling(
                sizeMilliseconds: number("size_ms"), offsetMilliseconds: number("offset_ms"))
        case "sliding":
            return .hopping(
                sizeMilliseconds: number("size_ms"), slideMilliseconds: number("slide_ms"),
                offsetMilliseconds: number("offset_ms"))
        case "session":
            return window["touch"] as? String == "split"
                ? nil : .session(gapMilliseconds: number("gap_ms"))
        case "cumulate":
            return .cumulate(
                sizeMilliseconds: number("size_ms"), stepMilliseconds: number("step_ms"),
                offsetMilliseconds: number("offset_ms"))
        default: return nil
        }
    }

    static func value(_ raw: Any?) -> AggregateValue {
        switch raw {
        case let text as String: return .bytes(Array(text.utf8))
        case let number as NSNumber:
            let double = number.doubleValue
            return double == double.rounded() && abs(double) < 1e18 || abs(double) > 1e18
                ? .int(number.int64Value) : .double(double)
        default: return .null
        }
    }

    /// The functions of a case that exist here, with their names.
    static func functions(_ fields: [String: Any]) -> [(String, AggregateFunction, String?)] {
        let known: [String: AggregateFunction] = [
            "count": .count, "count_field": .count, "sum": .sum, "min": .min, "max": .max,
            "avg": .average, "first": .first, "last": .last, "min_ts": .min, "max_ts": .max,
        ]
        return (fields["aggs"] as? [[String: Any]] ?? []).compactMap { aggregate in
            guard let name = aggregate["as"] as? String, let fn = aggregate["fn"] as? String,
                let function = known[fn]
            else { return nil }
            let field = fn.hasSuffix("_ts") ? "ts" : aggregate["field"] as? String ?? "value"
            return (name, function, fn == "count" ? nil : field)
        }
    }

    static func text(_ value: Any?) -> String {
        switch value {
        case nil: "null"
        case let value as AggregateValue:
            switch value {
            case .int(let int): "\(Double(int))"
            case .double(let double): "\(double)"
            case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
            case .null: "null"
            case .list, .entries: String(decoding: value.text ?? [], as: UTF8.self)
            case .error(let error): error.rawValue
            }
        case let value as String: value
        case let value as NSNumber: "\(value.doubleValue)"
        default: "null"
        }
    }

    @Test("refuses what every system refuses")
    func refusals() throws {
        for one in try WindowCaseTests.load() where one.fields["expect_error"] as? Bool == true {
            let window = one.fields["window"] as? [String: Any] ?? [:]
            guard let shape = WindowCaseTests.shape(window) else { continue }
            #expect(throws: SiltstoneError.self, "\(one.id)") {
                try WindowSpec(name: "w", shape).validate()
            }
        }
    }

    @Test("gives the rows and late events of the neutral cases")
    func cases() throws {
        var count = 0
        for one in try WindowCaseTests.load() where one.fields["expect_error"] == nil {
            if try run(one) { count += 1 }
        }
        print("window cases run: \(count)")
    }

    private func run(_ one: Case) throws -> Bool {
        let fields = one.fields
        let events = fields["events"] as? [[String: Any]] ?? []
        guard let shape = WindowCaseTests.shape(fields["window"] as? [String: Any] ?? [:]),
            fields["on_fire"] as? String == "accumulate", fields["post"] == nil,
            !events.contains(where: { $0["gap_ms"] != nil })
        else { return false }
        let functions = WindowCaseTests.functions(fields)
        let rule = fields["watermark"] as? [String: Any] ?? [:]
        let driver = StreamDriver(
            windows: [WindowSpec(name: "w", shape)],
            aggregates: functions.enumerated().map { index, one in
                AggregateSpec(name: one.0, one.1, column: one.2 == nil ? nil : index)
            },
            watermark: WatermarkSpec(
                outOfOrderMilliseconds: (rule["out_of_orderness_ms"] as? NSNumber)?.int64Value,
                allowedLatenessMilliseconds: (fields["allowed_lateness_ms"] as? NSNumber)?
                    .int64Value
                    ?? 0), columnCount: functions.count)
        let items = events.map { event in
            if let watermark = event["watermark"] as? NSNumber {
                return StreamItem.watermark(watermark.int64Value)
            }
            guard let ts = event["ts"] as? NSNumber else { return .watermark(.min) }
            return .event(
                ts: ts.int64Value, key: WindowCaseTests.text(event["key"]),
                values: functions.map { WindowCaseTests.value($0.2.flatMap { event[$0] }) })
        }
        let result = try driver.runEveryWay(items)
        let late = (fields["late"] as? [NSNumber] ?? []).map(\.int64Value)
        #expect(result.late.sorted() == late.sorted(), "\(one.id)")
        compare(one, result, functions.map(\.0))
        return true
    }

    private func compare(_ one: Case, _ result: StreamResult, _ names: [String]) {
        let isFinal = one.fields["compare"] as? String == "final"
        var latest: [String: String] = [:]
        var emitted: [String] = []
        for row in result.rows {
            let window = "\(row.key) \(row.start) \(row.end)"
            let values = row.values.map { WindowCaseTests.text($0) }.joined(separator: ",")
            latest[window] = values
            emitted.append("\(window) \(values)")
        }
        for row in result.superseded where isFinal {
            latest["\(row.key) \(row.start) \(row.end)"] = nil
        }
        let expected = (one.fields["expected"] as? [[String: Any]] ?? []).map { row in
            let values = row["values"] as? [String: Any] ?? [:]
            let start = (row["window_start"] as? NSNumber)?.int64Value ?? 0
            let end = (row["window_end"] as? NSNumber)?.int64Value ?? 0
            let texts = names.map { WindowCaseTests.text(values[$0]) }.joined(separator: ",")
            return "\(WindowCaseTests.text(row["key"])) \(start) \(end) \(texts)"
        }
        let got = isFinal ? latest.map { "\($0.key) \($0.value)" } : emitted
        #expect(got.sorted() == expected.sorted(), "\(one.id)")
    }
}
