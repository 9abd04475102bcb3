package import SiltBytes
package import SiltIO
package import SiltModel

/// Writes cells, given in order, as one table file.
package final class TableWriter {
    /// Begins the file `key`, whose identifier is `id`.
    package init(_ id: Identifier, key: String, objects: any ObjectStore, settings: Family)
        throws(SiltstoneError)
    {
        preconditionFailure("not built")
    }

    /// Appends a cell, which must sort after those before it.
    package func append(
        columnKey: UnsafeRawBufferPointer, timestamp: Int64, type: UInt8, flags: UInt8,
        sequence: UInt64,
        value: UnsafeRawBufferPointer
    ) throws(SiltstoneError) {}

    /// Appends the current cell of a cursor.
    package func append(_ cursor: MergeCursor) throws(SiltstoneError) {}

    /// The bytes that the file would have about now.
    package var byteCount: Int { 0 }

    /// Makes the file durable and describes it.
    package func finish() throws(SiltstoneError) -> TableFile { preconditionFailure("not built") }

    /// Gives the file up.
    package func abandon() {}
}
