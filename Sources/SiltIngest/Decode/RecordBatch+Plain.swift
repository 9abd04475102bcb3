internal import CSiltstone

extension RecordBatch {
    /// The rows that a run of records is read into; nothing is in them at first.
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

    /// Appends up to `room` records; `read` fills all slots of as many as it says it read.
    mutating func append(_ room: Int, reading read: (PlainRows) -> Int) -> Int {
        let slotCount = slotCount
        var taken = 0
        var (slots, starts, ends): ([Datum], [Int], [Int]) = ([], [], [])
        swap(&slots, &self.slots)
        swap(&starts, &self.starts)
        swap(&ends, &self.ends)
        // Safety: each pointer leads to room for `room` more elements (rows of slots) and is used only within; as many are
        // taken for written as `read` says it wrote.
        slots.append(addingCapacity: room * slotCount) { slots in
            starts.append(addingCapacity: room) { starts in
                ends.append(addingCapacity: room) { ends in
                    unsafe slots.withUnsafeMutableBufferPointer { slots, slotsFilled in
                        unsafe starts.withUnsafeMutableBufferPointer { starts, startsFilled in
                            unsafe ends.withUnsafeMutableBufferPointer { ends, endsFilled in
                                guard let slot = slots.baseAddress, let start = starts.baseAddress,
                                    let end = ends.baseAddress
                                else { return }
                                let rows = unsafe PlainRows(
                                    slots: UnsafeMutableRawPointer(slot), starts: start, ends: end)
                                taken = read(rows)
                                precondition(
                                    taken <= room, "more records were read than there was room for")
                                (slotsFilled, startsFilled, endsFilled) = (
                                    taken * slotCount, taken, taken
                                )
                            }
                        }
                    }
                }
            }
        }
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
