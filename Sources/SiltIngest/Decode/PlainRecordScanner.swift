/// Scans delimited records that hold no quotes, eight bytes at a time.
///
/// What it does not take, `DelimitedScanner` takes byte by byte: quotes, the end of a block, records with more fields
/// than there are columns.
@safe
struct PlainRecordScanner {
    /// A record: its end without the line end, the place after that, and how many fields it has.
    struct Record {
        let end: Int
        let next: Int
        let count: Int
        let hasHighBytes: Bool
    }

    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let highs: UInt64 = 0x8080_8080_8080_8080

    // Safety: the buffer outlives the scanner, which its maker uses only within `withUnsafeBufferPointer`; words are
    // loaded only where all of their 8 bytes lie before `end`, which is at most the buffer's count.
    private let bytes: UnsafePointer<UInt8>
    private let end: Int
    private let delimiters: UInt64

    /// A scanner of the bytes before `end`.
    init(_ bytes: UnsafePointer<UInt8>, end: Int, delimiter: UInt8) {
        unsafe self.bytes = bytes
        self.end = end
        delimiters = UInt64(delimiter) &* PlainRecordScanner.ones
    }

    @inline(__always)
    private static func zeros(_ word: UInt64) -> UInt64 { (word &- ones) & ~word & highs }

    /// What becomes of a column.
    struct Target {
        /// The slot that it goes to, or -1.
        let slot: Int
        /// Whether nothing but a number is ever read out of it.
        let isNumber: Bool
    }

    /// Puts the fields of the record at `start` into the slots of its row, which has room for all targets; `nil`, and
    /// nothing that counts, when it is not plain.
    @inline(__always)
    func scan(
        _ start: Int, into row: UnsafeMutablePointer<Datum>,
        _ targets: UnsafeBufferPointer<Target>
    ) -> Record? {
        var place = start
        var seen: UInt64 = 0
        var column = 0
        while true {
            let from = place
            while true {
                guard place &+ 8 <= end else { return nil }
                // Safety: the guard above holds the word within the buffer.
                let word = unsafe UnsafeRawPointer(bytes + place).loadUnaligned(as: UInt64.self)
                let hit =
                    PlainRecordScanner.zeros(word ^ delimiters)
                    | PlainRecordScanner.zeros(word ^ (0x0a &* PlainRecordScanner.ones))
                if hit == 0 {
                    seen |= word
                    place &+= 8
                    continue
                }
                let bits = UInt64(hit.trailingZeroBitCount & ~7)
                seen |= word & ((1 &<< bits) &- 1)
                place &+= Int(bits >> 3)
                break
            }
            // Safety: `place` is the delimiter or line feed just found, `from` is not after it.
            let (first, stop) = unsafe (bytes[from], bytes[place])
            if first == 0x22 || column == targets.count { return nil }
            let endsRecord = stop == 0x0a
            var last = place
            if endsRecord, place > from {
                // Safety: `from` is before `place`.
                if unsafe bytes[place &- 1] == 0x0d { last = place &- 1 }
            }
            // Safety: `column` is below the count of targets, and the row has room for their slots.
            let target = unsafe targets[column]
            if target.slot >= 0 {
                let value: Datum
                if last == from {
                    value = .null
                } else if target.isNumber,
                    // Safety: each word that the field reaches into was loaded above.
                    let number = unsafe PlainNumber.parse(bytes + from, count: last &- from)
                {
                    value = number
                } else {
                    value = Datum(textAt: from, count: last &- from, tag: Datum.Tag.untyped)
                }
                unsafe row[target.slot] = value
            }
            column &+= 1
            place &+= 1
            if endsRecord {
                return Record(
                    end: last, next: place, count: column,
                    hasHighBytes: seen & PlainRecordScanner.highs != 0)
            }
        }
    }
}
