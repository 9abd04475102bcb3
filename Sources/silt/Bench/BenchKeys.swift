import SiltBytes

/// The keys and values of a benchmark: pure functions of a number and the seed, so that every value read can be checked.
struct BenchKeys: Sendable {
    /// How a key's number is written.
    enum Form: String, Sendable, CaseIterable {
        /// Decimal digits with zeros before them.
        case text
        /// As `db_bench` does: 8 bytes, big-endian, then the digit 0 up to the key's size.
        case binary
    }

    let keyBytes: Int
    let valueBytes: Int
    let form: Form
    let seed: UInt64

    /// The key of a number.
    func key(_ number: Int) -> Bytes {
        var bytes = [UInt8](repeating: 0x30, count: keyBytes)
        fill(&bytes, number)
        return Bytes(bytes)
    }

    /// A key that no workload writes, among those that are written: one byte longer.
    func missingKey(_ number: Int) -> Bytes {
        var bytes = [UInt8](repeating: 0x30, count: keyBytes + 1)
        fill(&bytes, number)
        return Bytes(bytes)
    }

    private func fill(_ bytes: inout [UInt8], _ number: Int) {
        switch form {
        case .text:
            var rest = UInt64(number)
            var index = keyBytes
            while rest != 0, index > 0 {
                index -= 1
                bytes[index] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            }
        case .binary:
            for index in 0..<min(8, keyBytes) {
                bytes[index] = UInt8(truncatingIfNeeded: number >> (56 - 8 * index))
            }
        }
    }

    /// The value of a number: half of it printable noise, the other half the same again, as `db_bench` makes them.
    func value(_ number: Int) -> Bytes {
        var bytes = [UInt8](repeating: 0, count: valueBytes)
        fillValue(&bytes, number)
        return Bytes(bytes)
    }

    /// Whether a value is the one of a number; `scratch` is room to compare with.
    func isValue(_ value: Bytes, of number: Int, _ scratch: inout [UInt8]) -> Bool {
        guard value.count == valueBytes else { return false }
        if scratch.count != valueBytes { scratch = [UInt8](repeating: 0, count: valueBytes) }
        fillValue(&scratch, number)
        var difference: UInt8 = 0
        let array = value.array
        for index in 0..<valueBytes { difference |= array[index] ^ scratch[index] }
        return difference == 0
    }

    private func fillValue(_ bytes: inout [UInt8], _ number: Int) {
        let half = max(1, valueBytes / 2)
        var span = bytes.mutableSpan
        // Safety: the bytes are initialized, any of them are a valid UInt8, and stores are bounds-checked.
        var target = unsafe span.mutableBytes
        var start = 0
        while start < valueBytes {
            var state = seed &+ UInt64(truncatingIfNeeded: number) &* 0xd6e8_feb8_6659_fd93
            var offset = start
            while offset < min(start + half, valueBytes) {
                var word = BenchKeys.printableWord(&state)
                if offset + 8 <= valueBytes {
                    target.storeBytes(of: word, toByteOffset: offset, as: UInt64.self)
                } else {
                    for tail in offset..<valueBytes {
                        target.storeBytes(
                            of: UInt8(truncatingIfNeeded: word), toByteOffset: tail, as: UInt8.self)
                        word >>= 8
                    }
                }
                offset += 8
            }
            start += half
        }
    }

    /// The next 8 of a stream of characters from space to tilde.
    private static func printableWord(_ state: inout UInt64) -> UInt64 {
        let mixed = BenchRandom.next(&state)
        // Two halves, so that a product of a byte and 95 has 16 bits of room.
        let even = ((mixed & 0x00ff_00ff_00ff_00ff) &* 95) >> 8 & 0x00ff_00ff_00ff_00ff
        let odd = ((mixed >> 8 & 0x00ff_00ff_00ff_00ff) &* 95) & 0xff00_ff00_ff00_ff00
        return (even | odd) &+ 0x2020_2020_2020_2020
    }
}
