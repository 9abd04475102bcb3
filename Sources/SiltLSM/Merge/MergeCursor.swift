package import SiltModel

/// All cells of some memtables and tables in key order, whatever their sequence: what flush and compaction read.
///
/// Not Sendable; pointers are valid until the next `seek` or `next`.
package final class MergeCursor {
    /// A cursor over sources, newest first; of cells with equal keys the newest source's is kept.
    package init(memtables: [Memtable], tables: [TableReader], fillsCache: Bool = false) {}

    /// A cursor over sources whose files are opened when the merge reaches them.
    package init(_ sources: TreeSources, tables: TableCache, fillsCache: Bool = false) {}

    /// Goes to the first cell.
    package func seekFirst() throws(SiltstoneError) {}
    /// Goes to the first cell whose cell key is not below `key`.
    package func seek(_ key: [UInt8]) throws(SiltstoneError) {}
    /// Goes to the next cell.
    package func next() throws(SiltstoneError) {}
    /// Whether there is a current cell.
    package var isValid: Bool { false }
    /// The column key.
    package var columnKey: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: nil, count: 0)
    }
    /// The length of the row prefix within the column key.
    package var rowPrefixByteCount: Int { 0 }
    /// The time stamp.
    package var timestamp: Int64 { 0 }
    /// The type code.
    package var type: UInt8 { 0 }
    /// The flags.
    package var flags: UInt8 { 0 }
    /// The sequence number.
    package var sequence: UInt64 { 0 }
    /// The value.
    package var value: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: nil, count: 0)
    }
}
