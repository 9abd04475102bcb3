// Safety: the memory is written once, in `init`, and never given back.
/// The values of a benchmark, cut from one buffer of noise made beforehand, as `db_bench` does, so that making and
/// checking them costs little.
///
/// A value is half printable noise and the same half again. Its first word is made of its number and the seed, so
/// that no two numbers have the same value, however often the buffer is used. The buffer lives as long as the process.
@safe
struct ValueNoise: @unchecked Sendable {
    private let base: UnsafeMutableRawPointer
    private let pieceMask: Int
    private let valueBytes: Int
    private let half: Int
    private let seed: UInt64

    init(valueBytes: Int, seed: UInt64) {
        self.valueBytes = valueBytes
        self.seed = seed
        half = valueBytes / 2
        var pieces = 8192
        while pieces > 16, pieces * valueBytes > 1 << 20 { pieces >>= 1 }
        pieceMask = pieces - 1
        // A word more than needed, so that whole words can be stored and loaded.
        let byteCount = pieces * valueBytes
        unsafe base = UnsafeMutableRawPointer.allocate(byteCount: byteCount + 8, alignment: 64)
        var state = seed
        for piece in 0..<pieces {
            let start = piece * valueBytes
            for index in stride(from: 0, to: valueBytes, by: 8) {
                // Safety: what is stored beyond the piece is within the buffer, and overwritten by the next piece.
                unsafe base.storeBytes(
                    of: ValueNoise.printable(BenchRandom.next(&state)),
                    toByteOffset: start + index, as: UInt64.self)
            }
            // Safety: the second half lies within the piece, after the first.
            unsafe (base + start + valueBytes - half).copyMemory(
                from: base + start, byteCount: half)
        }
    }

    /// The value of a number.
    func value(_ number: Int) -> [UInt8] {
        // Safety: every byte of the array is written; the piece lies within the buffer.
        unsafe [UInt8](unsafeUninitializedCapacity: valueBytes) { buffer, initialized in
            initialized = valueBytes
            if let target = UnsafeMutableRawPointer(buffer.baseAddress) {
                unsafe write(number, to: target)
            }
        }
    }

    /// Writes the value of a number to memory that has room for it.
    @inline(__always)
    func write(_ number: Int, to target: UnsafeMutableRawPointer) {
        // Safety: the caller's room is a value's; the piece lies within the buffer.
        unsafe target.copyMemory(from: piece(number), byteCount: valueBytes)
        let word = word(number)
        if half >= 8 {
            unsafe target.storeBytes(of: word, as: UInt64.self)
            unsafe target.storeBytes(of: word, toByteOffset: valueBytes - half, as: UInt64.self)
        } else {
            unsafe withUnsafeBytes(of: word) { bytes in
                unsafe target.copyMemory(
                    from: bytes.baseAddress ?? UnsafeRawPointer(target),
                    byteCount: min(8, valueBytes))
            }
        }
    }

    /// Whether bytes are the value of a number: all of them are compared.
    @inline(__always)
    func isValue(_ bytes: UnsafeRawBufferPointer, of number: Int) -> Bool {
        guard bytes.count == valueBytes else { return false }
        guard half >= 8, let start = bytes.baseAddress else { return unsafe isShort(bytes, number) }
        let word = word(number)
        let second = valueBytes - half
        // Safety: the halves are at least a word long and lie within the value and the piece.
        let wanted = unsafe piece(number)
        var difference = unsafe start.loadUnaligned(as: UInt64.self) ^ word
        unsafe difference |= start.loadUnaligned(fromByteOffset: second, as: UInt64.self) ^ word
        unsafe difference |= ValueNoise.difference(start + 8, wanted + 8, second &- 8)
        unsafe difference |= ValueNoise.difference(
            start + second + 8, wanted + second + 8, half &- 8)
        return difference == 0
    }

    /// 0 when two pieces of memory are the same: for some tens of bytes cheaper than a call.
    @inline(__always)
    private static func difference(_ one: UnsafeRawPointer, _ two: UnsafeRawPointer, _ count: Int)
        -> UInt64
    {
        // Safety: both have `count` bytes, of which only those are loaded.
        var differences = SIMD2<UInt64>()
        var place = 0
        while place &+ 16 <= count {
            unsafe differences |=
                one.loadUnaligned(fromByteOffset: place, as: SIMD2<UInt64>.self)
                ^ two.loadUnaligned(fromByteOffset: place, as: SIMD2<UInt64>.self)
            place &+= 16
        }
        if place < count, count >= 16 {
            // The last ones reach back over what was compared.
            unsafe differences |=
                one.loadUnaligned(fromByteOffset: count &- 16, as: SIMD2<UInt64>.self)
                ^ two.loadUnaligned(fromByteOffset: count &- 16, as: SIMD2<UInt64>.self)
            place = count
        }
        var difference = differences[0] | differences[1]
        while place < count {
            unsafe difference |= UInt64(
                one.load(fromByteOffset: place, as: UInt8.self)
                    ^ two.load(fromByteOffset: place, as: UInt8.self))
            place &+= 1
        }
        return difference
    }

    private func isShort(_ bytes: UnsafeRawBufferPointer, _ number: Int) -> Bool {
        // Safety: the buffer is the caller's, as long as the value.
        unsafe bytes.elementsEqual(value(number))
    }

    @inline(__always)
    private func piece(_ number: Int) -> UnsafeRawPointer {
        // Safety: the masked number is below the count of pieces.
        unsafe UnsafeRawPointer(base + (number & pieceMask) &* valueBytes)
    }

    @inline(__always)
    private func word(_ number: Int) -> UInt64 {
        ValueNoise.printable(
            BenchRandom.mix(seed &+ UInt64(truncatingIfNeeded: number) &* 0xd6e8_feb8_6659_fd93))
    }

    /// 8 characters from space to tilde.
    @inline(__always)
    private static func printable(_ mixed: UInt64) -> UInt64 {
        // Two halves, so that a product of a byte and 95 has 16 bits of room.
        let even = ((mixed & 0x00ff_00ff_00ff_00ff) &* 95) >> 8 & 0x00ff_00ff_00ff_00ff
        let odd = ((mixed >> 8 & 0x00ff_00ff_00ff_00ff) &* 95) & 0xff00_ff00_ff00_ff00
        return (even | odd) &+ 0x2020_2020_2020_2020
    }
}
