public import SiltBytes
public import SiltModel

extension RowMutation {
    /// Stores values in a row.
    public static func put(
        _ row: Bytes, _ values: [Column: Bytes], timestamp: Int64? = nil,
        timeToLive: Duration? = nil
    ) -> RowMutation {
        let life = timeToLive?.wholeMilliseconds
        return RowMutation(
            row: row,
            changes: values.map { column, value in
                CellMutation(
                    column, .put(value: value, timeToLiveMilliseconds: life), timestamp: timestamp)
            })
    }

    /// Deletes whole families of a row: everything up to the time stamp, or up to now.
    public static func delete(_ row: Bytes, families: [String], timestamp: Int64? = nil)
        -> RowMutation
    {
        RowMutation(
            row: row,
            changes: families.map {
                CellMutation(Column($0, .empty), .deleteFamily, timestamp: timestamp)
            })
    }

    /// Deletes all versions of columns of a row, up to the time stamp or up to now.
    public static func delete(_ row: Bytes, columns: [Column], timestamp: Int64? = nil)
        -> RowMutation
    {
        RowMutation(
            row: row,
            changes: columns.map { CellMutation($0, .deleteColumn, timestamp: timestamp) })
    }
}

extension Duration {
    /// Milliseconds, rounded down; bounded by what 64 bits hold.
    var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, overflows) = whole.addingReportingOverflow(attoseconds / 1_000_000_000_000_000)
        return overflows ? .max : sum
    }
}

extension Family {
    /// A family whose cells live for a duration; what is left out has HBase's default (compression: LZ4).
    public init(
        _ name: String, maxVersions: Int = 1, minVersions: Int = 0, timeToLive: Duration,
        compression: Compression = .lz4
    ) {
        self.init(
            name, maxVersions: maxVersions, minVersions: minVersions,
            timeToLiveMilliseconds: timeToLive.wholeMilliseconds, compression: compression)
    }
}
