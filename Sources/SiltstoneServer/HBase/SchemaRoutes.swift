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
        let type = MediaType.accepted(request, [.text, .json])
        guard let type else { return .now(HBaseRoutes.notAcceptable) }
        let schema = Self.json(definition)
        var response = type == .json ? Response.json(.ok, schema) : .text(.ok, schema.text + "\n")
        response.headers.append(("Cache-Control", "no-cache"))
        return .now(response)
    }

    private func change() throws(SiltstoneError) -> Reply {
        guard MediaType.ofBody(request) == .json else { return .now(HBaseRoutes.unsupported) }
        let document: JSONValue
        do { document = try JSONValue(parsing: request.body) } catch {
            throw SiltstoneError(.invalidArgument, "body is not JSON: \(error)")
        }
        let wanted = try Self.definition(name: name, document)
        let (store, name, replaces) = (router.store, name, request.method == .PUT)
        let location =
            "http://\(request.header("Host") ?? "localhost")/\(request.segments[0])/schema"
        return .work { () throws(SiltstoneError) in
            let created = Response(.created, headers: [("Location", location)])
            guard let existing = try? store.table(name) else {
                _ = try store.createTable(wanted)
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

    static func json(_ definition: TableDefinition) -> JSONValue {
        var members: [JSONValue.Member] = [
            .init("name", .string(definition.name)), .init("IS_META", "false"),
        ]
        for (key, value) in definition.attributes.sorted(by: { $0.key < $1.key }) {
            members.append(.init(key, .string(value)))
        }
        if definition.isReadOnly { members.append(.init("READONLY", "true")) }
        if let durability = definition.durability {
            members.append(.init("DURABILITY", .string(durability.name)))
        }
        members.append(.init("ColumnSchema", .array(definition.families.map(json))))
        return .object(members)
    }

    private static func json(_ family: Family) -> JSONValue {
        var attributes = [
            "BLOOMFILTER": "ROW", "REPLICATION_SCOPE": "0", "IN_MEMORY": "false",
            "BLOCKCACHE": "true",
            "DATA_BLOCK_ENCODING": "NONE", "INDEX_BLOCK_ENCODING": "NONE",
        ]
        attributes.merge(family.attributes) { $1 }
        attributes["VERSIONS"] = String(family.maxVersions)
        attributes["MIN_VERSIONS"] = String(family.minVersions)
        attributes["TTL"] = family.timeToLiveMilliseconds.map { String($0 / 1000) } ?? forever
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
        return .object(
            [.init("name", .string(family.name))]
                + attributes.sorted { $0.key < $1.key }.map { .init($0.key, .string($0.value)) })
    }

    static func definition(name: String, _ document: JSONValue) throws(SiltstoneError)
        -> TableDefinition
    {
        guard let members = document.objectValue else {
            throw SiltstoneError(.invalidArgument, "a schema is an object")
        }
        var definition = TableDefinition(name, families: [])
        for member in members {
            switch member.name {
            case "name", "IS_META": break
            case "ColumnSchema":
                for family in member.value.arrayValue ?? [] {
                    definition.families.append(try self.family(family))
                }
            case "READONLY": definition.isReadOnly = text(member.value).lowercased() == "true"
            case "DURABILITY":
                let level = text(member.value)
                guard level.uppercased() != "USE_DEFAULT" else { break }
                guard let durability = Durability(name: level) else {
                    throw SiltstoneError(.invalidArgument, "durability is unknown value=\(level)")
                }
                definition.durability = durability
            default: definition.attributes[member.name] = text(member.value)
            }
        }
        return definition
    }

    private static func family(_ document: JSONValue) throws(SiltstoneError) -> Family {
        guard let name = document["name"]?.stringValue else {
            throw SiltstoneError(.invalidArgument, "a column family has a name")
        }
        // HBase's default, for those who come through HBase's door.
        var family = Family(name, compression: .none)
        for member in document.objectValue ?? [] where member.name != "name" {
            try set(member.name, text(member.value), on: &family)
        }
        return family
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

    private static func text(_ value: JSONValue) -> String { value.stringValue ?? value.text }
}
