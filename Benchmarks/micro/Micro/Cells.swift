import SiltBytes
import SiltFormat

/// Cells of one column with 16-byte rows and 100-byte values, as `silt bench` writes.
struct Cells {
    /// A generator of numbers that are the same in each run.
    struct Noise {
        private var state: UInt64

        init(_ seed: UInt64) { state = seed }

        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var mixed = (state ^ state >> 30) &* 0xbf58_476d_1ce4_e5b9
            mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
            return mixed ^ mixed >> 31
        }
    }

    /// The column keys in order.
    let keys: [[UInt8]]
    /// The same in an order of chance.
    let shuffled: [[UInt8]]
    /// A value of which half repeats.
    let value: [UInt8]

    init(_ count: Int) {
        keys = (0..<count).map { CellKey.columnKey(row: Cells.row($0), qualifier: "v") }
        var noise = Noise(1)
        var order = keys
        for index in order.indices.dropFirst() {
            order.swapAt(index, Int(noise.next() % UInt64(index + 1)))
        }
        shuffled = order
        let half = (0..<50).map { _ in 0x20 + UInt8(noise.next() % 95) }
        value = half + half
    }

    /// The row of a number, as `db_bench` writes it: 8 bytes, big-endian, then eight times the digit 0.
    static func row(_ number: Int) -> Bytes {
        let digits = (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * $0)) }
        return Bytes(digits + [UInt8](repeating: 0x30, count: 8))
    }
}
