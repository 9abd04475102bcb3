import SiltBytes
import SiltIO
import SiltModel
import SiltTable
import Synchronization

/// A scanner that a client opened: its place in the table, kept from one request to the next.
final class OpenScanner: Sendable {
    private struct State {
        var scanner: RowScanner?
        var rowsLeft: Int
        /// What an earlier answer had no room for.
        var rest: Row?
    }

    let table: StoredTable
    /// Whom it belongs to; `nil` when clients are not told apart.
    let owner: String?
    /// Columns of an answer at most.
    let batch: Int?
    /// Whether a Thrift client wants the columns of a row in their order.
    let isSorted: Bool
    private let range: RowRange
    private let projection: Projection
    private let state: Mutex<State>

    init(table: StoredTable, owner: String?, _ message: ScannerMessage) throws(SiltstoneError) {
        self.table = table
        self.owner = owner
        batch = message.batch
        range = message.range
        projection = try message.projection()
        isSorted = false
        // What is wrong with the columns or the filter is said now; the scan itself begins with the first answer.
        _ = try table.scan(range, projection)
        state = Mutex(State(rowsLeft: message.limit ?? .max))
    }

    /// A scanner of the Thrift port, which belongs to its connection.
    init(
        table: StoredTable, range: RowRange, projection: Projection, batch: Int? = nil,
        isSorted: Bool = false
    ) throws(SiltstoneError) {
        self.table = table
        owner = nil
        self.batch = batch
        self.range = range
        self.projection = projection
        self.isSorted = isSorted
        _ = try table.scan(range, projection)
        state = Mutex(State(rowsLeft: .max))
    }

    /// The next row, or as much of it as there is room for; `nil` at the end.
    func next(_ limit: CellLimit) throws(SiltstoneError) -> Row? {
        try state.withLock { state throws(SiltstoneError) in
            var row = state.rest
            state.rest = nil
            if row == nil, state.rowsLeft > 0 {
                let scanner: RowScanner
                if let known = state.scanner {
                    scanner = known
                } else {
                    scanner = try table.scan(range, projection)
                    state.scanner = scanner
                }
                row = try scanner.next()
                state.rowsLeft = row == nil ? 0 : state.rowsLeft - 1
                if state.rowsLeft == 0 { state.scanner = nil }
            }
            guard let row else { return nil }
            let count = limit.count(in: row)
            guard count < row.cells.count else { return row }
            state.rest = Row(key: row.key, cells: Array(row.cells.dropFirst(count)))
            return Row(key: row.key, cells: Array(row.cells.prefix(count)))
        }
    }
}

/// How much of a row an answer has room for.
enum CellLimit {
    case none
    /// So many cells.
    case cells(Int)
    /// So many columns with all their versions, which stay together.
    case columns(Int)

    var isReached: Bool {
        switch self {
        case .none: false
        case .cells(let left), .columns(let left): left <= 0
        }
    }

    /// How many of the row's cells there is room for.
    func count(in row: Row) -> Int {
        switch self {
        case .none: return row.cells.count
        case .cells(let left): return min(left, row.cells.count)
        case .columns(let left):
            var columns = 0
            for (index, cell) in row.cells.enumerated()
            where index == 0 || row.cells[index - 1].column != cell.column {
                if columns == left { return index }
                columns += 1
            }
            return row.cells.count
        }
    }

    /// Takes the room that a row needs.
    mutating func take(_ row: Row) {
        switch self {
        case .none: break
        case .cells(let left): self = .cells(left - row.cells.count)
        case .columns(let left):
            var columns = 1
            for (cell, next) in zip(row.cells, row.cells.dropFirst())
            where cell.column != next.column { columns += 1 }
            self = .columns(left - columns)
        }
    }
}

/// The rows of one answer of a scanner.
final class ScannerFeed: RowFeed {
    private let scanner: OpenScanner
    private var limit: CellLimit
    private var rowsLeft: Int

    init(_ scanner: OpenScanner, _ limit: CellLimit, rowCountMax: Int) {
        self.scanner = scanner
        self.limit = limit
        rowsLeft = rowCountMax
    }

    func next() throws(SiltstoneError) -> Row? {
        guard !limit.isReached, rowsLeft > 0 else { return nil }
        guard let row = try scanner.next(limit) else { return nil }
        limit.take(row)
        rowsLeft -= 1
        return row
    }
}

/// The scanners that clients opened.
final class Scanners: Sendable {
    private struct Entry {
        let scanner: OpenScanner
        /// Its owner, or where it was opened from when clients are not told apart.
        let client: String?
        var usedNanoseconds: UInt64
    }

    private let entries = Mutex<[String: Entry]>([:])
    private let environment: Environment
    private let countMax: Int
    private let clientCountMax: Int
    private let idleNanoseconds: UInt64

    init(environment: Environment, countMax: Int, clientCountMax: Int, idleSeconds: Int64) {
        self.environment = environment
        self.countMax = max(1, countMax)
        self.clientCountMax = max(1, clientCountMax)
        idleNanoseconds = UInt64(max(1, idleSeconds)) &* 1_000_000_000
    }

    /// How many are open.
    var count: Int { entries.withLock { $0.count } }

    /// Keeps a scanner.
    ///
    /// When its client has too many, or there are too many, the client's longest unused one makes room for it.
    /// - Parameter address: where it was opened from; `nil` for loopback, where a proxy may stand for all clients.
    /// - Returns: its identifier, which cannot be guessed.
    func add(_ scanner: OpenScanner, from address: String?) throws(SiltstoneError) -> String {
        let client = scanner.owner ?? address
        let random = environment.random
        let id = Identifier(high: random.next(), low: random.next()).description
        let now = environment.clock.monotonicNanoseconds
        let hasRoom = entries.withLock { entries in
            Self.expire(&entries, before: now, idleNanoseconds)
            let own = entries.filter { $0.value.client == client }
            if entries.count >= countMax || client != nil && own.count >= clientCountMax {
                let oldest = own.min { $0.value.usedNanoseconds < $1.value.usedNanoseconds }
                guard let oldest else { return false }
                entries[oldest.key] = nil
            }
            entries[id] = Entry(scanner: scanner, client: client, usedNanoseconds: now)
            return true
        }
        guard hasRoom else {
            throw SiltstoneError(.overloaded, "too many scanners are open max=\(countMax)")
        }
        return id
    }

    /// The scanner of an identifier, which is in use now.
    func find(_ id: Substring) -> OpenScanner? {
        let now = environment.clock.monotonicNanoseconds
        return entries.withLock { entries in
            guard var entry = entries[String(id)],
                now < entry.usedNanoseconds &+ idleNanoseconds
            else {
                entries[String(id)] = nil
                return nil
            }
            entry.usedNanoseconds = now
            entries[String(id)] = entry
            return entry.scanner
        }
    }

    /// Gives a scanner up.
    func remove(_ id: Substring) { entries.withLock { $0[String(id)] = nil } }

    /// Gives up the scanners that nobody used for too long.
    func expire() {
        let now = environment.clock.monotonicNanoseconds
        entries.withLock { Self.expire(&$0, before: now, idleNanoseconds) }
    }

    private static func expire(
        _ entries: inout [String: Entry], before now: UInt64, _ idleNanoseconds: UInt64
    ) {
        entries = entries.filter { now < $0.value.usedNanoseconds &+ idleNanoseconds }
    }
}
