import Foundation
import Testing

/// A job whose input is garbage for a good part.
///
/// `SILT_GOOD` and `SILT_GARBAGE` say how many lines of each kind; the acceptance has 1,000,000 and 100,000.
@Suite("Garbage among events")
struct GarbageTests {
    private let scratch = Scratch()

    /// A line that is no event, and what its reason must say.
    private static func garbage(_ index: Int, _ random: inout SplitMix) -> (
        line: [UInt8], reason: String
    ) {
        let noise = (0..<8).map { _ in UInt8(0x21 + random.next() % 90) }
        switch index % 8 {
        case 0: return (Array("garbage \(index) ".utf8) + noise, "not a JSON object")
        case 1: return (Array("{\"ts\":\(index),\"k\":\"a\"".utf8), "after a member")
        case 2: return (Array("{\"k\":\"a\",\"v\":\(index)}".utf8), "event time ts is missing")
        case 3:
            return (Array("{\"ts\":\"soon \(index)\",\"k\":\"a\",\"v\":1}".utf8), "event time ts")
        case 4: return (Array("{\"ts\":\(index),\"k\":\"a\",\"v\":\"much\"}".utf8), "aggregate")
        case 5:
            return (
                Array("{\"ts\":1,\"k\":\"".utf8) + [0xff, 0xfe] + Array("\(index)\"}".utf8), "UTF-8"
            )
        case 6: return ([0x00, 0x01, 0x7f] + Array("\(index)".utf8), "not a JSON object")
        default:
            return (
                Array("[\(index),".utf8) + Array(repeating: UInt8(ascii: "9"), count: 200),
                "not a JSON object"
            )
        }
    }

    private struct Input {
        var good = 0
        /// The bad lines by their offsets.
        var bad: [Int: (line: [UInt8], reason: String)] = [:]
    }

    private func write(_ name: String, good: Int, garbage: Int) throws -> Input {
        var random = SplitMix(state: 11)
        var bytes: [UInt8] = []
        var input = Input()
        let file = try scratch.create(name)
        var offset = 0
        let all = good + garbage
        for index in 0..<all {
            let isBad = (index + 1) * garbage / all > index * garbage / all
            if isBad {
                let (line, reason) = Self.garbage(input.bad.count, &random)
                input.bad[offset + bytes.count] = (line, reason)
                bytes += line
            } else {
                bytes += "{\"ts\":\(input.good * 10),\"k\":\"k\(input.good % 10)\",\"v\":1}".utf8
                input.good += 1
            }
            bytes.append(0x0a)
            if bytes.count > 1 << 20 || index == all - 1 {
                try file.write(contentsOf: Data(bytes))
                offset += bytes.count
                bytes.removeAll(keepingCapacity: true)
            }
        }
        try file.close()
        return input
    }

    /// Runs the job; the most memory that it had, in KiB.
    private func run(_ name: String) throws -> Int {
        let job = """
            job: garbage
            source: {file: in.ndjson, format: ndjson}
            time: {field: ts, unit: ms, out_of_order: 1s}
            key: [k]
            windows: [{name: w, tumble: 10s}]
            aggregates: {n: count(), s: sum(v)}
            into: {table: good, row: "{key}#{window.start}", family: w}
            bad_records: {table: bad}
            """
        try Data(job.utf8).write(to: scratch.url("job.yaml"))
        let process = try Program.start(
            Program.silt,
            [
                "job", "run", scratch.path("job.yaml"), "--input", scratch.path(name), "--data",
                scratch.path(name + ".data"),
                // Memtables fill up to their share of it; nothing else may grow.
                "--memory", "67108864",
            ], scratch)
        var most = 0
        while process.isRunning {
            let status =
                (try? String(
                    contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8))
                ?? ""
            let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") } ?? ""
            most = max(most, line.split(separator: " ").compactMap { Int($0) }.first ?? 0)
            usleep(5000)
        }
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(scratch.text("errors"))")
        return most
    }

    @Test(
        "good lines are counted exactly, each bad one is kept with its reason, in a memory that does not grow with them"
    )
    func kept() throws {
        let good = Program.number("SILT_GOOD", default: 60_000)
        let garbage = Program.number("SILT_GARBAGE", default: 6000)
        let few = try write("few.ndjson", good: good, garbage: garbage / 10)
        let before = try run("few.ndjson")
        let input = try write("many.ndjson", good: good, garbage: garbage)
        let after = try run("many.ndjson")
        print(
            "garbage: \(few.bad.count) bad lines of \(good + few.bad.count): \(before >> 10) MiB; \(input.bad.count): \(after >> 10) MiB"
        )
        #expect(input.bad.count == garbage)
        #expect(scratch.text("output").contains("\(garbage) bad"))
        let data = scratch.path("many.ndjson.data")
        var counted = 0
        for line in try Program.succeed(
            "scan", "good", "--columns", "w:n", "--format", "csv", "--data", data
        ).lines.dropFirst() {
            counted += Int(line.split(separator: ",").last ?? "") ?? 0
        }
        #expect(counted == input.good)
        var left = input.bad
        for line in try Program.succeed("scan", "bad", "--format", "ndjson", "--data", data).lines {
            let row = try #require(
                try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            let cells = try #require(row["columns"] as? [String: Any])
            func bytes(_ name: String) -> [UInt8] {
                if let text = cells["e:" + name] as? String { return Array(text.utf8) }
                let other = (cells["e:" + name] as? [String: String])?["base64"]
                return Array(other.flatMap { Data(base64Encoded: $0) } ?? Data())
            }
            let offset = try #require(Int(String(decoding: bytes("offset"), as: UTF8.self)))
            let removed = left.removeValue(forKey: offset)
            let wanted = try #require(removed, "\(line)")
            #expect(bytes("raw") == wanted.line)
            let reason = String(decoding: bytes("reason"), as: UTF8.self)
            #expect(
                reason.contains(wanted.reason),
                "\(reason) for \(String(decoding: wanted.line, as: UTF8.self))")
        }
        #expect(left.isEmpty)
        // What the memtables may hold is bounded; all else is what a block and a batch need.
        #expect(after - before < 24 << 10, "\(before) KiB, then \(after) KiB")
    }
}
