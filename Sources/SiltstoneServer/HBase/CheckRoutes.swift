import NIOHTTP1
import SiltBytes
import SiltModel
import SiltTable

/// `?check=put|delete|append|increment` on a row: HBase's conditional and atomic changes.
struct CheckRoutes {
    let request: Request
    let table: StoredTable
    let spec: RowSpec
    let rows: [BodyRow]

    func reply(_ check: String) throws(SiltstoneError) -> Reply {
        guard ["put", "delete", "append", "increment"].contains(check) else {
            return .now(.text(.badRequest, "Invalid check value '\(check)'\r\n"))
        }
        guard rows.count == 1 else {
            return .now(HBaseRoutes.badRequest("Number of rows specified is not 1."))
        }
        var cells: [(column: Bytes, cell: BodyCell)] = []
        for (index, cell) in rows[0].cells.enumerated() {
            guard let column = cell.column ?? spec.name(ofColumn: index) else {
                return .now(HBaseRoutes.badRequest("Column incorrectly specified."))
            }
            cells.append((column, cell))
        }
        guard let key = rows[0].key ?? pathRow, !cells.isEmpty else {
            return .now(Self.nothingFound)
        }
        let table = table
        switch check {
        case "put": return try put(key, cells)
        case "delete": return try delete(key, cells)
        case "append":
            let suffixes = cells.map { (Column(parsing: $0.column.array[...]), $0.cell.value) }
            return atomic(key) { () throws(SiltstoneError) in try table.append(key, suffixes) }
        default:
            var amounts: [(Column, Int64)] = []
            for (column, cell) in cells {
                guard let amount = cell.value.string.flatMap({ Int64($0) }) else {
                    return .now(HBaseRoutes.badRequest("increment is not a decimal number"))
                }
                amounts.append((Column(parsing: column.array[...]), amount))
            }
            return atomic(key) { [amounts] () throws(SiltstoneError) in
                try table.increment(key, amounts).map { column, value in
                    (
                        column,
                        Bytes(
                            (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * Int64($0))) }
                        )
                    )
                }
            }
        }
    }

    private static let nothingFound = HBaseRoutes.badRequest(
        "Either row key is null or no data found for columns specified.")

    private var pathRow: Bytes? {
        if case .one(let key) = spec.rows { key } else { nil }
    }

    private func put(_ key: Bytes, _ cells: [(column: Bytes, cell: BodyCell)])
        throws(SiltstoneError) -> Reply
    {
        guard cells.count > 1, let last = cells.last else { return .now(Self.nothingFound) }
        let column = Column(parsing: last.column.array[...])
        guard last.column.array.contains(UInt8(ascii: ":")), !column.qualifier.isEmpty else {
            return .now(HBaseRoutes.badRequest("Column incorrectly specified."))
        }
        let puts = cells.dropLast()
        guard puts.contains(where: { $0.column == last.column }) else {
            return .now(HBaseRoutes.badRequest("The column to put and check do not match."))
        }
        let changes = puts.map {
            CellMutation(
                Column(parsing: $0.column.array[...]),
                .put(value: $0.cell.value, timeToLiveMilliseconds: nil),
                timestamp: $0.cell.timestamp)
        }
        return checked(key, column, last.cell.value, changes)
    }

    private func delete(_ key: Bytes, _ cells: [(column: Bytes, cell: BodyCell)])
        throws(SiltstoneError) -> Reply
    {
        guard let last = cells.last else { return .now(Self.nothingFound) }
        guard last.column.array.contains(UInt8(ascii: ":")) else {
            return .now(HBaseRoutes.badRequest("Column incorrectly specified."))
        }
        let column = Column(parsing: last.column.array[...])
        var changes: [CellMutation] = []
        for (name, cell) in cells.dropLast() {
            switch RowSpec.selector(name) {
            case .column(let column):
                changes.append(CellMutation(column, .deleteVersion, timestamp: cell.timestamp))
            case .family(let family):
                changes.append(
                    CellMutation(Column(family, .empty), .deleteFamily, timestamp: cell.timestamp))
            }
        }
        if cells.count == 1 { changes = [CellMutation(column, .deleteColumn)] }
        return checked(key, column, last.cell.value, changes)
    }

    private func checked(
        _ key: Bytes, _ column: Column, _ expected: Bytes, _ changes: [CellMutation]
    ) -> Reply {
        let table = table
        return .work { () throws(SiltstoneError) in
            let mutation = RowMutation(row: key, changes: changes)
            return Response(
                try table.check(key, column, equals: expected, then: mutation) ? .ok : .notModified)
        }
    }

    /// Runs an append or increment; `rr=true` gives back the new values.
    private func atomic(
        _ key: Bytes, _ body: @escaping @Sendable () throws(SiltstoneError) -> [(Column, Bytes)]
    ) -> Reply {
        let table = table
        let choice =
            request.parameter("rr") == "true"
            ? MediaType.choice(request, [.xml, .json, .protobuf]) : nil
        return .work { () throws(SiltstoneError) in
            let values = try body()
            guard let choice, let format = choice.type.cellSetFormat else {
                return Response(.ok)
            }
            // The time stamps are the store's: read them back with the row as it now is.
            let row = try table.get(key, Projection(values.map { .column($0.0) }))
            let cells = values.map { column, value in
                Cell(column, timestamp: row?[column]?.timestamp ?? 0, value: value)
            }
            return try RowRoutes.answer([Row(key: key, cells: cells)], format, choice.name)
        }
    }
}
