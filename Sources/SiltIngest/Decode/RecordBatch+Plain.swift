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

extension RecordBatch {
    /// Appends up to `room` records that are columns; `read` says how many it read.
    mutating func append(
        _ room: Int, _ fields: ColumnFields, generation: Int,
        reading read: (inout silt_columns) -> Int
    ) -> Int {
        var taken = 0
        let first = count
        var (starts, ends): ([Int], [Int]) = ([], [])
        swap(&starts, &self.starts)
        swap(&ends, &self.ends)
        // Safety: each pointer leads to room for `room` more elements and is used only within; as many are taken for written
        // as `read` says it wrote.
        starts.append(addingCapacity: room) { starts in
            ends.append(addingCapacity: room) { ends in
                unsafe starts.withUnsafeMutableBufferPointer { starts, startsFilled in
                    unsafe ends.withUnsafeMutableBufferPointer { ends, endsFilled in
                        let (start, end) = (starts.baseAddress, ends.baseAddress)
                        taken = unsafe columns.append(
                            room, first: first, fields, generation: generation
                        ) {
                            unsafe $0.starts = start
                            unsafe $0.ends = end
                            return unsafe read(&$0)
                        }
                        (startsFilled, endsFilled) = (taken, taken)
                    }
                }
            }
        }
        swap(&starts, &self.starts)
        swap(&ends, &self.ends)
        return taken
    }

    /// Appends the slots of a record of a run at the end of all slots; the index of the first.
    mutating func appendSlots(_ run: PlainColumns.Run, _ index: Int, _ plan: ColumnPlan) -> Int {
        let row = slots.count
        slots.append(contentsOf: emptyRow)
        slots[row + plan.timeSlot] = Datum(columns.times(run).element(index))
        slots[row + plan.keySlot] = Datum(
            tag: Datum.Tag.text, bits: columns.places(run).element(index))
        for (argument, slot) in plan.argumentSlots.enumerated() {
            slots[row + slot] = Datum(
                tag: columns.tags(run, argument).element(index),
                bits: columns.bits(run, argument).element(index))
        }
        return row
    }
}

extension ArraySlice {
    /// The element at a distance from the first.
    fileprivate func element(_ distance: Int) -> Element { self[startIndex + distance] }
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

    /// The places of the first up to 4,096 bytes that end fields, and how many of them end records, as this machine finds
    /// them (0), as every machine can (1) and as every one of its kind can (2).
    static func fieldEnds(_ bytes: [UInt8], delimiter: UInt8, way: Int32) -> (
        ends: [UInt32], lines: Int
    ) {
        let padded = bytes + [UInt8](repeating: 0x2c, count: 64)
        var ends = [UInt32](repeating: 0, count: 4096)
        var lines = 0
        // Safety: 64 bytes follow those that are looked at, and there are no more ends than bytes.
        let count = unsafe padded.withUnsafeBufferPointer { buffer in
            unsafe ends.withUnsafeMutableBufferPointer { ends in
                unsafe silt_field_ends(
                    buffer.baseAddress, bytes.count, delimiter, way, ends.baseAddress, &lines)
            }
        }
        return (Array(ends[..<count]), lines)
    }
}
