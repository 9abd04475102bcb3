/// Finds a text in values whatever its case, in time linear in the value.
struct SubstringSearch {
    private let needle: [UInt8]
    private let isASCII: Bool
    /// For each length that matched, how much of it still matches when the next byte does not.
    private let fallback: [Int]

    init(_ text: String) {
        needle = Array(text.lowercased().utf8)
        isASCII = needle.allSatisfy { $0 < 0x80 }
        var fallback = [Int](repeating: 0, count: needle.count + 1)
        var matched = 0
        for index in needle.indices.dropFirst() {
            while matched > 0, needle[index] != needle[matched] { matched = fallback[matched] }
            if needle[index] == needle[matched] { matched += 1 }
            fallback[index + 1] = matched
        }
        self.fallback = fallback
    }

    /// Whether the text occurs in a value read as UTF-8.
    func isFound(in value: Span<UInt8>) -> Bool {
        if needle.isEmpty { return true }
        var isPlain = isASCII
        var matched = 0
        for index in 0..<value.count {
            let byte = value[index]
            if byte >= 0x80 {
                isPlain = false
                break
            }
            if advance(&matched, SubstringSearch.lowercased(byte)) { return true }
        }
        return isPlain ? false : isFoundInText(value)
    }

    /// Other cases than those of ASCII need the text as text.
    private func isFoundInText(_ value: Span<UInt8>) -> Bool {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(value.count)
        for index in 0..<value.count { bytes.append(value[index]) }
        var matched = 0
        for byte in String(decoding: bytes, as: UTF8.self).lowercased().utf8
        where advance(&matched, byte) {
            return true
        }
        return false
    }

    /// Takes the next byte in; whether the whole text matched.
    private func advance(_ matched: inout Int, _ byte: UInt8) -> Bool {
        while matched > 0, needle[matched] != byte { matched = fallback[matched] }
        if needle[matched] == byte { matched += 1 }
        return matched == needle.count
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
    }
}
