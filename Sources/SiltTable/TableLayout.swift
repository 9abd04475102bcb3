import SiltBytes
import SiltLSM
import SiltModel
import Synchronization

/// A family of a table and the number by which its trees and cells know it.
struct StoredFamily: Sendable, Hashable {
    /// Stable for the family's life and never used again within the table.
    let id: UInt8
    /// The settings.
    let settings: Family
}

/// One version of a table's schema with its open regions; immutable, swapped as a whole.
final class TableLayout: Sendable {
    /// The schema object's number.
    let schemaNumber: UInt64
    /// The schema as its user declares it.
    let definition: TableDefinition
    /// When writes are acknowledged that do not say it themselves.
    let durability: Durability
    /// Whether writes are refused.
    let isReadOnly: Bool
    /// The families in the byte order of their names.
    let families: [StoredFamily]
    private let familyNames: [String]
    /// The smallest family number never used so far.
    let nextFamily: Int
    /// The regions, bucket by bucket, in row order; those of a bucket cover all row keys without gap or overlap.
    let regions: [TreeGroup]
    /// Which of the regions are those of a bucket.
    let buckets: RowBuckets
    /// The column indexes, complete or not, in the order of their columns.
    let indexes: [StoredIndex]
    /// The change feed, if there is one.
    let feed: StoredFeed?
    /// Whether the table holds the entries of another's feed.
    let isFeed: Bool
    /// The plan made last: a program reads with few projections, most often the same again.
    private let lastPlan = Mutex<ReadPlan?>(nil)

    init(
        schemaNumber: UInt64, definition: TableDefinition, families: [StoredFamily],
        nextFamily: Int, regions: [TreeGroup]
    ) {
        self.schemaNumber = schemaNumber
        self.definition = definition
        durability = definition.durability ?? .fsyncWAL
        isReadOnly = definition.isReadOnly
        self.families = families
        familyNames = families.map(\.settings.name)
        self.nextFamily = nextFamily
        self.regions = regions
        buckets = RowBuckets(regions)
        indexes = StoredIndex.indexes(definition.attributes)
        feed = StoredFeed(definition.attributes)
        isFeed = definition.name.hasPrefix(StoredFeed.tablePrefix)
    }

    /// Whether more than the rows is written when rows are.
    var isTracked: Bool { feed != nil || !indexes.isEmpty }

    /// The number of the region that a row lies in.
    func regionIndex(of row: Bytes) -> Int {
        if regions.count == 1 { return 0 }
        return regionIndex(of: row, in: buckets.regions(of: row))
    }

    /// The number of the region, among those of one bucket, in whose range a row lies.
    func regionIndex(of row: Bytes, in bucket: Range<Int>) -> Int {
        var low = bucket.lowerBound
        var high = bucket.upperBound
        while high - low > 1 {
            let middle = (low + high) / 2
            if regions[middle].range.start <= row { low = middle } else { high = middle }
        }
        return low
    }

    /// What a projection means for this schema.
    func plan(_ projection: Projection) throws(SiltstoneError) -> ReadPlan {
        if let plan = lastPlan.withLock({ $0 }), plan.projection == projection { return plan }
        let plan = try ReadPlan(projection, layout: self)
        lastPlan.withLock { $0 = plan }
        return plan
    }

    /// The family of a name.
    func family(named name: String) throws(SiltstoneError) -> StoredFamily {
        try families[familyIndex(named: name)]
    }

    /// The place in `families` of a name.
    func familyIndex(named name: String) throws(SiltstoneError) -> Int {
        // The names alone: looking at the families would touch all that they hold.
        for index in familyNames.indices where familyNames[index] == name { return index }
        throw SiltstoneError(.notFound, "no such family table=\(definition.name) family=\(name)")
    }

    /// What the engine needs to know of the families.
    var trees: [TreeOptions] {
        families.map { TreeOptions(family: $0.id, settings: $0.settings) }
    }
}
