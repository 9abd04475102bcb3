import SiltModel
import SiltStream

/// Runs one case about event-time windows: events in, rows and late events out.
struct WindowCase {
    private let json: JSONValue
    private let arguments: ConformanceArguments

    init(_ one: ConformanceCase, _ arguments: ConformanceArguments) {
        json = one.json
        self.arguments = arguments
    }

    /// What did not come as expected; the case passes when there is nothing.
    func differences() -> [String] {
        do {
            if json["expect_error"] != nil, json["expect_error"] != false { return try refusal() }
            return try run()
        } catch let error as CaseUnsupported {
            return ["not built: \(error.what)"]
        } catch {
            return ["\(error)"]
        }
    }

    /// The window must be refused.
    private func refusal() throws -> [String] {
        let window = WindowSpec(name: "w", try shape())
        do throws(SiltstoneError) {
            try window.validate()
        } catch {
            return []
        }
        return ["expected a refusal, got none: \((json["window"] ?? .null).text)"]
    }

    private func run() throws -> [String] {
        let events = json["events"]?.arrayValue ?? []
        let columns = try (json["aggs"]?.arrayValue ?? []).map { try WindowCaseColumn($0) }
        let window = WindowSpec(
            name: "w", try shape(), discards: json["on_fire"]?.stringValue == "discard",
            rank: try rank())
        var delivery = WindowCaseDelivery(
            batchSeed: arguments.splitsRandomly ? arguments.seed : nil,
            partitions: arguments.partitions, restartsEach: arguments.restartsEach)
        // Which of equal values comes first depends on the partition.
        if columns.contains(where: { [.first, .last, .largest].contains($0.function) }) {
            delivery.partitions = 1
        }
        var drive = WindowCaseDrive(
            window: window, columns: columns, watermark: watermark(), delivery: delivery)
        try drive.run(events)
        return compare(drive, columns.map(\.name) + (window.rank == nil ? [] : ["rank"]))
    }

    private func rank() throws -> WindowSpec.Rank? {
        guard let post = json["post"], post != .null else { return nil }
        guard post["op"]?.stringValue == "rank_per_window", let by = post["by"]?.stringValue else {
            throw CaseUnsupported(what: "post-processing \(post.text)")
        }
        let first = Int(post["from"]?.integerValue ?? 1)
        let last = Int(post["to"]?.integerValue ?? .max)
        guard first <= last else { throw CaseUnsupported(what: "post-processing \(post.text)") }
        return WindowSpec.Rank(by: by, places: first...last)
    }

    private func shape() throws -> WindowSpec.Shape {
        let window = json["window"] ?? .null
        func number(_ name: String) -> Int64 { window[name]?.integerValue ?? 0 }
        switch window["kind"]?.stringValue {
        case "tumbling":
            return .tumbling(
                sizeMilliseconds: number("size_ms"), offsetMilliseconds: number("offset_ms"))
        case "sliding":
            return .hopping(
                sizeMilliseconds: number("size_ms"), slideMilliseconds: number("slide_ms"),
                offsetMilliseconds: number("offset_ms"))
        case "session":
            return .session(
                gapMilliseconds: number("gap_ms"),
                maximumMilliseconds: window["max_ms"]?.integerValue,
                joinsTouching: window["touch"]?.stringValue != "split")
        case "cumulate":
            return .cumulate(
                sizeMilliseconds: number("size_ms"), stepMilliseconds: number("step_ms"),
                offsetMilliseconds: number("offset_ms"))
        case "count":
            return .count(
                size: number("size"), slide: window["slide"]?.integerValue ?? number("size"))
        case "global": return .global
        case let kind: throw CaseUnsupported(what: "windows of kind \(kind ?? "none")")
        }
    }

    private func watermark() -> WatermarkSpec {
        let isBounded = json["watermark"]?["mode"]?.stringValue == "bounded"
        return WatermarkSpec(
            outOfOrderMilliseconds: isBounded
                ? json["watermark"]?["out_of_orderness_ms"]?.integerValue ?? 0 : nil,
            allowedLatenessMilliseconds: json["allowed_lateness_ms"]?.integerValue ?? 0)
    }

    private func compare(_ drive: WindowCaseDrive, _ names: [String]) -> [String] {
        var found: [String] = []
        func check(_ what: String, _ expected: [String], _ got: [String]) {
            let (expected, got) = (expected.sorted(), got.sorted())
            if expected == got { return }
            let missing = expected.filter { !got.contains($0) }
            let extra = got.filter { !expected.contains($0) }
            found.append(
                "\(what): \(expected.count) expected, \(got.count) got\n        expected and not got: "
                    + "\(missing.joined(separator: "; "))\n        got and not expected: "
                    + "\(extra.joined(separator: "; "))")
        }
        if let late = json["late"]?.arrayValue {
            check("late", late.map(\.text), drive.late.map { "\($0)" })
        }
        let mode = json["compare"]?.stringValue
        // Which event made a row fire is known only when events come one at a time.
        let hasMoment = mode == "emissions" && !arguments.splitsRandomly
        let wanted = (json["expected"]?.arrayValue ?? []).map { row in
            WindowCaseRow(row, names).text(withMoment: hasMoment)
        }
        if mode == "final" {
            check("rows", wanted, drive.table.map { $0.text(withMoment: false) })
        } else {
            check("rows", wanted, drive.rows.map { $0.text(withMoment: hasMoment) })
        }
        if let superseded = json["superseded"]?.arrayValue {
            check(
                "superseded", superseded.map { WindowCaseRow($0, names).place }, drive.superseded)
        }
        // A ranking leaves rows out of it, and count windows have no place in time.
        if let table = json["final_table"]?.arrayValue, json["window"]?["kind"] != "count" {
            check(
                "final table", table.map { WindowCaseRow($0, names).text(withMoment: false) },
                drive.table.map { $0.text(withMoment: false) })
        }
        return found
    }
}

extension JSONValue {
    /// The value as JSON.
    var text: String {
        var bytes: [UInt8] = []
        JSONWriter.append(self, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}
