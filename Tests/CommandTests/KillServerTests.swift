import Foundation
import Synchronization
import Testing

/// Kills `silt serve` under concurrent puts, while regions split and merge.
///
/// `SILT_KILLS` says how often, `SILT_SEED` when.
@Suite("A killed server")
struct KillServerTests: Sendable {
    private static let writerCount = 8

    private let scratch = Scratch()

    /// What the writers know.
    private struct Entries {
        /// The acknowledged version of each row.
        var acknowledged: [String: Int] = [:]
        /// The version sent to each row and not acknowledged.
        var pending: [String: Int] = [:]
        /// The puts acknowledged so far.
        var putCount = 0
        /// The splits and merges acknowledged so far.
        var changeCount = 0
    }

    /// The same, shared by the writers.
    private final class Ledger: Sendable {
        private let entries = Mutex(Entries())

        func withLock<Result: Sendable>(_ body: (inout Entries) -> Result) -> Result {
            entries.withLock { body(&$0) }
        }
    }

    @Test("keeps every acknowledged put, and no row half")
    func kills() throws {
        let data = scratch.path("data")
        let kills = Program.number("SILT_KILLS", default: 4)
        let seed = Program.number("SILT_SEED", default: 11)
        print("kill -9 of the server: kills=\(kills) seed=\(seed)")
        var random = SplitMix(state: UInt64(seed))
        try Program.succeed(
            "table", "create", "t", "-f", "a", "-f", "b", "--split-at", "w4", "--data", data)
        let ledger = Ledger()
        for round in 0..<kills {
            let server = try Server(data: data)
            let before = ledger.withLock { $0.putCount }
            let target = before + 20 + Int(random.next() % 200)
            // Threads of their own: the pool of the test process may be busy with other tests.
            let url = server.url
            let ended = DispatchGroup()
            for writer in 0..<Self.writerCount {
                ended.enter()
                Thread.detachNewThread {
                    Self.write(to: url, writer, round, ledger)
                    ended.leave()
                }
            }
            ended.enter()
            let moments = random.next()
            Thread.detachNewThread {
                Self.change(url, SplitMix(state: moments), ledger)
                ended.leave()
            }
            let deadline = Date().addingTimeInterval(60)
            while ledger.withLock({ $0.putCount }) < target, Date() < deadline { usleep(500) }
            server.kill()
            ended.wait()
            try verify(data, ledger)
            #expect(ledger.withLock { $0.putCount } >= target, "puts are too slow round=\(round)")
        }
        let (puts, changes) = ledger.withLock { ($0.putCount, $0.changeCount) }
        print("kill -9 of the server: \(puts) puts, \(changes) splits and merges acknowledged")
        #expect(changes > 0)
        let check = try Program.succeed("check", "--data", data)
        #expect(check.lines.last == "no damage")
    }

    /// Puts rows until the server is gone: every tenth put overwrites an earlier row.
    private static func write(to url: String, _ writer: Int, _ round: Int, _ ledger: Ledger) {
        let server = WebRequest(url)
        for number in 0..<1_000_000 {
            let row = "w\(writer)-\(round)-\(number % 10 == 9 ? number - 5 : number)"
            let version = ledger.withLock { (ledger: inout Entries) in
                let version = (ledger.acknowledged[row] ?? 0) + 1
                ledger.pending[row] = version
                return version
            }
            guard put(row, version, to: server) else { return }
            ledger.withLock { (ledger: inout Entries) in
                ledger.acknowledged[row] = version
                ledger.pending[row] = nil
                ledger.putCount += 1
            }
        }
    }

    /// Puts a row of three cells in two families.
    ///
    /// - Returns: whether it was acknowledged.
    private static func put(_ row: String, _ version: Int, to server: WebRequest) -> Bool {
        let text = String(repeating: "\(row)/\(version) ", count: 20)
        let body =
            "{\"a:v\": \"\(version)\", \"a:text\": \"\(text)\", \"b:v\": \"\(version)\"}"
        return server.send("PUT", "/v1/tables/t/rows/\(row)", body).isDone
    }

    /// Splits and merges the table's regions until the server is gone.
    private static func change(_ url: String, _ moments: SplitMix, _ ledger: Ledger) {
        let server = WebRequest(url)
        var random = moments
        let table = "/v1/tables/t"
        while true {
            let found = server.send("GET", "\(table)/regions")
            if found.status == 0 { return }
            let regions = (found.document["regions"] as? [[String: Any]] ?? [])
                .compactMap { $0["id"] as? String }
            let result: WebRequest.Answer
            if regions.count > 5 || regions.count > 1 && random.next() % 2 == 0 {
                let first = Int(random.next() % UInt64(regions.count - 1))
                let what =
                    "{\"first\": \"\(regions[first])\", \"second\": \"\(regions[first + 1])\"}"
                result = server.send("POST", "\(table)/merge", what)
            } else {
                let row = "w\(random.next() % 8)-\(random.next() % 4)-\(random.next() % 10)"
                result = server.send("POST", "\(table)/split", "{\"at\": \"\(row)\"}")
            }
            if result.status == 0 { return }
            if result.isDone {
                ledger.withLock { (ledger: inout Entries) in ledger.changeCount += 1 }
            }
        }
    }

    /// Opens the directory, reads all rows and compares them with what was acknowledged.
    private func verify(_ data: String, _ ledger: Ledger) throws {
        let scan = try Program.succeed(
            "scan", "t", "--columns", "a:v,b:v,a:text", "--format", "csv", "--data", data)
        var found: [String: Int] = [:]
        var wrong: [String] = []
        for line in scan.lines.dropFirst() {
            let fields = line.split(separator: ",", omittingEmptySubsequences: false)
            guard fields.count == 4, fields[1] == fields[2], let version = Int(fields[1]),
                fields[3] == String(repeating: "\(fields[0])/\(version) ", count: 20)
            else {
                wrong.append("half a row: \(line)")
                continue
            }
            found[String(fields[0])] = version
        }
        wrong += ledger.withLock { (ledger: inout Entries) in
            var wrong: [String] = []
            for (row, version) in ledger.acknowledged where found[row] != version {
                if let there = found[row], there == ledger.pending[row] { continue }
                wrong.append("acknowledged, but lost row=\(row) version=\(version)")
            }
            for (row, version) in found where ledger.acknowledged[row] != version {
                if ledger.pending[row] != version {
                    wrong.append("never sent row=\(row) version=\(version)")
                }
                // What is there now stays there.
                ledger.acknowledged[row] = version
            }
            ledger.pending.removeAll()
            return wrong
        }
        #expect(wrong == [])
    }
}

/// A small generator, so that a seed repeats a run's moments.
struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }
}
