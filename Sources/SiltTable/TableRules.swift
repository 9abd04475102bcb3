import SiltFormat
import SiltModel

/// Rules that a table's definition keeps.
enum TableRules {
    /// What the first path segment of the HTTP API means already.
    private static let reservedNames: Set<String> = [
        "v1", "metrics", "healthz", "readyz", "ui", "version", "status", "namespaces", "write",
        "ping", "query", "api",
    ]

    /// The namespace of tables that Siltstone itself keeps.
    static let systemPrefix = "silt:"

    /// Whether an attribute of a table is what Siltstone keeps there, and no user's.
    static func isOwn(attribute key: String) -> Bool {
        key.hasPrefix(StoredIndex.attributePrefix) || key == StoredFeed.attributeKey
    }

    /// Throws `invalidArgument` for a definition that cannot be a table.
    static func check(_ definition: TableDefinition) throws(SiltstoneError) {
        try check(name: definition.name)
        guard !definition.families.isEmpty else {
            throw SiltstoneError(
                .invalidArgument, "table needs a family table=\(definition.name)")
        }
        guard definition.families.count <= Limits.familyCountMax else {
            throw SiltstoneError(
                .invalidArgument,
                "table has too many families count=\(definition.families.count) max=\(Limits.familyCountMax)"
            )
        }
        if let buckets = definition.hashBuckets {
            guard (2...Limits.hashBucketsMax).contains(buckets) else {
                throw SiltstoneError(
                    .invalidArgument,
                    "table must have 2 to \(Limits.hashBucketsMax) buckets buckets=\(buckets) table=\(definition.name)"
                )
            }
        }
        var names: Set<String> = []
        for family in definition.families {
            guard names.insert(family.name).inserted else {
                throw SiltstoneError(
                    .invalidArgument, "family is declared twice family=\(family.name)")
            }
            try check(family)
        }
    }

    /// The split points must ascend.
    static func checkSplitPoints(_ definition: TableDefinition) throws(SiltstoneError) {
        for (index, point) in definition.splitPoints.enumerated() {
            try RowRules.check(row: point)
            guard index == 0 || definition.splitPoints[index - 1] < point else {
                throw SiltstoneError(
                    .invalidArgument, "split points must ascend without repetition key=\(point)")
            }
        }
    }

    /// `name` or `namespace:name`, by HBase's rules.
    static func check(name: String) throws(SiltstoneError) {
        func refuse(_ reason: String) -> SiltstoneError {
            SiltstoneError(.invalidArgument, "table name \(reason) name=\(name)")
        }
        let parts = name.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 2, let table = parts.last, !table.isEmpty else {
            throw refuse("must be NAME or NAMESPACE:NAME")
        }
        guard name.utf8.count <= 255 else { throw refuse("is longer than 255 bytes") }
        if parts.count == 2 {
            guard isNamespace(parts[0]) else {
                throw refuse("has a namespace with other characters than letters, digits and _")
            }
        }
        guard table.utf8.allSatisfy({ isWordByte($0) || $0 == 0x2d || $0 == 0x2e }) else {
            throw refuse("has other characters than letters, digits, _ - and .")
        }
        guard table.utf8.first != 0x2d, table.utf8.first != 0x2e else {
            throw refuse("must not begin with - or .")
        }
        guard parts.count == 2 || !(reservedNames.contains(name) || name == "zookeeper") else {
            throw refuse("is reserved")
        }
    }

    /// Throws `invalidArgument` for what cannot be a user's namespace.
    static func check(namespace: String) throws(SiltstoneError) {
        guard isNamespace(namespace[...]), namespace.utf8.count <= 255,
            namespace + ":" != systemPrefix
        else {
            throw SiltstoneError(
                .invalidArgument,
                "namespace has a name of other than letters, digits and _ name=\(namespace)")
        }
    }

    /// The namespace that a table's name begins with; `nil` when it names none.
    static func namespace(of name: String) -> String? {
        name.firstIndex(of: ":").map { String(name[..<$0]) }
    }

    private static func isNamespace(_ text: Substring) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { isWordByte($0) }
    }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x5f, 0x61...0x7a: true
        default: false
        }
    }

    private static func check(_ family: Family) throws(SiltstoneError) {
        func refuse(_ reason: String) -> SiltstoneError {
            SiltstoneError(.invalidArgument, "family \(reason) family=\(family.name)")
        }
        let name = family.name
        guard !name.isEmpty, name.utf8.count <= Limits.familyNameBytesMax else {
            throw refuse("name must have 1 to \(Limits.familyNameBytesMax) bytes")
        }
        let isClean = name.unicodeScalars.allSatisfy {
            $0.value >= 0x20 && !(0x7f...0x9f).contains($0.value) && $0 != ":" && $0 != "/"
                && $0 != "\\"
        }
        guard isClean, !name.hasPrefix(".") else {
            throw refuse("name must not begin with . or hold control characters, : / or \\")
        }
        guard family.attributes[SchemaRecord.ruleKey] == nil else {
            throw refuse("must not have the attribute \(SchemaRecord.ruleKey)")
        }
        var ruled = family
        ruled.obeyRule()
        guard ruled == family else {
            throw refuse("must have the versions and time to live that its collection rule implies")
        }
        guard family.maxVersions >= 1 else {
            throw refuse("must keep at least 1 version versions=\(family.maxVersions)")
        }
        guard family.minVersions >= 0, family.minVersions <= family.maxVersions else {
            throw refuse(
                "must have minimum versions from 0 to its versions minimum=\(family.minVersions) versions=\(family.maxVersions)"
            )
        }
        if let life = family.timeToLiveMilliseconds, life <= 0 {
            throw refuse("must have a positive time to live ms=\(life)")
        }
        guard (1 << 10...16 << 20).contains(family.blockBytes) else {
            throw refuse("must have blocks of 1 KiB to 16 MiB bytes=\(family.blockBytes)")
        }
        if case .zstd(let level) = family.compression, !(1...19).contains(level) {
            throw refuse("must have a Zstandard level from 1 to 19 level=\(level)")
        }
    }
}
