internal import CSiltstone

extension RecordBatch {
    /// The rows that a run of records is read into.
    // Safety: there is room for as many records as were asked for; used only while they are being appended.
    @safe
    struct PlainRows {
        /// The first slot of the first record.
        let slots: UnsafeMutableRawPointer
        /// Where each record begins.
        let starts: UnsafeMutablePointer<Int>
        /// Where each record ends.
        let ends: UnsafeMutablePointer<Int>
    }

    /// Appends up to `room` records, whose fields are all missing at first; how many `read` says it read into them.
    mutating func append(_ room: Int, reading read: (PlainRows) -> Int) -> Int {
        let first = count
        let firstSlot = slots.count
        var (slots, starts, ends): ([Datum], [Int], [Int]) = ([], [], [])
        swap(&slots, &self.slots)
        swap(&starts, &self.starts)
        swap(&ends, &self.ends)
        slots.append(contentsOf: repeatElement(.missing, count: room * slotCount))
        starts.append(contentsOf: repeatElement(0, count: room))
        ends.append(contentsOf: repeatElement(0, count: room))
        // Safety: each pointer leads to the first of `room` new elements (of `room` rows of slots) and is used only within.
        let taken = unsafe slots.withUnsafeMutableBytes { slots in
            unsafe starts.withUnsafeMutableBufferPointer { starts in
                unsafe ends.withUnsafeMutableBufferPointer { ends -> Int in
                    guard let slot = slots.baseAddress, let start = starts.baseAddress,
                        let end = ends.baseAddress
                    else { return 0 }
                    let rows = unsafe PlainRows(
                        slots: slot + firstSlot * MemoryLayout<Datum>.stride,
                        starts: start + first, ends: end + first)
                    return read(rows)
                }
            }
        }
        precondition(taken <= room, "more records were read than there was room for")
        slots.removeLast((room - taken) * slotCount)
        ends.removeLast(room - taken)
        starts.removeLast(room - taken)
        swap(&slots, &self.slots)
        swap(&starts, &self.starts)
        swap(&ends, &self.ends)
        return taken
    }
}

/// Where the scans of plain records stop, for comparison of this machine's way with that of others.
enum PlainStops {
    /// The places of the first of 16 bytes that end a field, a text and a number; 16 where none does.
    static func places(_ bytes: [UInt8], delimiter: UInt8, isPortable: Bool) -> [Int] {
        precondition(bytes.count >= 16)
        let way: Int32 = isPortable ? 1 : 0
        // Safety: 16 bytes are read, which there are.
        return unsafe bytes.withUnsafeBufferPointer { buffer in
            unsafe [
                silt_field_stop(buffer.baseAddress, delimiter, way),
                silt_text_stop(buffer.baseAddress, way),
                silt_number_stop(buffer.baseAddress, way),
            ]
        }
    }
}
