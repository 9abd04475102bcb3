import Synchronization

/// Something that is one way, and perhaps another since the last answer was not heard.
struct Uncertain<Value: Equatable & Sendable>: Sendable {
    private(set) var known: Value
    private var wanted: Value?

    init(_ value: Value) { known = value }

    /// The change to a value is about to be asked for.
    mutating func ask(_ value: Value) { wanted = value }

    /// The answer: done, refused, or none that tells.
    mutating func hear(_ answer: WebRequest.Answer) {
        if answer.isDone, let wanted { known = wanted }
        if answer.isDone || answer.isRefused { wanted = nil }
    }

    /// Takes note of what is there now.
    ///
    /// - Returns: whether it is the old or the new.
    mutating func settle(_ found: Value) -> Bool {
        let isPossible = found == known || found == wanted
        known = found
        wanted = nil
        return isPossible
    }
}

/// What those who write to a server and change its tables know of them.
struct ChangeLedger: Sendable {
    /// A snapshot or backup of the table that is written to.
    struct Snapshot: Sendable {
        /// What was acknowledged before it was asked for.
        let least: [String: Int]
        /// What was sent before it was answered; `nil` while it is not.
        var most: [String: Int]?
        /// Whether it is there.
        var isThere = Uncertain(false)
    }

    /// The acknowledged version of each row.
    var acknowledged: [String: Int] = [:]
    /// The version sent to each row and not acknowledged.
    var pending: [String: Int] = [:]
    /// The puts acknowledged so far.
    var putCount = 0
    /// How often each kind of change was done.
    var changes: [String: Int] = [:]
    /// Whether the table that is written to has an index.
    var isIndexed = Uncertain(false)
    /// Whether it has a second family.
    var hasSecondFamily = Uncertain(false)
    /// Its snapshots.
    var snapshots: [String: Snapshot] = [:]
    /// Its backups.
    var backups: [String: Snapshot] = [:]
    /// What all rows of the table that is restored say.
    var generation = Uncertain(0)
    /// What each snapshot of that table holds.
    var kept: [String: Int] = [:]

    /// The newest version sent of each row.
    var sent: [String: Int] { acknowledged.merging(pending) { max($0, $1) } }

    /// Compares rows with what may be there, after a kill; what is there from then on stays.
    ///
    /// - Returns: what is wrong, in words.
    mutating func settle(_ found: [String: Int]) -> [String] {
        var wrong: [String] = []
        for (row, version) in acknowledged where found[row] != version {
            if let there = found[row], there == pending[row] { continue }
            wrong.append("acknowledged, but lost row=\(row) version=\(version)")
        }
        for (row, version) in found where acknowledged[row] != version {
            if pending[row] != version {
                wrong.append("never sent row=\(row) version=\(version)")
            }
            acknowledged[row] = version
        }
        pending.removeAll()
        return wrong
    }

    /// Compares the rows of a snapshot or backup with what may be in it.
    func compare(_ name: String, _ snapshot: Snapshot?, _ found: [String: Int]) -> [String] {
        guard let snapshot else { return ["unknown snapshot=\(name)"] }
        var wrong: [String] = []
        for (row, version) in snapshot.least where found[row] ?? 0 < version {
            wrong.append("written before, but not in snapshot=\(name) row=\(row)")
        }
        for (row, version) in found where version > snapshot.most?[row] ?? 0 {
            wrong.append("written after, but in snapshot=\(name) row=\(row)")
        }
        return wrong
    }
}

/// A ledger shared by threads.
final class SharedLedger: Sendable {
    private let ledger = Mutex(ChangeLedger())

    func withLock<Result: Sendable>(_ body: (inout ChangeLedger) -> Result) -> Result {
        ledger.withLock { body(&$0) }
    }
}
