/// Bounds that hold everywhere.
public enum Limits {
    /// The longest row key, in bytes (HBase's).
    public static let rowBytesMax = 32_767
    /// The longest family name, in bytes.
    public static let familyNameBytesMax = 255
    /// The longest qualifier, in bytes.
    public static let qualifierBytesMax = 65_535
    /// The largest value, in bytes (HBase's default for a cell).
    public static let valueBytesMax = 10 << 20
    /// The largest write batch, in bytes of its log record.
    public static let batchBytesMax = 256 << 20
    /// The most buckets of a table that spreads rows by the hash of their keys.
    public static let hashBucketsMax = 256
    /// The most families of a table.
    public static let familyCountMax = 255
}
