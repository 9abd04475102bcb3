import SiltBytes

// Part of the format: docs/format/window-state.md.
extension WindowOperator {
    /// Appends the queues of a count window, by key.
    func encode(_ store: CountStore, _ order: [UInt32], into writer: inout ByteWriter) {
        let sorted = store.queues.sorted { order[Int($0.key)] < order[Int($1.key)] }
        writer.writeVarint(UInt64(sorted.count))
        for (key, queue) in sorted {
            writer.writeVarint(UInt64(order[Int(key)]))
            writer.writeSignedVarint(queue.count)
            writer.writeVarint(UInt64(queue.slots.count))
            for slot in queue.slots {
                encode(slot, into: &writer)
            }
        }
    }

    /// Reads the queues of a count window.
    mutating func restoreCounts(
        _ store: Int, from reader: inout ByteReader
    ) throws(DecodingError) {
        for _ in 0..<(try reader.readCount(limit: reader.remaining)) {
            let key = try readKey(from: &reader)
            var queue = CountStore.Queue(count: try reader.readSignedVarint())
            guard queue.count > 0 else { throw reader.error("a count window counts no event") }
            for _ in 0..<(try reader.readCount(limit: reader.remaining)) {
                queue.slots.append(try restoreSlot(from: &reader))
            }
            guard Int64(queue.slots.count) == countStores[store].paneCount(after: queue.count)
            else { throw reader.error("a count window has another number of panes") }
            countStores[store].restore(key, queue)
        }
    }
}
