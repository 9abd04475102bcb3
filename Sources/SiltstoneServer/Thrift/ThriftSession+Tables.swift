import SiltBytes
import SiltModel
import SiltTable

extension ThriftSession {
    /// Calls about tables; `nil` when it is another's.
    func runTables(_ name: String, _ arguments: ThriftValue) throws -> Result? {
        switch name {
        case "getTableNames":
            return Result(
                value: .list(.bytes, names.map { .text($0) }))
        case "getTableNamesWithIsTableEnabled":
            return Result(
                value: .map(
                    .bytes, .bool,
                    names.map {
                        (.text($0), .bool(state.isEnabled($0)))
                    }))
        case "enableTable", "disableTable":
            let table = try state.router.table(try text(arguments, 1)).definition.name
            let enables = name == "enableTable"
            if !enables, !state.isEnabled(table) {
                throw Fault.ioError("table is disabled table=\(table)")
            }
            state.setEnabled(table, enables)
            return Result()
        case "isTableEnabled":
            let table = try state.router.table(try text(arguments, 1)).definition.name
            return Result(value: .bool(state.isEnabled(table)))
        case "compact", "majorCompact":
            try table(arguments).compact()
            return Result()
        case "createTable":
            try createTable(arguments)
            return Result()
        case "deleteTable":
            let table = try state.router.table(try text(arguments, 1)).definition.name
            guard !state.isEnabled(table) else {
                throw Fault.ioError("table is enabled, disable it first table=\(table)")
            }
            try store.dropTable(table)
            state.setEnabled(table, true)
            return Result()
        case "getColumnDescriptors":
            let families = try state.router.table(try text(arguments, 1)).definition.families
            return Result(
                value: .map(
                    .bytes, .fields, families.map { (.text($0.name + ":"), Self.descriptor($0)) }))
        case "getTableRegions": return try regions(arguments)
        case "getThriftServerType": return Result(value: .i32(0))
        case "getClusterId": return Result(value: .text("siltstone"))
        default: return nil
        }
    }

    /// The tables that clients may know of.
    private var names: [String] {
        store.tables().map(\.definition.name).filter { state.allows(.read, table: $0) }
    }

    private func createTable(_ arguments: ThriftValue) throws {
        var definition = TableDefinition(try text(arguments, 1), families: [])
        for column in arguments[2]?.elements ?? [] {
            var name = try text(column, 1)
            if name.hasSuffix(":") { name.removeLast() }
            var family = Family(name, compression: .none)
            if let versions = column[2]?.integer {
                family.maxVersions = Int(versions)
            } else {
                family.maxVersions = 3
            }
            let compression = column[3]?.bytes?.string?.uppercased() ?? "NONE"
            switch compression {
            case "NONE", "": break
            case "ZSTD": family.compression = .zstd(level: 3)
            case "LZ4": family.compression = .lz4
            default:
                family.compression = .lz4
                family.attributes["COMPRESSION"] = compression
            }
            family.bloomFilter =
                switch column[5]?.bytes?.string?.uppercased() {
                case "ROW": .row
                case "ROWCOL": .rowAndColumn
                default: .none
                }
            if column[4]?.bool == true { family.attributes["IN_MEMORY"] = "true" }
            if let seconds = column[9]?.integer, seconds > 0, seconds < Int64(Int32.max) {
                family.timeToLiveMilliseconds = seconds * 1000
            }
            definition.families.append(family)
        }
        _ = try store.createTable(definition)
    }

    private static func descriptor(_ family: Family) -> ThriftValue {
        let compression: String =
            switch family.compression {
            case .none: "NONE"
            case .lz4: "LZ4"
            case .zstd: "ZSTD"
            }
        let bloom =
            switch family.bloomFilter {
            case .none: "NONE"
            case .row: "ROW"
            case .rowAndColumn: "ROWCOL"
            }
        let seconds = family.timeToLiveMilliseconds.map { Int32(clamping: $0 / 1000) }
        return .fields([
            (1, .text(family.name + ":")), (2, .i32(Int32(clamping: family.maxVersions))),
            (3, .text(family.attributes["COMPRESSION"] ?? compression)),
            (4, .bool(family.attributes["IN_MEMORY"] == "true")), (5, .text(bloom)),
            (6, .i32(0)), (7, .i32(0)), (8, .bool(true)), (9, .i32(seconds ?? .max)),
        ])
    }

    private func regions(_ arguments: ThriftValue) throws -> Result {
        let table = try state.router.table(try text(arguments, 1))
        let name = table.definition.name
        let regions = table.rowRegions().map { region in
            let number = Int64(region.id.high >> 16)
            return ThriftValue.fields([
                (1, .bytes(region.start.array)), (2, .bytes(region.end.array)), (3, .i64(number)),
                (4, .text("\(name),\(region.start),\(number).\(region.id).")), (5, .i8(1)),
                (6, .text("localhost")), (7, .i32(Int32(clamping: state.router.port))),
            ])
        }
        return Result(value: .list(.fields, regions))
    }
}
