public import SiltBytes

/// How a family keeps deleted cells readable.
public enum KeepDeletedCells: UInt8, Sendable, CaseIterable {
    /// Deleted cells are invisible and dropped as soon as is safe.
    case no = 0
    /// Deleted cells stay readable by time ranges that end before the marker.
    case yes = 1
    /// As `yes`, until the marker is older than the TTL.
    case untilTimeToLive = 2
}

/// What the bloom filters of a family's files answer for.
public enum BloomFilterKind: UInt8, Sendable, CaseIterable {
    /// No filter.
    case none = 0
    /// Is the row in the file?
    case row = 1
    /// Is the row and column in the file?
    case rowAndColumn = 2
}

/// How a family's blocks are compressed.
public enum Compression: Hashable, Sendable {
    /// As they are.
    case none
    /// LZ4, the default.
    case lz4
    /// Zstandard at a level from 1 to 19.
    case zstd(level: Int)
}

/// A column family and its settings.
public struct Family: Hashable, Sendable {
    /// The name: printable, no `:` `/` `\`, not starting with a full stop, 1 to 255 bytes.
    public var name: String
    /// VERSIONS: how many versions of a column are kept; at least 1.
    public var maxVersions: Int
    /// MIN_VERSIONS: how many are kept even when older than the TTL; 0 or more.
    public var minVersions: Int
    /// TTL in milliseconds; a cell older than this is invisible.
    ///
    /// `nil` is forever.
    public var timeToLiveMilliseconds: Int64?
    /// KEEP_DELETED_CELLS.
    public var keepDeletedCells: KeepDeletedCells
    /// BLOOMFILTER.
    public var bloomFilter: BloomFilterKind
    /// BLOCKSIZE: the size aimed at for a data block before compression, 1 KiB to 16 MiB.
    public var blockBytes: Int
    /// COMPRESSION.
    public var compression: Compression
    /// Which versions are garbage; `nil` when the settings of versions and time to live say it all.
    ///
    /// To set a rule sets those as it implies.
    public var collectionRule: CollectionRule? { didSet { obeyRule() } }
    /// Other attributes, kept and given back as they are (HBase clients send such).
    public var attributes: [String: String]

    /// A family; what is left out has HBase's default (compression: LZ4).
    public init(
        _ name: String, maxVersions: Int = 1, minVersions: Int = 0,
        timeToLiveMilliseconds: Int64? = nil,
        keepDeletedCells: KeepDeletedCells = .no, bloomFilter: BloomFilterKind = .row,
        blockBytes: Int = 65_536, compression: Compression = .lz4,
        collectionRule: CollectionRule? = nil, attributes: [String: String] = [:]
    ) {
        self.name = name
        self.maxVersions = maxVersions
        self.minVersions = minVersions
        self.timeToLiveMilliseconds = timeToLiveMilliseconds
        self.keepDeletedCells = keepDeletedCells
        self.bloomFilter = bloomFilter
        self.blockBytes = blockBytes
        self.compression = compression
        self.collectionRule = collectionRule
        self.attributes = attributes
        obeyRule()
    }

    /// Makes versions and time to live what the rule implies, if there is one.
    public mutating func obeyRule() {
        guard let rule = collectionRule else { return }
        maxVersions = rule.maxVersions
        minVersions = rule.minVersions
        timeToLiveMilliseconds = rule.timeToLiveMilliseconds
    }
}

/// When a write is acknowledged.
///
/// The names are HBase's.
public enum Durability: UInt8, Sendable, CaseIterable {
    /// In memory only: lost by a crash until the next flush.
    case skipWAL = 1
    /// In the process's log buffer: a killed process loses at most the last second or 8 MiB.
    case asyncWAL = 2
    /// Given to the operating system: survives a killed process, not a power cut.
    case syncWAL = 3
    /// On the device (fdatasync): survives a power cut. The default.
    case fsyncWAL = 4

    /// HBase's name, such as `FSYNC_WAL`.
    public var name: String {
        switch self {
        case .skipWAL: "SKIP_WAL"
        case .asyncWAL: "ASYNC_WAL"
        case .syncWAL: "SYNC_WAL"
        case .fsyncWAL: "FSYNC_WAL"
        }
    }

    /// The level of HBase's name, any case; `nil` when there is none.
    public init?(name: String) {
        let wanted = name.uppercased()
        guard let level = Durability.allCases.first(where: { $0.name == wanted }) else {
            return nil
        }
        self = level
    }
}

/// A table as its user declares it.
public struct TableDefinition: Hashable, Sendable {
    /// The name: letters, digits, `_` `-` `.`, with an optional `namespace:` before it.
    public var name: String
    /// The families, in the order of their names; at least one.
    public var families: [Family]
    /// The default durability of writes; `nil` means `FSYNC_WAL`.
    public var durability: Durability?
    /// Whether writes are refused.
    public var isReadOnly: Bool
    /// The row keys at which the table is cut into regions, ascending; none for one region.
    public var splitPoints: [Bytes]
    /// Over how many buckets rows are spread by the hash of their keys, 2 to 256; `nil` for none.
    ///
    /// Each bucket has regions of its own, so that writes of ascending keys meet them all. Keys stay as they
    /// are, and scans give all rows in order. A table keeps its number of buckets for life.
    public var hashBuckets: Int?
    /// Other attributes, kept and given back as they are.
    public var attributes: [String: String]

    /// A table.
    public init(
        _ name: String, families: [Family], durability: Durability? = nil, isReadOnly: Bool = false,
        splitPoints: [Bytes] = [], hashBuckets: Int? = nil, attributes: [String: String] = [:]
    ) {
        self.name = name
        self.families = families
        self.durability = durability
        self.isReadOnly = isReadOnly
        self.splitPoints = splitPoints
        self.hashBuckets = hashBuckets
        self.attributes = attributes
    }
}
