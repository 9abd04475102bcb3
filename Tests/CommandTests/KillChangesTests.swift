import Foundation
import Testing

/// Kills `silt serve` while tables are written to, split, merged, indexed, kept, restored, backed up and altered.
///
/// `SILT_KILLS` says how often, `SILT_SEED` when.
@Suite("A server killed in the middle of changes")
struct KillChangesTests {
    private static let writerCount = 3

    private let scratch = Scratch()

    @Test("has the old or the new state of each change, and every acknowledged row")
    func kills() throws {
        let data = scratch.path("data")
        let kills = Program.number("SILT_KILLS", default: 4)
        let seed = Program.number("SILT_SEED", default: 17)
        print("kill -9 in the middle of changes: kills=\(kills) seed=\(seed)")
        var random = SplitMix(state: UInt64(seed))
        try Program.succeed("table", "create", "t", "-f", "a", "--split-at", "w2", "--data", data)
        try Program.succeed("table", "create", "r", "-f", "a", "--split-at", "r5", "--data", data)
        let ledger = SharedLedger()
        let backups = scratch.path("backups")
        var server = try Server(data: data, "--backup-dir", backups)
        try prepare(WebRequest(server.url))
        for round in 0..<kills {
            load(server, ledger, round, &random)
            server.kill()
            let check = try Program.succeed("check", "--data", data)
            #expect(check.lines.last == "no damage", "round=\(round)")
            let verified = try Program.succeed("backup", "verify", "--in", backups)
            #expect(verified.lines.last == "no damage", "round=\(round)")
            server = try Server(data: data, "--backup-dir", backups)
            let wrong = Verification(server: WebRequest(server.url), ledger: ledger).run()
            #expect(wrong.prefix(20) == [], "round=\(round) seed=\(seed)")
        }
        #expect(server.stop() == 0)
        let (puts, changes) = ledger.withLock { ($0.putCount, $0.changes) }
        let words = changes.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        print(
            "kill -9 in the middle of changes: \(puts) puts, "
                + words.joined(separator: ", ") + " acknowledged")
        #expect(puts > 0 && changes.count > 3)
    }

    /// Gives the table that is restored its rows and an index.
    private func prepare(_ server: WebRequest) throws {
        #expect(server.send("POST", "/v1/tables/r/rows", TableChanger.lines(0)).isDone)
        #expect(
            server.send("PUT", "/v1/tables/r/indexes/a:v", "{\"order\": \"text\"}").isDone)
    }

    /// Writes and changes for a moment that the seed chooses.
    ///
    /// Threads of their own: the pool of the test process may be busy with other tests.
    private func load(
        _ server: Server, _ ledger: SharedLedger, _ round: Int, _ random: inout SplitMix
    ) {
        let url = server.url
        let ended = DispatchGroup()
        for writer in 0..<Self.writerCount {
            ended.enter()
            Thread.detachNewThread {
                Self.write(WebRequest(url), writer, round, ledger)
                ended.leave()
            }
        }
        let moments = SplitMix(state: random.next())
        ended.enter()
        Thread.detachNewThread {
            var changer = TableChanger(url, ledger, round: round + 1, moments)
            changer.run()
            ended.leave()
        }
        let before = changeCount(ledger)
        let target = before + 4 + Int(random.next() % 12)
        let deadline = Date().addingTimeInterval(60)
        while changeCount(ledger) < target, Date() < deadline { usleep(500) }
        // Somewhere in the middle of the next one.
        usleep(UInt32(random.next() % 60_000))
        server.kill()
        ended.wait()
    }

    private func changeCount(_ ledger: SharedLedger) -> Int {
        ledger.withLock { $0.changes.values.reduce(0, +) }
    }

    /// Puts rows until the server is gone: every tenth put overwrites an earlier row.
    private static func write(
        _ server: WebRequest, _ writer: Int, _ round: Int, _ ledger: SharedLedger
    ) {
        for number in 0..<1_000_000 {
            let row = "w\(writer)-\(round)-\(number % 10 == 9 ? number - 5 : number)"
            let version = ledger.withLock { (ledger: inout ChangeLedger) in
                let version = (ledger.acknowledged[row] ?? 0) + 1
                ledger.pending[row] = version
                return version
            }
            let body = "{\"a:v\": \"\(version)\", \"a:kind\": \"\(version % 2)\"}"
            guard server.send("PUT", "/v1/tables/t/rows/\(row)", body).isDone else { return }
            ledger.withLock { (ledger: inout ChangeLedger) in
                ledger.acknowledged[row] = version
                ledger.pending[row] = nil
                ledger.putCount += 1
            }
        }
    }
}

/// Compares what a server has after a kill with what the ledger allows.
private struct Verification {
    let server: WebRequest
    let ledger: SharedLedger
    private var wrong: [String] = []

    init(server: WebRequest, ledger: SharedLedger) {
        self.server = server
        self.ledger = ledger
    }

    /// - Returns: what is wrong, in words.
    consuming func run() -> [String] {
        let tables = server.send("GET", "/v1/tables").document["tables"] as? [Any] ?? []
        if tables.count != 2 { wrong.append("tables that should not be there: \(tables)") }
        verifyRows()
        verifyIndex()
        verifyFamilies()
        verifyRegions()
        verifySnapshots()
        verifyBackups()
        verifyGeneration()
        return wrong
    }

    /// The rows of a table with their versions; those out of order, doubled or half are wrong.
    private mutating func versions(_ table: String) -> [String: Int] {
        guard let rows = server.rows(table) else {
            wrong.append("no answer table=\(table)")
            return [:]
        }
        var found: [String: Int] = [:]
        for (index, row) in rows.enumerated() {
            if index > 0, rows[index - 1].row >= row.row {
                wrong.append("rows are not in order table=\(table) row=\(row.row)")
            }
            guard let version = row.columns["a:v"].flatMap({ Int($0) }),
                row.columns["a:kind"] == "\(version % 2)"
            else {
                wrong.append("half a row table=\(table) row=\(row.row)")
                continue
            }
            found[row.row] = version
        }
        return found
    }

    private mutating func verifyRows() {
        let found = versions("t")
        wrong += ledger.withLock { (ledger: inout ChangeLedger) in
            let sent = ledger.sent
            for name in Array(ledger.snapshots.keys) where ledger.snapshots[name]?.most == nil {
                ledger.snapshots[name]?.most = sent
            }
            for name in Array(ledger.backups.keys) where ledger.backups[name]?.most == nil {
                ledger.backups[name]?.most = sent
            }
            return ledger.settle(found)
        }
    }

    /// The index is there or not, and either way its rows are found.
    private mutating func verifyIndex() {
        let answer = server.send("GET", "/v1/tables/t/indexes").document
        let indexes = answer["indexes"] as? [Any] ?? []
        let isPossible = ledger.withLock { (ledger: inout ChangeLedger) in
            ledger.isIndexed.settle(!indexes.isEmpty)
        }
        if !isPossible { wrong.append("index is neither as before nor as asked for: \(indexes)") }
        let all = server.rows("t") ?? []
        for kind in ["0", "1"] {
            let answer = server.rows("t", "where=a%3Akind%20%3D%20'\(kind)'")
            let expected = all.filter { $0.columns["a:kind"] == kind }.map(\.row)
            if answer?.map(\.row) != expected {
                wrong.append("index differs from the rows kind=\(kind)")
            }
        }
    }

    private mutating func verifyFamilies() {
        let answer = server.send("GET", "/v1/tables/t").document
        let families = answer["families"] as? [String: Any] ?? [:]
        let isPossible = ledger.withLock { (ledger: inout ChangeLedger) in
            ledger.hasSecondFamily.settle(families["b"] != nil)
        }
        if !isPossible || families["a"] == nil {
            wrong.append("families are neither as before nor as asked for: \(families.keys)")
        }
    }

    /// The regions follow one another without gap.
    private mutating func verifyRegions() {
        for table in ["t", "r"] {
            let answer = server.send("GET", "/v1/tables/\(table)/regions").document
            let regions = answer["regions"] as? [[String: Any]] ?? []
            let starts = regions.map { $0["start"] as? String ?? "" }
            let ends = regions.map { $0["end"] as? String ?? "" }
            if regions.isEmpty || starts != [""] + ends.dropLast() || ends.last != "" {
                wrong.append("regions have gaps table=\(table) starts=\(starts) ends=\(ends)")
            }
        }
    }

    /// Every snapshot that should be there is, and a clone of it holds what was there at one moment.
    private mutating func verifySnapshots() {
        let answer = server.send("GET", "/v1/snapshots").document
        let names = Set(
            (answer["snapshots"] as? [[String: Any]] ?? []).compactMap { $0["snapshot"] as? String }
        )
        let lost = ledger.withLock { (ledger: inout ChangeLedger) in
            var lost = ledger.kept.keys.filter { !names.contains($0) }
            for name in Array(ledger.snapshots.keys) {
                if ledger.snapshots[name]?.isThere.settle(names.contains(name)) == false {
                    lost.append(name)
                }
            }
            return lost
        }
        if !lost.isEmpty { wrong.append("snapshots are gone, or there again: \(lost)") }
        for name in names.filter({ $0.hasPrefix("t-") }).sorted() {
            let path = "/v1/snapshots/\(name)/clone"
            guard server.send("POST", path, "{\"table\": \"copy\"}").isDone else {
                wrong.append("no clone of snapshot=\(name)")
                continue
            }
            let found = versions("copy")
            wrong += ledger.withLock { (ledger: inout ChangeLedger) in
                ledger.compare(name, ledger.snapshots[name], found)
            }
            if !server.send("DELETE", "/v1/tables/copy").isDone {
                wrong.append("clone is not dropped")
            }
        }
    }

    /// The same for backups, of which tables are made.
    private mutating func verifyBackups() {
        let answer = server.send("GET", "/v1/backups").document
        let names = Set(
            (answer["backups"] as? [[String: Any]] ?? []).compactMap { $0["backup"] as? String })
        let lost = ledger.withLock { (ledger: inout ChangeLedger) in
            Array(ledger.backups.keys).filter {
                ledger.backups[$0]?.isThere.settle(names.contains($0)) == false
            }
        }
        if !lost.isEmpty { wrong.append("backups are gone, or there again: \(lost)") }
        for name in names.sorted() {
            let what = "{\"table\": \"t\", \"backup\": \"\(name)\", \"as\": \"copy\"}"
            guard server.send("POST", "/v1/backups/restore", what).isDone else {
                wrong.append("no table of backup=\(name)")
                continue
            }
            let found = versions("copy")
            wrong += ledger.withLock { (ledger: inout ChangeLedger) in
                ledger.compare(name, ledger.backups[name], found)
            }
            if !server.send("DELETE", "/v1/tables/copy").isDone {
                wrong.append("restored table is not dropped")
            }
        }
    }

    /// All rows of the restored table are of one generation, and its index says the same.
    private mutating func verifyGeneration() {
        let rows = server.rows("r") ?? []
        let found = Set(rows.compactMap { $0.columns["a:v"] })
        guard rows.count == TableChanger.rowCount, found.count == 1,
            let generation = found.first.flatMap({ Int($0) })
        else { return wrong.append("restored table is of no one generation: \(rows)") }
        let isPossible = ledger.withLock { (ledger: inout ChangeLedger) in
            ledger.generation.settle(generation)
        }
        if !isPossible { wrong.append("generation is neither old nor new: \(generation)") }
        let answer = server.rows("r", "where=a%3Av%20%3D%20'\(generation)'")
        if answer?.count != TableChanger.rowCount {
            wrong.append("index of the restored table finds \(answer?.count ?? -1) rows")
        }
        let indexes = server.send("GET", "/v1/tables/r/indexes").document["indexes"] as? [Any] ?? []
        if indexes.count != 1 { wrong.append("restored table has indexes: \(indexes)") }
    }
}
