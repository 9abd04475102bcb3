import SiltBytes
import SiltFormat
import SiltIO
import SiltLSM
import SiltModel

/// Verifies a data directory that nobody has open: every file, and how they hang together.
struct DirectoryCheck {
    /// What was looked at.
    struct Summary {
        var tables = 0
        var regions = 0
        var tableFiles = 0
        var cells = 0
        var logSegments = 0
        var logBatches = 0
        var bytes = 0
        /// Damage, each with its file.
        var problems: [String] = []
        /// What is worth knowing and no damage.
        var notes: [String] = []
    }

    private let environment: Environment
    private var progress = Progress()
    private(set) var summary = Summary()
    private var referenced: Set<String> = []

    init(_ environment: Environment) { self.environment = environment }

    /// Looks at everything; what is damaged is in the summary afterwards.
    mutating func run() throws(SiltstoneError) {
        attempt { (check) throws(SiltstoneError) in try check.checkFormat() }
        let keys = try environment.objects.list(prefix: "", after: nil)
        let schemas = newestSchemas(keys)
        let manifests = newestManifests(keys)
        var live: Set<Identifier> = []
        for schema in schemas where schema.state == .live {
            summary.tables += 1
            checkRegions(of: schema, manifests)
            live.formUnion(schema.regions.map(\.id))
        }
        // Manifests of regions that were split or merged may name files that are gone.
        for manifest in manifests.values.sorted(by: { $0.region < $1.region })
        where live.contains(manifest.region) {
            checkFiles(of: manifest)
        }
        for incarnation in try environment.log.incarnations() { checkLog(incarnation) }
        let orphans = keys.filter {
            $0.hasPrefix("tables/") && $0.hasSuffix(".sst") && !referenced.contains($0)
        }
        if !orphans.isEmpty {
            summary.notes.append(
                "\(orphans.count) table files belong to no region any more; the sweeper deletes them"
            )
        }
        progress.end()
    }

    private mutating func attempt(
        _ body: (inout DirectoryCheck) throws(SiltstoneError) -> Void
    ) {
        do throws(SiltstoneError) { try body(&self) } catch {
            summary.problems.append(error.description)
        }
    }

    private mutating func read(_ key: String) throws(SiltstoneError) -> [UInt8] {
        progress.show(key)
        let bytes = try environment.objects.get(key)
        summary.bytes += bytes.count
        return bytes
    }

    private mutating func checkFormat() throws(SiltstoneError) {
        let bytes = try read(FormatRecord.key)
        _ = try located(FormatRecord.key, 0) { () throws(DecodingError) in
            try FormatRecord(decoding: bytes)
        }
    }

    /// The newest schema of each table; older ones are decoded too.
    private mutating func newestSchemas(_ keys: [String]) -> [SchemaRecord] {
        var newest: [Identifier: SchemaRecord] = [:]
        for key in keys where key.hasPrefix("tables/") && key.contains("/schema/") {
            attempt { (check) throws(SiltstoneError) in
                let bytes = try check.read(key)
                let schema = try located(key, 0) { () throws(DecodingError) in
                    try SchemaRecord(decoding: bytes)
                }
                guard SchemaRecord.key(table: schema.table, number: schema.number) == key else {
                    throw SiltstoneError(
                        .corrupted, "schema stands under another's name", at: .init(file: key))
                }
                if schema.number >= newest[schema.table]?.number ?? 0 {
                    newest[schema.table] = schema
                }
            }
        }
        return newest.values.sorted { $0.name < $1.name }
    }

    /// The newest manifest of each region; older ones are decoded too.
    private mutating func newestManifests(_ keys: [String]) -> [Identifier: RegionManifest] {
        var newest: [Identifier: RegionManifest] = [:]
        for key in keys where key.hasPrefix("regions/") && key.contains("/manifest/") {
            attempt { (check) throws(SiltstoneError) in
                let bytes = try check.read(key)
                let manifest = try located(key, 0) { () throws(DecodingError) in
                    try RegionManifest(decoding: bytes)
                }
                guard RegionManifest.key(region: manifest.region, number: manifest.number) == key
                else {
                    throw SiltstoneError(
                        .corrupted, "manifest stands under another's name", at: .init(file: key))
                }
                if manifest.number >= newest[manifest.region]?.number ?? 0 {
                    newest[manifest.region] = manifest
                }
            }
        }
        return newest
    }

    /// A table's regions exist, are of the table and cover all rows without gap or overlap, in each bucket.
    private mutating func checkRegions(
        of schema: SchemaRecord, _ manifests: [Identifier: RegionManifest]
    ) {
        let key = SchemaRecord.key(table: schema.table, number: schema.number)
        var end = Bytes.empty
        var buckets = 0
        for region in schema.regions {
            if region.rows.start.isEmpty { buckets += 1 }
            // Where one bucket's rows end, the next one's begin.
            if region.rows.start != end {
                summary.problems.append(
                    "corrupted: regions leave a gap or overlap region=\(region.id) file=\(key)")
            }
            end = region.rows.end
            guard let manifest = manifests[region.id] else {
                summary.problems.append(
                    "corrupted: region has no manifest region=\(region.id) file=\(key)")
                continue
            }
            if manifest.table != schema.table || manifest.rows != region.rows {
                summary.problems.append(
                    "corrupted: manifest and schema differ on a region region=\(region.id) file=\(key)"
                )
            }
        }
        if buckets != schema.hashBuckets ?? 1 || !end.isEmpty {
            summary.problems.append(
                "corrupted: regions do not cover the table table=\(schema.name) file=\(key)")
        }
    }

    /// The files that a region's manifest names.
    private mutating func checkFiles(of manifest: RegionManifest) {
        if manifest.state == .dropped { return }
        summary.regions += 1
        let manifestKey = RegionManifest.key(region: manifest.region, number: manifest.number)
        for problem in ManifestCheck(manifest).problems {
            summary.problems.append("corrupted: \(problem) file=\(manifestKey)")
        }
        for tree in manifest.trees {
            for run in tree.runs {
                for file in run.files where referenced.insert(file.key).inserted {
                    attempt { (check) throws(SiltstoneError) in
                        let bytes = try check.read(file.key)
                        check.summary.tableFiles += 1
                        check.summary.cells += try TableFileCheck.run(
                            bytes, name: file.key, known: file, family: tree.family)
                    }
                }
            }
        }
    }

    /// A log as recovery will read it.
    private mutating func checkLog(_ incarnation: Identifier) {
        attempt { (check) throws(SiltstoneError) in
            var replay = LogReplay(check.environment.log, incarnation: incarnation)
            defer {
                check.summary.logSegments += replay.segmentCount
                if replay.tornBytes > 0 {
                    check.summary.notes.append(
                        "log \(incarnation) ends with \(replay.tornBytes) bytes of a batch that was never "
                            + "acknowledged; opening drops them")
                }
            }
            var sequences: [Identifier: UInt64] = [:]
            var batches = 0
            defer { check.summary.logBatches += batches }
            try replay.run { (record, bytes) throws(SiltstoneError) in
                batches += 1
                for section in record.sections {
                    guard section.firstSequence > sequences[section.region] ?? 0 else {
                        throw SiltstoneError(
                            .corrupted,
                            "sequences do not ascend region=\(section.region) sequence=\(section.firstSequence)",
                            at: .init(file: "wal/\(incarnation)", offset: record.offset))
                    }
                    sequences[section.region] =
                        section.firstSequence &+ UInt64(max(1, section.operationCount)) &- 1
                    try located("wal/\(incarnation)", 0) { () throws(DecodingError) in
                        var operations = OperationReader(bytes, range: section.range)
                        var count = 0
                        while try operations.next() != nil { count += 1 }
                        guard count == section.operationCount else {
                            throw DecodingError(
                                offset: section.range.lowerBound,
                                "section has another number of operations")
                        }
                    }
                }
            }
        }
    }
}
