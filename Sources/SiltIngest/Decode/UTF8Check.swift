/// Checks UTF-8 byte by byte, for scanners that go through the bytes anyway.
enum UTF8Check {
    /// How many bytes the sequence has that begins with `first`, 2 to 4, when `second` may follow
    /// it; `nil` otherwise.
    ///
    /// The caller checks that the third and fourth are continuation bytes.
    static func sequenceCount(_ first: UInt8, _ second: UInt8) -> Int? {
        guard second & 0xc0 == 0x80 else { return nil }
        switch first {
        case 0xc2...0xdf: return 2
        case 0xe0: return second >= 0xa0 ? 3 : nil
        case 0xed: return second < 0xa0 ? 3 : nil
        case 0xe1...0xef: return 3
        case 0xf0: return second >= 0x90 ? 4 : nil
        case 0xf1...0xf3: return 4
        case 0xf4: return second < 0x90 ? 4 : nil
        default: return nil
        }
    }
}
