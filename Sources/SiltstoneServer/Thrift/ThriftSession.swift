import SiltBytes
import SiltModel
import SiltTable
import Synchronization

/// What all connections of the Thrift port share.
final class ThriftState: Sendable {
    let router: Router
    private let disabled = Mutex<Set<String>>([])

    /// With whose rights all calls are answered; Thrift's clients do not say who they are.
    private let token: String?

    /// - Throws: `invalidArgument` when there are tokens, and none of them is named.
    init(router: Router, token: String?) throws(SiltstoneError) {
        self.router = router
        self.token = token
        guard router.requiresTokens || token != nil else { return }
        guard let token, router.tokens.token(named: token) != nil else {
            throw SiltstoneError(
                .invalidArgument,
                "the Thrift port needs the name of a token whose rights its clients have"
                    + " token=\(token ?? "none")")
        }
    }

    /// Whether clients may use a table so, now.
    func allows(_ right: AccessRight, table: String) -> Bool {
        guard router.requiresTokens else { return true }
        return token.flatMap { router.tokens.token(named: $0) }?.rights
            .allows(right, table: table) ?? false
    }

    /// Notes an act of administration.
    func audit(_ call: String, table: String, isDone: Bool) {
        router.audit(thrift: call, table: table, as: token, isDone: isDone)
    }

    /// Whether a table counts as enabled: clients disable one before they drop it.
    func isEnabled(_ name: String) -> Bool { disabled.withLock { !$0.contains(name) } }

    func setEnabled(_ name: String, _ isEnabled: Bool) {
        disabled.withLock { names in
            if isEnabled { names.remove(name) } else { names.insert(name) }
        }
    }
}

/// The calls of one connection: HBase's first Thrift interface.
///
/// Not Sendable: one call at a time.
final class ThriftSession {
    /// A fault that the client's interface declares.
    enum Fault: Error {
        case ioError(String)
        case illegalArgument(String)
        case alreadyExists(String)
        case unknownMethod
    }

    static let scannerCountMax = 1000

    let state: ThriftState
    var scanners: [Int32: OpenScanner] = [:]
    var nextScanner: Int32 = 1

    init(_ state: ThriftState) { self.state = state }

    var store: TableStore { state.router.store }

    /// Answers a call; `nil` when it wants no answer.
    func answer(_ call: ThriftMessage) -> ThriftMessage? {
        var reply = ThriftMessage(
            name: call.name, kind: .reply, sequence: call.sequence, body: .fields([]))
        guard call.kind == .call || call.kind == .oneway else {
            reply.kind = .exception
            reply.body = .fields([(1, .text("not a call")), (2, .i32(2))])
            return reply
        }
        do {
            if let success = try run(call.name, call.body) {
                reply.body = .fields([(id: Int16(0), value: success)])
            }
        } catch {
            switch Self.fault(of: error) {
            case .ioError(let message):
                // Whether it makes sense to try again is the third line's business of later versions.
                reply.body = .fields([(1, .fields([(1, .text(message))]))])
            case .illegalArgument(let message):
                let id: Int16 = Self.declaresIllegalArgument.contains(call.name) ? 2 : 1
                reply.body = .fields([(id, .fields([(1, .text(message))]))])
            case .alreadyExists(let message):
                reply.body = .fields([(3, .fields([(1, .text(message))]))])
            case .unknownMethod:
                reply.kind = .exception
                reply.body = .fields([
                    (1, .text("Invalid method name: '\(call.name)'")), (2, .i32(1)),
                ])
            }
        }
        return call.kind == .oneway ? nil : reply
    }

    private static let declaresIllegalArgument: Set<String> = [
        "createTable", "mutateRow", "mutateRowTs", "mutateRows", "mutateRowsTs", "atomicIncrement",
        "scannerGet", "scannerGetList", "scannerClose", "checkAndPut",
    ]

    private static func fault(of error: any Error) -> Fault {
        if let fault = error as? Fault { return fault }
        guard let error = error as? SiltstoneError else { return .ioError("\(error)") }
        return switch error.code {
        case .invalidArgument: .illegalArgument(error.message)
        case .alreadyExists: .alreadyExists(error.message)
        default: .ioError(error.message)
        }
    }

    private func run(_ name: String, _ arguments: ThriftValue) throws -> ThriftValue? {
        guard Self.administration.contains(name) else { return try answer(name, arguments) }
        let table = arguments[1]?.bytes?.string ?? ""
        do {
            let value = try answer(name, arguments)
            state.audit(name, table: table, isDone: true)
            return value
        } catch {
            state.audit(name, table: table, isDone: false)
            throw error
        }
    }

    private func answer(_ name: String, _ arguments: ThriftValue) throws -> ThriftValue? {
        if Self.changes.contains(name), state.router.isReadOnly {
            throw Fault.ioError("the server is read-only")
        }
        try authorize(name, arguments)
        if let result = try runTables(name, arguments) { return result.value }
        if let result = try runReads(name, arguments) { return result.value }
        if let result = try runWrites(name, arguments) { return result.value }
        if let result = try runScans(name, arguments) { return result.value }
        throw Fault.unknownMethod
    }

    private func authorize(_ name: String, _ arguments: ThriftValue) throws {
        let table: String
        switch name {
        case "getTableNames", "getTableNamesWithIsTableEnabled", "getThriftServerType",
            "getClusterId":
            return
        case "scannerGet", "scannerGetList", "scannerClose":
            table = try scanner(arguments).table.definition.name
        case "incrementRows": return try authorizeIncrements(arguments)
        case "increment":
            table = try arguments[1].map { try text($0, 1) } ?? ""
        case "append":
            table = try arguments[1].map { try text($0, 1) } ?? ""
        default: table = arguments[1]?.bytes.map { String(decoding: $0.array, as: UTF8.self) } ?? ""
        }
        let right: AccessRight =
            Self.administration.contains(name)
            ? .admin : Self.changes.contains(name) ? .write : .read
        try require(right, table)
    }

    private func authorizeIncrements(_ arguments: ThriftValue) throws {
        for increment in arguments[1]?.elements ?? [] {
            try require(.write, try text(increment, 1))
        }
    }

    private func require(_ right: AccessRight, _ table: String) throws {
        guard state.allows(right, table: table) else {
            throw Fault.ioError("the token does not allow this table=\(table)")
        }
    }

    private static let administration: Set<String> = [
        "enableTable", "disableTable", "compact", "majorCompact", "createTable", "deleteTable",
    ]

    private static let changes: Set<String> = [
        "enableTable", "disableTable", "compact", "majorCompact", "createTable", "deleteTable",
        "mutateRow", "mutateRowTs", "mutateRows", "mutateRowsTs", "atomicIncrement", "deleteAll",
        "deleteAllTs", "deleteAllRow", "deleteAllRowTs", "increment", "incrementRows", "append",
        "checkAndPut",
    ]

    /// What a call that is known gives back; nothing for `void`.
    struct Result {
        var value: ThriftValue?
    }

    // MARK: Arguments

    func table(_ arguments: ThriftValue, _ id: Int16 = 1) throws -> StoredTable {
        let table = try state.router.table(try text(arguments, id))
        guard state.isEnabled(table.definition.name) else {
            throw Fault.ioError("table is disabled table=\(table.definition.name)")
        }
        return table
    }

    func text(_ arguments: ThriftValue, _ id: Int16) throws -> String {
        String(decoding: try bytes(arguments, id).array, as: UTF8.self)
    }

    func bytes(_ arguments: ThriftValue, _ id: Int16) throws -> Bytes {
        guard let bytes = arguments[id]?.bytes else {
            throw Fault.ioError("an argument is missing number=\(id)")
        }
        return bytes
    }

    /// The columns and families of a list of names; none for all.
    func selectors(_ value: ThriftValue?) -> [Projection.Selector] {
        (value?.elements ?? []).compactMap { $0.bytes.map { RowSpec.selector($0) } }
    }

    /// Everything before a time stamp.
    func before(_ timestamp: Int64?) -> TimeRange {
        guard let timestamp else { return .all }
        return TimeRange(min: 0, max: max(0, timestamp))
    }

    // MARK: Answers

    static func cell(_ cell: Cell) -> ThriftValue {
        .fields([(1, .bytes(cell.value.array)), (2, .i64(cell.timestamp))])
    }

    /// A `TRowResult`; the columns in their order where the client asks for that.
    static func result(_ row: Row, isSorted: Bool = false) -> ThriftValue {
        var columns: [(name: [UInt8], cell: ThriftValue)] = []
        for cell in row.cells {
            let name = CellSetWriter.name(of: cell)
            // A map has one cell a column: the newest.
            if columns.last?.name != name { columns.append((name, Self.cell(cell))) }
        }
        if isSorted {
            let list = columns.map {
                ThriftValue.fields([(1, .bytes($0.name)), (id: Int16(2), value: $0.cell)])
            }
            return .fields([(1, .bytes(row.key.array)), (3, .list(.fields, list))])
        }
        return .fields([
            (1, .bytes(row.key.array)),
            (2, .map(.bytes, .fields, columns.map { (.bytes($0.name), $0.cell) })),
        ])
    }

    static func results(_ rows: [Row], isSorted: Bool = false) -> Result {
        Result(value: .list(.fields, rows.map { result($0, isSorted: isSorted) }))
    }
}
