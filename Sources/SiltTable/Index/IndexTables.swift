import SiltBytes
import Synchronization

/// The open tables of index entries, by the index.
final class IndexTables: Sendable {
    private let tables = Mutex<[Identifier: StoredTable]>([:])

    subscript(index: Identifier) -> StoredTable? {
        get { tables.withLock { $0[index] } }
        set { tables.withLock { $0[index] = newValue } }
    }
}
