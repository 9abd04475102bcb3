import SiltBytes
package import SiltModel

/// A table's definition as `/v1` writes it.
///
/// `{"name", "families": {"cf": {"versions", "min_versions", "ttl_ms", "gc", "compression", "block_bytes", "bloom",
/// "keep_deleted"}}, "splits": […], "hash": 8, "durability", "read_only"}`; everything but the families may be left out. A new table may have
/// `"feed": {"retention_ms"}` too, which is no part of the definition.
package enum TableSchemaJSON {
    /// A definition with all its settings.
    package static func encode(_ definition: TableDefinition) -> JSONValue {
        let families = definition.families.map { JSONValue.Member($0.name, encode($0)) }
        var members: [JSONValue.Member] = [
            .init("name", .string(definition.name)), .init("families", .object(families)),
        ]
        if !definition.splitPoints.isEmpty {
            members.append(.init("splits", .array(definition.splitPoints.map(RowJSON.encode))))
        }
        if let buckets = definition.hashBuckets {
            members.append(.init("hash", .integer(Int64(buckets))))
        }
        members.append(.init("durability", .string((definition.durability ?? .fsyncWAL).name)))
        members.append(.init("read_only", .bool(definition.isReadOnly)))
        return .object(members)
    }

    private static func encode(_ family: Family) -> JSONValue {
        let compression: String =
            switch family.compression {
            case .none: "none"
            case .lz4: "lz4"
            case .zstd(let level): "zstd:\(level)"
            }
        let bloom =
            switch family.bloomFilter {
            case .none: "none"
            case .row: "row"
            case .rowAndColumn: "row_column"
            }
        let keeps =
            switch family.keepDeletedCells {
            case .no: "false"
            case .yes: "true"
            case .untilTimeToLive: "ttl"
            }
        var members: [JSONValue.Member] = []
        if let rule = family.collectionRule { members.append(.init("gc", .string(rule.text))) }
        let settings: [(String, JSONValue)] = [
            ("versions", .integer(Int64(family.maxVersions))),
            ("min_versions", .integer(Int64(family.minVersions))),
            ("ttl_ms", family.timeToLiveMilliseconds.map { .integer($0) } ?? .null),
            ("compression", .string(compression)),
            ("block_bytes", .integer(Int64(family.blockBytes))),
            ("bloom", .string(bloom)), ("keep_deleted", .string(keeps)),
        ]
        return .object(members + settings.map { JSONValue.Member($0.0, $0.1) })
    }

    /// Reads a definition.
    ///
    /// - Parameter base: what the settings that are left out keep; `nil` for a new table.
    package static func decode(_ document: JSONValue, name: String, base: TableDefinition?)
        throws(SiltstoneError)
        -> TableDefinition
    {
        guard let members = document.objectValue else {
            throw SiltstoneError(.invalidArgument, "a table's schema is an object")
        }
        var definition = base ?? TableDefinition(name, families: [])
        for member in members {
            switch member.name {
            case "name": break
            case "feed" where base == nil: break
            case "families":
                for (family, settings) in try families(member.value) {
                    let index = definition.families.firstIndex { $0.name == family }
                    if settings.isNull, base != nil {
                        if let index { definition.families.remove(at: index) }
                        continue
                    }
                    let decoded = try decode(
                        settings, index.map { definition.families[$0] } ?? Family(family))
                    if let index {
                        definition.families[index] = decoded
                    } else {
                        definition.families.append(decoded)
                    }
                }
            case "splits":
                guard let points = member.value.arrayValue else {
                    throw SiltstoneError(.invalidArgument, "splits is not a list of row keys")
                }
                definition.splitPoints = []
                for point in points { definition.splitPoints.append(try RowJSON.decode(point)) }
            case "hash":
                guard let buckets = member.value.integerValue else {
                    throw SiltstoneError(
                        .invalidArgument,
                        "hash is not a number of buckets hash=\(member.value.text)")
                }
                definition.hashBuckets = Int(clamping: buckets)
            case "durability":
                guard let level = member.value.stringValue.flatMap({ Durability(name: $0) }) else {
                    throw SiltstoneError(
                        .invalidArgument, "durability is unknown value=\(member.value.text)")
                }
                definition.durability = level
            case "read_only": definition.isReadOnly = member.value.boolValue ?? false
            default:
                throw SiltstoneError(.invalidArgument, "setting is unknown name=\(member.name)")
            }
        }
        return definition
    }

    /// For how long the changes of a new table are kept; `nil` when it is to have no change feed.
    static func feedRetentionMilliseconds(_ document: JSONValue) throws(SiltstoneError) -> Int64? {
        guard let feed = document["feed"], !feed.isNull else { return nil }
        guard let retention = feed["retention_ms"]?.integerValue else {
            throw SiltstoneError(
                .invalidArgument, "feed says for how long: {\"retention_ms\": N}")
        }
        return retention
    }

    private static func families(_ value: JSONValue) throws(SiltstoneError) -> [(String, JSONValue)]
    {
        if let members = value.objectValue { return members.map { ($0.name, $0.value) } }
        var result: [(String, JSONValue)] = []
        for name in value.arrayValue ?? [] {
            guard let name = name.stringValue else {
                throw SiltstoneError(.invalidArgument, "a family's name is a string")
            }
            result.append((name, .object([])))
        }
        return result
    }

    private static func decode(_ settings: JSONValue, _ base: Family) throws(SiltstoneError)
        -> Family
    {
        var family = base
        guard let members = settings.objectValue else {
            throw SiltstoneError(
                .invalidArgument, "a family's settings are an object family=\(base.name)")
        }
        for member in members {
            try set(member.name, member.value, on: &family)
        }
        // A rule says what versions and time to live are; without one those that are given do.
        guard let rule = member(members, "gc") else {
            if ["versions", "min_versions", "ttl_ms"].contains(where: { member(members, $0) != nil }
            ) {
                family.collectionRule = nil
            }
            return family
        }
        if rule.isNull {
            family.collectionRule = nil
        } else {
            guard let text = rule.stringValue else {
                throw SiltstoneError(.invalidArgument, "gc is not a text family=\(base.name)")
            }
            family.collectionRule = try CollectionRule(parsing: text)
        }
        return family
    }

    private static func member(_ members: [JSONValue.Member], _ name: String) -> JSONValue? {
        members.last { $0.name == name }?.value
    }

    private static func set(_ name: String, _ value: JSONValue, on family: inout Family)
        throws(SiltstoneError)
    {
        let wrong = SiltstoneError(
            .invalidArgument,
            "family setting is wrong family=\(family.name) name=\(name) value=\(value.text)")
        func integer(_ range: ClosedRange<Int64>) throws(SiltstoneError) -> Int64 {
            guard let number = value.integerValue, range.contains(number) else { throw wrong }
            return number
        }
        switch name {
        case "gc": break
        case "versions": family.maxVersions = Int(try integer(1...Int64(Int32.max)))
        case "min_versions": family.minVersions = Int(try integer(0...Int64(Int32.max)))
        case "ttl_ms":
            family.timeToLiveMilliseconds = value.isNull ? nil : try integer(1...Int64.max)
        case "block_bytes": family.blockBytes = Int(try integer(1024...(16 << 20)))
        case "compression":
            let parts = (value.stringValue ?? "").split(separator: ":")
            switch (parts.first, parts.count) {
            case ("none", 1): family.compression = .none
            case ("lz4", 1): family.compression = .lz4
            case ("zstd", 1): family.compression = .zstd(level: 3)
            case ("zstd", 2):
                guard let level = Int(parts[1]), (1...19).contains(level) else { throw wrong }
                family.compression = .zstd(level: level)
            default: throw wrong
            }
        case "bloom":
            switch value.stringValue {
            case "none": family.bloomFilter = .none
            case "row": family.bloomFilter = .row
            case "row_column": family.bloomFilter = .rowAndColumn
            default: throw wrong
            }
        case "keep_deleted":
            switch value.stringValue ?? value.text {
            case "false": family.keepDeletedCells = .no
            case "true": family.keepDeletedCells = .yes
            case "ttl": family.keepDeletedCells = .untilTimeToLive
            default: throw wrong
            }
        default: throw wrong
        }
    }
}
