public import SiltBytes
public import SiltModel
import SiltTable

extension Table {
    /// The rows of several keys, in the order asked; `nil` for those that are not there.
    ///
    /// Each row is consistent in itself. Quicker than as many single calls: the threads are changed once.
    public func get(_ rows: [Bytes], _ projection: Projection = .all) async throws(SiltstoneError)
        -> [Row?]
    {
        let stored = stored
        return try await bridge.run { () throws(SiltstoneError) in
            try stored.get(rows, projection)
        }
    }

    /// Whether the row has cells, or such as the projection wants.
    public func exists(_ row: Bytes, _ projection: Projection = .all) async throws(SiltstoneError)
        -> Bool
    {
        if let row = stored.getCached(row, projection) { return row != nil }
        let stored = stored
        return try await bridge.run { () throws(SiltstoneError) in
            try stored.exists(row, projection)
        }
    }
}

extension BlockingTable {
    /// The rows of several keys, in the order asked; `nil` for those that are not there.
    @available(*, noasync)
    public func get(_ rows: [Bytes], _ projection: Projection = .all) throws(SiltstoneError)
        -> [Row?]
    {
        try stored.get(rows, projection)
    }

    /// Whether the row has cells, or such as the projection wants.
    @available(*, noasync)
    public func exists(_ row: Bytes, _ projection: Projection = .all) throws(SiltstoneError) -> Bool
    {
        try stored.exists(row, projection)
    }
}
