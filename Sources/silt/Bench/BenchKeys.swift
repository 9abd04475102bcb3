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

    /// Whether a value is the one of a number.
    func isValue(_ value: Bytes, of number: Int) -> Bool { isValue(value.array.span, of: number) }

    /// Whether a value is the one of a number.
    func isValue(_ value: borrowing Span<UInt8>, of number: Int) -> Bool {
        guard value.count == valueBytes else { return false }
        let half = max(1, valueBytes / 2)
        var state = startState(number)
        // Safety: every load ends within the value's bytes.
        return unsafe value.withUnsafeBytes { bytes in
            var difference: UInt64 = 0
            var offset = 0
            while offset < half {
                let word = BenchKeys.printableWord(&state)
                unsafe difference |= word ^ BenchKeys.load(bytes, offset, below: half, word)
                offset += 8
            }
            offset = half
            while offset + 8 <= valueBytes, half >= 8 {
                unsafe difference |=
                    bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                    ^ bytes.loadUnaligned(fromByteOffset: offset - half, as: UInt64.self)
                offset += 8
            }
            while offset < valueBytes {
                unsafe difference |= UInt64(bytes[offset] ^ bytes[offset - half])
                offset += 1
            }
            return difference == 0
        }
    }

    /// The 8 bytes at an offset; those from `end` on are `word`'s.
    @inline(__always)
    private static func load(
        _ bytes: UnsafeRawBufferPointer, _ offset: Int, below end: Int, _ word: UInt64
    ) -> UInt64 {
        // Safety: only bytes below `end`, which is at most the count, are read.
        if offset + 8 <= end {
            return unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        }
        var loaded = word
        for index in offset..<end {
            let shift = UInt64(index - offset) * 8
            unsafe loaded = loaded & ~(0xff << shift) | UInt64(bytes[index]) << shift
        }
        return loaded
    }

    /// Whether a key is the one of a number; `scratch` is room to compare with.
    func isKey(_ key: Bytes, of number: Int, _ scratch: inout [UInt8]) -> Bool {
        guard key.count == keyBytes else { return false }
        if scratch.count != keyBytes { scratch = [UInt8](repeating: 0x30, count: keyBytes) }
        if form == .text {
            for index in 0..<keyBytes { scratch[index] = 0x30 }
        }
        fill(&scratch, number)
        return scratch == key.array
    }

    private func startState(_ number: Int) -> UInt64 {
        seed &+ UInt64(truncatingIfNeeded: number) &* 0xd6e8_feb8_6659_fd93
    }

    private func fillValue(_ bytes: inout [UInt8], _ number: Int) {
        let half = max(1, valueBytes / 2)
        var state = startState(number)
        // Safety: the array has `valueBytes` bytes, and every store ends within them.
        unsafe bytes.withUnsafeMutableBytes { bytes in
            var offset = 0
            while offset < min(half, valueBytes) {
                var word = BenchKeys.printableWord(&state)
                if offset + 8 <= valueBytes {
                    unsafe bytes.storeBytes(of: word, toByteOffset: offset, as: UInt64.self)
                } else {
                    for tail in offset..<valueBytes {
                        unsafe bytes[tail] = UInt8(truncatingIfNeeded: word)
                        word >>= 8
                    }
                }
                offset += 8
            }
            offset = half
            while offset + 8 <= valueBytes, half >= 8 {
                let word = unsafe bytes.loadUnaligned(
                    fromByteOffset: offset - half, as: UInt64.self)
                unsafe bytes.storeBytes(of: word, toByteOffset: offset, as: UInt64.self)
                offset += 8
            }
            while offset < valueBytes {
                unsafe bytes[offset] = bytes[offset - half]
                offset += 1
            }
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
