import Foundation

/// Changes tables of a server, one change after the other, until the server is gone.
///
/// The table `t` is written to by others: it is split, merged, indexed, kept and altered. The table `r` has one writer,
/// this one, which gives all its rows another generation at once, keeps it and puts it back.
struct TableChanger {
    /// How many rows the table that is restored has.
    static let rowCount = 20
    private static let snapshotsMax = 3

    let server: WebRequest
    let ledger: SharedLedger
    var random: SplitMix
    private var number = 0

    init(_ url: String, _ ledger: SharedLedger, round: Int, _ random: SplitMix) {
        server = WebRequest(url)
        self.ledger = ledger
        self.random = random
        number = round * 1_000_000
    }

    /// Goes on until an answer stays away.
    mutating func run() {
        while change() {}
    }

    private mutating func pick(_ count: Int) -> Int { Int(random.next() % UInt64(count)) }

    /// - Returns: whether the server is there.
    private mutating func change() -> Bool {
        switch pick(11) {
        case 0, 1: split()
        case 2: merge()
        case 3: toggleIndex()
        case 4: toggleFamily()
        case 5: keep()
        case 6: dropSnapshot()
        case 7: writeGeneration()
        case 8: keepGeneration()
        case 9: backUp()
        default: restore()
        }
    }

    private func note(_ what: String, _ answer: WebRequest.Answer) -> Bool {
        if answer.isDone {
            ledger.withLock { (ledger: inout ChangeLedger) in
                ledger.changes[what, default: 0] += 1
            }
        }
        return answer.status != 0
    }

    private mutating func split() -> Bool {
        let row = "w\(pick(4))-\(pick(8))-\(pick(60))"
        return note(
            "split", server.send("POST", "/v1/tables/t/split", "{\"at\": \"\(row)\"}"))
    }

    private mutating func merge() -> Bool {
        let found = server.send("GET", "/v1/tables/t/regions")
        let regions = (found.document["regions"] as? [[String: Any]] ?? [])
            .compactMap { $0["id"] as? String }
        guard regions.count > 1 else { return found.status != 0 }
        let first = pick(regions.count - 1)
        let pair = "{\"first\": \"\(regions[first])\", \"second\": \"\(regions[first + 1])\"}"
        return note("merge", server.send("POST", "/v1/tables/t/merge", pair))
    }

    private func toggleIndex() -> Bool {
        let makes = ledger.withLock { (ledger: inout ChangeLedger) in
            let makes = !ledger.isIndexed.known
            ledger.isIndexed.ask(makes)
            return makes
        }
        let path = "/v1/tables/t/indexes/a:kind"
        let answer =
            makes ? server.send("PUT", path, "{\"order\": \"text\"}") : server.send("DELETE", path)
        ledger.withLock { (ledger: inout ChangeLedger) in ledger.isIndexed.hear(answer) }
        return note(makes ? "index" : "index drop", answer)
    }

    private func toggleFamily() -> Bool {
        let adds = ledger.withLock { (ledger: inout ChangeLedger) in
            let adds = !ledger.hasSecondFamily.known
            ledger.hasSecondFamily.ask(adds)
            return adds
        }
        let answer = server.send(
            "PATCH", "/v1/tables/t",
            adds ? "{\"families\": {\"b\": {\"versions\": 3}}}" : "{\"families\": {\"b\": null}}")
        ledger.withLock { (ledger: inout ChangeLedger) in ledger.hasSecondFamily.hear(answer) }
        return note(adds ? "family" : "family drop", answer)
    }

    private mutating func keep() -> Bool {
        number += 1
        let name = "t-\(number)"
        ledger.withLock { (ledger: inout ChangeLedger) in
            var snapshot = ChangeLedger.Snapshot(least: ledger.acknowledged)
            snapshot.isThere.ask(true)
            ledger.snapshots[name] = snapshot
        }
        let answer = server.send("PUT", "/v1/snapshots/\(name)", "{\"table\": \"t\"}")
        ledger.withLock { (ledger: inout ChangeLedger) in
            let sent = ledger.sent
            ledger.snapshots[name]?.most = sent
            ledger.snapshots[name]?.isThere.hear(answer)
        }
        return note("snapshot", answer)
    }

    private mutating func backUp() -> Bool {
        number += 1
        let name = "b-\(number)"
        ledger.withLock { (ledger: inout ChangeLedger) in
            var backup = ChangeLedger.Snapshot(least: ledger.acknowledged)
            backup.isThere.ask(true)
            ledger.backups[name] = backup
        }
        let answer = server.send("PUT", "/v1/backups/\(name)", "{\"tables\": [\"t\"]}")
        ledger.withLock { (ledger: inout ChangeLedger) in
            let sent = ledger.sent
            ledger.backups[name]?.most = sent
            ledger.backups[name]?.isThere.hear(answer)
        }
        return note("backup", answer) && dropBackup()
    }

    /// Drops one of the backups when there are many.
    private mutating func dropBackup() -> Bool {
        let names = ledger.withLock { (ledger: inout ChangeLedger) in
            ledger.backups.filter { $0.value.isThere.known }.map(\.key).sorted()
        }
        guard names.count > Self.snapshotsMax else { return true }
        let name = names[pick(names.count)]
        ledger.withLock { (ledger: inout ChangeLedger) in ledger.backups[name]?.isThere.ask(false) }
        let answer = server.send("DELETE", "/v1/backups/\(name)")
        ledger.withLock { (ledger: inout ChangeLedger) in
            ledger.backups[name]?.isThere.hear(answer)
        }
        return note("backup drop", answer)
    }

    private mutating func dropSnapshot() -> Bool {
        let names = ledger.withLock { (ledger: inout ChangeLedger) in
            ledger.snapshots.filter { $0.value.isThere.known }.map(\.key).sorted()
        }
        guard names.count > Self.snapshotsMax else { return true }
        let name = names[pick(names.count)]
        ledger.withLock { (ledger: inout ChangeLedger) in
            ledger.snapshots[name]?.isThere.ask(false)
        }
        let answer = server.send("DELETE", "/v1/snapshots/\(name)")
        ledger.withLock { (ledger: inout ChangeLedger) in
            ledger.snapshots[name]?.isThere.hear(answer)
        }
        return note("snapshot drop", answer)
    }

    private mutating func writeGeneration() -> Bool {
        number += 1
        let generation = number
        ledger.withLock { (ledger: inout ChangeLedger) in ledger.generation.ask(generation) }
        let answer = server.send("POST", "/v1/tables/r/rows", Self.lines(generation))
        ledger.withLock { (ledger: inout ChangeLedger) in ledger.generation.hear(answer) }
        return note("generation", answer)
    }

    /// The rows of a generation, for an upload that is one batch.
    static func lines(_ generation: Int) -> String {
        (0..<rowCount)
            .map { "{\"row\": \"r\($0)\", \"put\": {\"a:v\": \"\(generation)\"}}\n" }.joined()
    }

    private mutating func keepGeneration() -> Bool {
        number += 1
        let name = "r-\(number)"
        let answer = server.send("PUT", "/v1/snapshots/\(name)", "{\"table\": \"r\"}")
        if answer.isDone {
            ledger.withLock { (ledger: inout ChangeLedger) in
                ledger.kept[name] = ledger.generation.known
            }
        }
        return note("snapshot", answer)
    }

    private mutating func restore() -> Bool {
        let kept = ledger.withLock { (ledger: inout ChangeLedger) in
            ledger.kept.sorted { $0.key < $1.key }
        }
        guard !kept.isEmpty else { return true }
        let (name, generation) = kept[pick(kept.count)]
        ledger.withLock { (ledger: inout ChangeLedger) in ledger.generation.ask(generation) }
        let answer = server.send("POST", "/v1/snapshots/\(name)/restore")
        ledger.withLock { (ledger: inout ChangeLedger) in ledger.generation.hear(answer) }
        return note("restore", answer)
    }
}
