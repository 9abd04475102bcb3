public import SiltBytes
public import SiltModel
package import SiltTable

/// A table of an open database: a handle, cheap to copy, safe to use from any task.
public struct Table: Sendable {
    /// The synchronous table underneath.
    package let stored: StoredTable
    /// Where blocking calls run.
    package let bridge: BlockingBridge

    /// A handle of a table.
    package init(stored: StoredTable, bridge: BlockingBridge) {
        self.stored = stored
        self.bridge = bridge
    }

    /// The schema.
    public var definition: TableDefinition { stored.definition }

    /// The name.
    public var name: String { definition.name }

    /// The newest version of the row's cells, or what the projection wants; `nil` when there is nothing.
    public func get(_ row: Bytes, _ projection: Projection = .all) async throws(SiltstoneError)
        -> Row?
    {
        // Memory is no slower than a change of threads.
        if let row = stored.getCached(row, projection) { return row }
        let stored = stored
        return try await bridge.run { () throws(SiltstoneError) in try stored.get(row, projection) }
    }

    /// Stores values in a row, as one.
    public func put(
        _ row: Bytes, _ values: [Column: Bytes], timestamp: Int64? = nil,
        timeToLive: Duration? = nil, durability: Durability? = nil
    ) async throws(SiltstoneError) {
        try await write(
            [.put(row, values, timestamp: timestamp, timeToLive: timeToLive)],
            durability: durability)
    }

    /// Deletes a row: everything up to the time stamp, or up to now.
    public func delete(_ row: Bytes, timestamp: Int64? = nil, durability: Durability? = nil)
        async throws(SiltstoneError)
    {
        let families = definition.families.map(\.name)
        try await write(
            [.delete(row, families: families, timestamp: timestamp)], durability: durability)
    }

    /// Deletes all versions of columns, up to the time stamp or up to now.
    public func delete(
        _ row: Bytes, columns: [Column], timestamp: Int64? = nil, durability: Durability? = nil
    ) async throws(SiltstoneError) {
        try await write(
            [.delete(row, columns: columns, timestamp: timestamp)], durability: durability)
    }

    /// Applies changes of rows as one: all of them or none.
    public func write(_ mutations: [RowMutation], durability: Durability? = nil)
        async throws(SiltstoneError)
    {
        let stored = stored
        try await bridge.run { () throws(SiltstoneError) in
            try stored.write(mutations, durability: durability)
        }
    }

    /// The rows of a range, in order.
    public func scan(_ range: RowRange = .all, _ projection: Projection = .all) -> RowScan {
        RowScan(table: self, range: range, projection: projection)
    }

    /// The rows whose keys begin with a prefix, ascending.
    public func scan(prefix: Bytes, _ projection: Projection = .all) -> RowScan {
        RowScan(table: self, range: RowRange(prefix: prefix), projection: projection)
    }

    /// The rows of a half-open range of keys, ascending.
    public func scan(_ range: Range<Bytes>, _ projection: Projection = .all) -> RowScan {
        RowScan(
            table: self, range: RowRange(start: range.lowerBound, stop: range.upperBound),
            projection: projection)
    }
}
