package import SiltBytes
package import SiltModel

extension StoredTable {
    /// The rows of several keys, in the order asked; `nil` for those that are not there.
    ///
    /// Each row is consistent in itself.
    package func get(_ rows: [Bytes], _ projection: Projection = .all) throws(SiltstoneError)
        -> [Row?]
    {
        var found: [Row?] = []
        found.reserveCapacity(rows.count)
        for row in rows { found.append(try get(row, projection)) }
        return found
    }

    /// Whether a get of the row would find something.
    package func exists(_ row: Bytes, _ projection: Projection = .all) throws(SiltstoneError)
        -> Bool
    {
        try get(row, projection) != nil
    }
}
