import NIOHTTP1
import SiltBytes
import SiltModel
import SiltTable

/// `/{table}/schema`: HBase's table descriptors, every attribute a string.
struct SchemaRoutes {
    let router: Router
    let request: Request
    let name: String

    func reply() throws(SiltstoneError) -> Reply {
        switch request.method {
        case .GET, .HEAD: return try show()
        case .PUT, .POST: return try change()
        case .DELETE:
            let (store, name) = (router.store, name)
            return .work { () throws(SiltstoneError) in
                try store.dropTable(name)
                return Response(.ok)
            }
        default: return .now(HBaseRoutes.notAllowed)
        }
    }

    private func show() throws(SiltstoneError) -> Reply {
        let definition = try router.table(name).definition
        return HBaseRoutes.answer(request) { Self.message(definition).encode($0) }
    }

    private func change() throws(SiltstoneError) -> Reply {
        guard let type = MediaType.ofBody(request),
            let message = try SchemaMessage.decode(request.body, type)
        else { return .now(HBaseRoutes.unsupported) }
        let wanted = try Self.definition(name: name, message)
        let (store, name, replaces) = (router.store, name, request.method == .PUT)
        let location = router.address("/\(request.segments[0])/schema", request)
        return .work { () throws(SiltstoneError) in
            let created = Response(.created, headers: [("Location", location)])
            guard let existing = try? store.table(name) else {
                do throws(SiltstoneError) {
                    _ = try store.createTable(wanted)
                } catch {
                    // As HBase does, which keeps 404 for tables and families.
                    guard error.code == .notFound else { throw error }
                    return .text(
                        .serviceUnavailable,
                        "Unavailable\r\nNamespaceNotFoundException: \(error.message)\r\n")
                }
                return created
            }
            if replaces {
                _ = try store.alterTable(name, to: wanted)
                return created
            }
            var merged = existing.definition
            for family in wanted.families {
                if let index = merged.families.firstIndex(where: { $0.name == family.name }) {
                    merged.families[index] = family
                } else {
                    merged.families.append(family)
                }
            }
            _ = try store.alterTable(name, to: merged)
            return Response(.ok)
        }
    }

    // MARK: Descriptors

    private static let forever = "2147483647"

    private static func message(_ definition: TableDefinition) -> SchemaMessage {
        var message = SchemaMessage(name: definition.name)
        message.attributes.append(("IS_META", "false"))
        for (key, value) in definition.attributes.sorted(by: { $0.key < $1.key }) {
            message.attributes.append((key, value))
        }
        if definition.isReadOnly { message.attributes.append(("READONLY", "true")) }
        if let durability = definition.durability {
            message.attributes.append(("DURABILITY", durability.name))
        }
        message.columns = definition.families.map { Self.column($0) }
        return message
    }

    private static func column(_ family: Family) -> SchemaMessage.Column {
        var attributes = [
            "BLOOMFILTER": "ROW", "REPLICATION_SCOPE": "0", "IN_MEMORY": "false",
            "BLOCKCACHE": "true",
            "DATA_BLOCK_ENCODING": "NONE", "INDEX_BLOCK_ENCODING": "NONE",
        ]
        attributes.merge(family.attributes) { $1 }
        attributes["VERSIONS"] = String(family.maxVersions)
        attributes["MIN_VERSIONS"] = String(family.minVersions)
        attributes["TTL"] = family.timeToLiveMilliseconds.map { String($0 / 1000) } ?? forever
        attributes["GC_RULE"] = family.collectionRule?.text
        attributes["BLOCKSIZE"] = String(family.blockBytes)
        attributes["KEEP_DELETED_CELLS"] =
            switch family.keepDeletedCells {
            case .no: "FALSE"
            case .yes: "TRUE"
            case .untilTimeToLive: "TTL"
            }
        attributes["BLOOMFILTER"] =
            switch family.bloomFilter {
            case .none: "NONE"
            case .row: "ROW"
            case .rowAndColumn: "ROWCOL"
            }
        // A codec that is not ours was asked for: give back the name that the client knows.
        if attributes["COMPRESSION"] == nil {
            attributes["COMPRESSION"] =
                switch family.compression {
                case .none: "NONE"
                case .lz4: "LZ4"
                case .zstd: "ZSTD"
                }
        }
        return SchemaMessage.Column(
            name: family.name,
            attributes: attributes.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
    }

    private static func definition(name: String, _ message: SchemaMessage) throws(SiltstoneError)
        -> TableDefinition
    {
        var definition = TableDefinition(name, families: [])
        for (key, value) in message.attributes {
            switch key {
            case "name", "IS_META", "IS_ROOT": break
            case "READONLY": definition.isReadOnly = value.lowercased() == "true"
            case "DURABILITY":
                guard value.uppercased() != "USE_DEFAULT" else { break }
                guard let durability = Durability(name: value) else {
                    throw SiltstoneError(.invalidArgument, "durability is unknown value=\(value)")
                }
                definition.durability = durability
            default: definition.attributes[key] = value
            }
        }
        for column in message.columns {
            // HBase's default, for those who come through HBase's door.
            var family = Family(column.name, compression: .none)
            for (key, value) in column.attributes { try set(key, value, on: &family) }
            family.obeyRule()
            definition.families.append(family)
        }
        return definition
    }

    private static func set(_ name: String, _ value: String, on family: inout Family)
        throws(SiltstoneError)
    {
        func number(_ range: ClosedRange<Int>) throws(SiltstoneError) -> Int {
            guard let number = Int(value), range.contains(number) else {
                throw SiltstoneError(.invalidArgument, "\(name) is out of range value=\(value)")
            }
            return number
        }
        switch name {
        case "VERSIONS": family.maxVersions = try number(1...Int(Int32.max))
        case "GC_RULE": family.collectionRule = try CollectionRule(parsing: value)
        case "MIN_VERSIONS": family.minVersions = try number(0...Int(Int32.max))
        case "BLOCKSIZE":
            family.blockBytes = min(max(try number(1...Int(Int32.max)), 1024), 16 << 20)
        case "TTL":
            let seconds =
                value.uppercased() == "FOREVER" ? Int(Int32.max) : try number(1...Int(Int32.max))
            family.timeToLiveMilliseconds = seconds == Int(Int32.max) ? nil : Int64(seconds) * 1000
        case "KEEP_DELETED_CELLS":
            family.keepDeletedCells =
                switch value.uppercased() {
                case "TRUE": .yes
                case "TTL": .untilTimeToLive
                default: .no
                }
        case "BLOOMFILTER":
            family.bloomFilter =
                switch value.uppercased() {
                case "NONE": .none
                case "ROWCOL": .rowAndColumn
                default: .row
                }
        case "COMPRESSION":
            switch value.uppercased() {
            case "NONE": family.compression = .none
            case "LZ4": family.compression = .lz4
            case "ZSTD": family.compression = .zstd(level: 3)
            default:
                // GZ, SNAPPY and the rest: ours of the same kind, under the client's name.
                family.compression = .lz4
                family.attributes[name] = value
            }
        default: family.attributes[name] = value
        }
    }
}
