package import SiltBytes
package import SiltModel

/// A table as the catalog keeps it, as one numbered, immutable snapshot: the highest number is the
/// truth.
///
/// Part of the format: docs/format/schema.md.
package struct SchemaRecord: Hashable, Sendable {
    static let magic = "SILTSCH\n"
    static let version: UInt32 = 2

    /// Whether the table is there.
    package enum State: UInt8, Sendable, CaseIterable {
        /// It is.
        case live = 1
        /// It was dropped; its objects may be swept.
        case dropped = 2
    }

    /// A family with its number.
    package struct NumberedFamily: Hashable, Sendable {
        /// The number, 0 to 254, never used again within the table.
        package var id: UInt8
        /// The settings.
        package var settings: Family

        /// A family.
        package init(id: UInt8, settings: Family) {
            self.id = id
            self.settings = settings
        }
    }

    /// A region of the table.
    package struct Region: Hashable, Sendable {
        /// The region.
        package var id: Identifier
        /// Its rows.
        package var rows: RowClip

        /// A region.
        package init(id: Identifier, rows: RowClip) {
            self.id = id
            self.rows = rows
        }
    }

    /// The table.
    package var table: Identifier
    /// The record's number, which its name carries too; from 1.
    package var number: UInt64
    /// The table's name.
    package var name: String
    /// Whether the table is there.
    package var state: State
    /// The families, by number.
    package var families: [NumberedFamily]
    /// The number that the next new family gets.
    package var nextFamilyID: UInt16
    /// The default durability of writes; `nil` means `FSYNC_WAL`.
    package var durability: Durability?
    /// Whether writes are refused.
    package var isReadOnly: Bool
    /// Over how many buckets rows are spread by the hash of their keys; `nil` for none.
    package var hashBuckets: Int?
    /// Other attributes.
    package var attributes: [String: String]
    /// The regions, by their rows; bucket by bucket.
    package var regions: [Region]

    /// A record.
    package init(
        table: Identifier, number: UInt64, name: String, state: State = .live,
        families: [NumberedFamily], nextFamilyID: UInt16, durability: Durability? = nil,
        isReadOnly: Bool = false, hashBuckets: Int? = nil, attributes: [String: String] = [:],
        regions: [Region]
    ) {
        self.table = table
        self.number = number
        self.name = name
        self.state = state
        self.families = families
        self.nextFamilyID = nextFamilyID
        self.durability = durability
        self.isReadOnly = isReadOnly
        self.hashBuckets = hashBuckets
        self.attributes = attributes
        self.regions = regions
    }

    /// What the keys of a table's schemas begin with.
    package static func keyPrefix(table: Identifier) -> String { "tables/\(table)/schema/" }

    /// The key of the object that holds a schema: numbers sort as text.
    package static func key(table: Identifier, number: UInt64) -> String {
        keyPrefix(table: table) + ObjectNumber.text(number)
    }
}
