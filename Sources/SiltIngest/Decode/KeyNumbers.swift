internal import CSiltstone

/// Numbers of short keys, counted from 0 in the order of first sight.
///
/// So each key's bytes are looked at once, while they are in the processor's first cache; who processes the records knows
/// the ids of the numbers.
struct KeyNumbers {
    /// The most keys.
    private static let countMax = 1 << 14
    /// For so many blocks keys get no numbers after most had none in one.
    private static let pauseLength = 64

    /// Which table it is: numbers begin anew with each.
    private(set) var generation = 0
    private var table = [UInt64](repeating: 0, count: 512)
    private var cells = [UInt64](repeating: 0, count: 256 * 4)
    private var count: UInt32 = 0
    private var missed = 0
    private var pause = 0

    private var capacity: Int { cells.count / 4 }

    /// Begins a block, after one of so many records.
    mutating func beginBlock(after records: Int) {
        if pause > 0 {
            pause -= 1
            if pause == 0 {
                generation += 1
                count = 0
                for place in table.indices { table[place] = 0 }
            }
        } else if count == Self.countMax, missed * 2 > records {
            pause = Self.pauseLength
        }
        missed = 0
    }

    /// Lends the table to a scan.
    mutating func lend(_ scan: (inout silt_keys) -> Int) -> Int {
        var taken = 0
        // Safety: the pointers lead to the whole table and all cells, and are used only inside.
        unsafe table.withUnsafeMutableBufferPointer { table in
            unsafe cells.withUnsafeMutableBufferPointer { cells in
                var keys = unsafe silt_keys()
                unsafe keys.table = pause > 0 ? nil : table.baseAddress
                unsafe keys.cells = cells.baseAddress
                unsafe keys.mask = table.count - 1
                unsafe keys.count = count
                unsafe keys.capacity = UInt32(cells.count / 4)
                unsafe keys.grows = cells.count / 4 < Self.countMax ? 1 : 0
                taken = unsafe scan(&keys)
                count = unsafe keys.count
                missed += Int(unsafe keys.missed)
            }
        }
        return taken
    }

    /// Makes room for more keys; whether there was none and now is.
    mutating func growIfFull() -> Bool {
        guard pause == 0, count == capacity, capacity < Self.countMax else { return false }
        cells.append(contentsOf: repeatElement(0, count: cells.count))
        let old = table
        table = [UInt64](repeating: 0, count: old.count * 2)
        // Safety: `old` is not changed while its buffer is used, and the table is twice as large.
        _ = unsafe lend { keys in
            unsafe old.withUnsafeBufferPointer { old in
                unsafe silt_keys_rehash(&keys, old.baseAddress, old.count)
            }
            return 0
        }
        return true
    }
}
