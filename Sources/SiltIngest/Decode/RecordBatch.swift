/// Records decoded from one block: a row of slots each, and where they stood.
struct RecordBatch {
    /// A record that could not be decoded.
    struct Failure: Equatable {
        /// The index of the record in the batch.
        let record: Int
        /// What is wrong with it.
        let reason: String
    }

    /// Literals, the block, and text made on the way.
    var texts = TextBuffer()
    /// Where the block begins in `texts`.
    let blockStart: Int
    /// The number of slots of each record.
    let slotCount: Int
    /// The slots, record after record, but for those that are columns.
    var slots: [Datum] = []
    /// The records that are columns.
    var columns = PlainColumns()
    /// Where each record begins in `texts`.
    var starts: [Int] = []
    /// One past the last byte of each record, without its line end.
    var ends: [Int] = []
    /// The offset of each record in its source, where records are messages; else empty: places say it.
    var offsets: [Int64] = []
    /// The records that could not be decoded, in order.
    var failures: [Failure] = []
    /// How many bytes of the block follow the last whole record.
    var restStart: Int
    let emptyRow: [Datum]

    /// An empty batch whose buffer begins with the literals of the job's expressions.
    init(literals: TextBuffer, slotCount: Int) {
        texts = literals
        blockStart = literals.bytes.count
        restStart = blockStart
        self.slotCount = slotCount
        emptyRow = Array(repeating: .missing, count: slotCount)
    }

    /// The number of records.
    var count: Int { starts.count }

    /// Appends a record whose fields are all missing and returns the index of its first slot.
    @inline(__always)
    mutating func append(start: Int, end: Int) -> Int {
        let row = slots.count
        slots.append(contentsOf: emptyRow)
        starts.append(start)
        ends.append(end)
        return row
    }

    /// Appends a record that could not be decoded.
    mutating func append(failure reason: String, start: Int, end: Int) {
        failures.append(Failure(record: count, reason: reason))
        _ = append(start: start, end: end)
    }

    /// Takes the last record back.
    mutating func removeLast() {
        starts.removeLast()
        ends.removeLast()
        slots.removeLast(slotCount)
    }

    /// Turns the last record into one that could not be decoded.
    mutating func fail(_ reason: String) {
        failures.append(Failure(record: count - 1, reason: reason))
        for slot in (slots.count - slotCount)..<slots.count { slots[slot] = .missing }
    }

    /// Forgets the records, keeps the bytes after the last whole one as the beginning of the next block.
    mutating func beginBlock(keeping end: Int) {
        let rest = Array(texts.bytes[restStart..<max(restStart, end)])
        texts.bytes.removeSubrange(blockStart...)
        texts.bytes.append(contentsOf: rest)
        restStart = blockStart
        slots.removeAll(keepingCapacity: true)
        starts.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
        failures.removeAll(keepingCapacity: true)
        columns.removeAll()
    }
}
