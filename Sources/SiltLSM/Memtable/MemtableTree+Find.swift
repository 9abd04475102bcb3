internal import Synchronization

/// Finding one record, without a cursor.
extension MemtableTree {
    /// The first record whose key is not below `key` (or is above it, when `isAfter`); `nil` at the
    /// end.
    ///
    /// Any number of threads, also while one inserts.
    func first(_ key: UnsafeRawBufferPointer, isAfter: Bool = false) -> UnsafeRawPointer? {
        // Safety: offsets lead to complete records and to leaves, which live as long as the
        // memtable; what is read of a leaf counts only while its version stands.
        while true {
            let (node, version) = unsafe leaf(for: key, orEqual: true)
            let meta = unsafe meta(node)
            let index = unsafe rank(node, meta, key, orEqual: isAfter)
            if index < meta.count {
                let record = unsafe records(node)[index].load(ordering: .acquiring)
                if unsafe stands(node, version) { return unsafe UnsafeRawPointer(address(record)) }
                continue
            }
            let next = unsafe half(node, Self.nextOffset).pointee.load(ordering: .acquiring)
            guard unsafe stands(node, version) else { continue }
            if next == 0 { return nil }
            // A leaf that follows another begins with a record, which no split takes from it.
            let following = unsafe address(next)
            let nextVersion = unsafe self.version(following)
            let record = unsafe records(following)[0].load(ordering: .acquiring)
            let count = unsafe self.meta(following).count
            if nextVersion & 1 == 0, count > 0, unsafe stands(following, nextVersion) {
                // The leaf found above must still be the one before: else records came between.
                if unsafe stands(node, version) { return unsafe UnsafeRawPointer(address(record)) }
            }
        }
    }
}
