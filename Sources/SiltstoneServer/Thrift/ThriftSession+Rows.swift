import SiltBytes
import SiltModel
import SiltTable

extension ThriftSession {
    private static let rowCountMax = 100_000

    // MARK: Reading

    /// Calls that read rows by their keys; `nil` when it is another's.
    func runReads(_ name: String, _ arguments: ThriftValue) throws -> Result? {
        switch name {
        case "get": return try versions(arguments, count: 1, timestamp: nil)
        case "getVer":
            return try versions(arguments, count: arguments[4]?.integer, timestamp: nil)
        case "getVerTs":
            return try versions(
                arguments, count: arguments[5]?.integer, timestamp: arguments[4]?.integer)
        case "getRow": return try rows(arguments, [try bytes(arguments, 2)], nil, nil)
        case "getRowWithColumns":
            return try rows(arguments, [try bytes(arguments, 2)], arguments[3], nil)
        case "getRowTs":
            return try rows(arguments, [try bytes(arguments, 2)], nil, arguments[3]?.integer)
        case "getRowWithColumnsTs":
            return try rows(
                arguments, [try bytes(arguments, 2)], arguments[3], arguments[4]?.integer)
        case "getRows": return try rows(arguments, keys(arguments), nil, nil)
        case "getRowsWithColumns": return try rows(arguments, keys(arguments), arguments[3], nil)
        case "getRowsTs": return try rows(arguments, keys(arguments), nil, arguments[3]?.integer)
        case "getRowsWithColumnsTs":
            return try rows(arguments, keys(arguments), arguments[3], arguments[4]?.integer)
        default: return nil
        }
    }

    private func keys(_ arguments: ThriftValue) -> [Bytes] {
        (arguments[2]?.elements ?? []).compactMap(\.bytes)
    }

    private func versions(_ arguments: ThriftValue, count: Int64?, timestamp: Int64?) throws
        -> Result
    {
        let projection = Projection(
            [RowSpec.selector(try bytes(arguments, 3))],
            maxVersions: Int(max(1, count ?? 1)), timeRange: before(timestamp))
        let row = try table(arguments).get(try bytes(arguments, 2), projection)
        return Result(value: .list(.fields, (row?.cells ?? []).map(Self.cell)))
    }

    private func rows(
        _ arguments: ThriftValue, _ keys: [Bytes], _ columns: ThriftValue?, _ timestamp: Int64?
    ) throws -> Result {
        guard keys.count <= Self.rowCountMax else {
            throw Fault.ioError("too many rows are asked for max=\(Self.rowCountMax)")
        }
        let table = try table(arguments)
        let projection = Projection(selectors(columns), timeRange: before(timestamp))
        var found: [Row] = []
        for key in keys { if let row = try table.get(key, projection) { found.append(row) } }
        return Self.results(found)
    }

    // MARK: Writing

    /// Calls that change rows; `nil` when it is another's.
    func runWrites(_ name: String, _ arguments: ThriftValue) throws -> Result? {
        switch name {
        case "mutateRow", "mutateRowTs":
            let time = name == "mutateRowTs" ? arguments[4]?.integer : nil
            try mutate(
                try table(arguments), [(try bytes(arguments, 2), arguments[3]?.elements ?? [])],
                time)
        case "mutateRows", "mutateRowsTs":
            let time = name == "mutateRowsTs" ? arguments[3]?.integer : nil
            var batches: [(Bytes, [ThriftValue])] = []
            for batch in arguments[2]?.elements ?? [] {
                batches.append((try bytes(batch, 1), batch[2]?.elements ?? []))
            }
            try mutate(try table(arguments), batches, time)
        case "deleteAll", "deleteAllTs":
            let time = name == "deleteAllTs" ? arguments[4]?.integer : nil
            let change = Self.deletion(try bytes(arguments, 3), time)
            try table(arguments).write([
                RowMutation(row: try bytes(arguments, 2), changes: [change])
            ])
        case "deleteAllRow", "deleteAllRowTs":
            let time = name == "deleteAllRowTs" ? arguments[3]?.integer : nil
            let table = try table(arguments)
            let changes = table.definition.families.map {
                CellMutation(Column($0.name, .empty), .deleteFamily, timestamp: time)
            }
            try table.write([RowMutation(row: try bytes(arguments, 2), changes: changes)])
        default: return try runAtomic(name, arguments)
        }
        return Result()
    }

    private func runAtomic(_ name: String, _ arguments: ThriftValue) throws -> Result? {
        switch name {
        case "atomicIncrement":
            let value = try add(
                try table(arguments), try bytes(arguments, 2), try bytes(arguments, 3),
                arguments[4]?.integer)
            return Result(value: .i64(value))
        case "increment", "incrementRows":
            let list =
                name == "increment" ? [arguments[1]].compactMap { $0 } : arguments[1]?.elements
            for one in list ?? [] {
                _ = try add(
                    try table(one), try bytes(one, 2), try bytes(one, 3), one[4]?.integer)
            }
            return Result()
        case "append":
            guard let append = arguments[1] else { throw Fault.ioError("an argument is missing") }
            let names = (append[3]?.elements ?? []).compactMap(\.bytes)
            let values = (append[4]?.elements ?? []).compactMap(\.bytes)
            guard names.count == values.count, !names.isEmpty else {
                throw Fault.illegalArgument("columns and values differ in number")
            }
            let suffixes = zip(names, values).map { (Column(parsing: $0.array[...]), $1) }
            let key = try bytes(append, 2)
            let table = try table(append)
            _ = try table.append(key, suffixes)
            let row = try table.get(key, Projection(suffixes.map { .column($0.0) }))
            return Result(value: .list(.fields, (row?.cells ?? []).map(Self.cell)))
        case "checkAndPut":
            guard let put = arguments[6] else { throw Fault.ioError("an argument is missing") }
            let row = try bytes(arguments, 2)
            let column = Column(parsing: try bytes(arguments, 3).array[...])
            let change = try Self.change(put, nil)
            let isApplied = try table(arguments).check(
                row, column, equals: arguments[5]?.bytes,
                then: RowMutation(row: row, changes: [change]))
            return Result(value: .bool(isApplied))
        default: return nil
        }
    }

    private func add(_ table: StoredTable, _ row: Bytes, _ name: Bytes, _ amount: Int64?) throws
        -> Int64
    {
        let column = Column(parsing: name.array[...])
        return try table.increment(row, [(column, amount ?? 1)]).first?.1 ?? 0
    }

    /// Writes all puts of the rows, then all deletions.
    private func mutate(_ table: StoredTable, _ batches: [(Bytes, [ThriftValue])], _ time: Int64?)
        throws
    {
        for deletes in [false, true] {
            var mutations: [RowMutation] = []
            for (row, list) in batches {
                let changes = try list.filter { ($0[1]?.bool ?? false) == deletes }
                    .map { try Self.change($0, time) }
                if !changes.isEmpty { mutations.append(RowMutation(row: row, changes: changes)) }
            }
            if !mutations.isEmpty { try table.write(mutations) }
        }
    }

    private static func change(_ mutation: ThriftValue, _ time: Int64?) throws -> CellMutation {
        guard let name = mutation[2]?.bytes else {
            throw Fault.illegalArgument("a mutation has no column")
        }
        if mutation[1]?.bool ?? false { return deletion(name, time) }
        guard name.array.contains(UInt8(ascii: ":")) else {
            throw Fault.illegalArgument("a column is written family:qualifier column=\(name)")
        }
        return CellMutation(
            Column(parsing: name.array[...]),
            .put(value: mutation[3]?.bytes ?? .empty, timeToLiveMilliseconds: nil), timestamp: time)
    }

    /// A family, or all versions of a column.
    private static func deletion(_ name: Bytes, _ time: Int64?) -> CellMutation {
        switch RowSpec.selector(name) {
        case .column(let column): CellMutation(column, .deleteColumn, timestamp: time)
        case .family(let family):
            CellMutation(Column(family, .empty), .deleteFamily, timestamp: time)
        }
    }
}
