import SiltBytes
import SiltFormat
import SiltLSM
import SiltModel

extension TableLayout {
    /// The layout that a schema and its open regions make.
    convenience init(_ record: SchemaRecord, regions: [TreeGroup]) {
        let families = record.families
            .map { StoredFamily(id: $0.id, settings: $0.settings) }
            .sorted { Bytes($0.settings.name) < Bytes($1.settings.name) }
        let definition = TableDefinition(
            record.name, families: families.map(\.settings), durability: record.durability,
            isReadOnly: record.isReadOnly,
            splitPoints: TableLayout.splitPoints(regions.map(\.range.start)),
            hashBuckets: record.hashBuckets, attributes: record.attributes)
        self.init(
            schemaNumber: record.number, definition: definition, families: families,
            nextFamily: Int(record.nextFamilyID), regions: regions)
    }

    /// The schema that says the same.
    func record(table: Identifier, state: SchemaRecord.State = .live) -> SchemaRecord {
        SchemaRecord(
            table: table, number: schemaNumber, name: definition.name, state: state,
            families: families.map { .init(id: $0.id, settings: $0.settings) }
                .sorted { $0.id < $1.id },
            nextFamilyID: UInt16(nextFamily), durability: definition.durability,
            isReadOnly: definition.isReadOnly, hashBuckets: definition.hashBuckets,
            attributes: definition.attributes,
            regions: regions.map {
                .init(id: $0.id, rows: RowClip(start: $0.range.start, end: $0.range.end))
            })
    }

    /// The next version of the layout: families of the same name keep their number, new ones get fresh ones.
    func altered(to definition: TableDefinition) throws(SiltstoneError) -> TableLayout {
        var next = nextFamily
        var changed: [StoredFamily] = []
        for settings in definition.families.sorted(by: { Bytes($0.name) < Bytes($1.name) }) {
            if let known = families.first(where: { $0.settings.name == settings.name }) {
                changed.append(StoredFamily(id: known.id, settings: settings))
                continue
            }
            guard next < Limits.familyCountMax else {
                throw SiltstoneError(
                    .invalidArgument,
                    "table has had too many families max=\(Limits.familyCountMax) table=\(definition.name)"
                )
            }
            changed.append(StoredFamily(id: UInt8(next), settings: settings))
            next += 1
        }
        var kept = definition
        kept.families = changed.map(\.settings)
        kept.splitPoints = self.definition.splitPoints
        guard definition.hashBuckets == nil || definition.hashBuckets == self.definition.hashBuckets
        else {
            throw SiltstoneError(
                .invalidArgument,
                "table keeps its buckets for life table=\(definition.name) buckets=\(self.definition.hashBuckets ?? 0)"
            )
        }
        kept.hashBuckets = self.definition.hashBuckets
        // Indexes and feeds have calls of their own; whoever gives back a definition with old ones changes nothing.
        kept.attributes = kept.attributes.filter { !TableRules.isOwn(attribute: $0.key) }
        kept.attributes[StoredFeed.attributeKey] = feed?.attributeValue
        for index in indexes
        where changed.contains(where: { $0.settings.name == index.declared.column.family }) {
            kept.attributes[index.attributeKey] = index.attributeValue
        }
        return TableLayout(
            schemaNumber: schemaNumber + 1, definition: kept, families: changed,
            nextFamily: next, regions: regions)
    }
}

extension TableLayout {
    /// The same layout over other regions.
    func with(regions: [TreeGroup]) -> TableLayout {
        TableLayout(
            schemaNumber: schemaNumber, definition: definition, families: families,
            nextFamily: nextFamily, regions: regions)
    }

    /// The next version of the layout, with another feed or none.
    func with(_ feed: StoredFeed?) -> TableLayout {
        var changed = definition
        changed.attributes[StoredFeed.attributeKey] = feed?.attributeValue
        return TableLayout(
            schemaNumber: schemaNumber + 1, definition: changed, families: families,
            nextFamily: nextFamily, regions: regions)
    }

    /// The next version of the layout, in which an index is another, new or gone.
    func with(_ index: StoredIndex?, for column: Column) -> TableLayout {
        var changed = definition
        changed.attributes[StoredIndex.attributeKey(column)] = index?.attributeValue
        return TableLayout(
            schemaNumber: schemaNumber + 1, definition: changed, families: families,
            nextFamily: nextFamily, regions: regions)
    }
}
