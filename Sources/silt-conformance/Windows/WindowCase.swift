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
        for (field, what) in [("post", "post-processing")] where json[field] != nil {
            throw CaseUnsupported(what: what)
        }
        guard (json["on_fire"]?.stringValue ?? "accumulate") == "accumulate" else {
            throw CaseUnsupported(what: "discarding windows")
        }
        guard !events.contains(where: { $0["gap_ms"] != nil }) else {
            throw CaseUnsupported(what: "session gaps of single events")
        }
        let columns = try (json["aggs"]?.arrayValue ?? []).map { try WindowCaseColumn($0) }
        var drive = WindowCaseDrive(
            window: WindowSpec(name: "w", try shape()), columns: columns, watermark: watermark(),
            batchSeed: arguments.splitsRandomly ? arguments.seed : nil)
        try drive.run(events)
        return compare(drive, columns)
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
            if window["touch"]?.stringValue == "split" {
                throw CaseUnsupported(what: "sessions that touch and stay apart")
            }
            return .session(gapMilliseconds: number("gap_ms"))
        case "cumulate":
            return .cumulate(
                sizeMilliseconds: number("size_ms"), stepMilliseconds: number("step_ms"),
                offsetMilliseconds: number("offset_ms"))
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

    private func compare(_ drive: WindowCaseDrive, _ columns: [WindowCaseColumn]) -> [String] {
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
        let names = columns.map(\.name)
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
        if let table = json["final_table"]?.arrayValue {
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
