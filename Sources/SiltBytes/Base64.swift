/// Base 64 of RFC 4648, standard or URL alphabet.
public enum Base64 {
    private static let standard = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    private static let values: [UInt8] = {
        var table = [UInt8](repeating: 0xff, count: 256)
        for (index, character) in standard.enumerated() { table[Int(character)] = UInt8(index) }
        table[Int(UInt8(ascii: "-"))] = 62
        table[Int(UInt8(ascii: "_"))] = 63
        return table
    }()

    /// Appends the standard alphabet's text of `bytes`, padded with `=`.
    public static func encode(_ bytes: [UInt8], into text: inout [UInt8]) {
        var index = 0
        while index + 2 < bytes.count {
            let word =
                UInt32(bytes[index]) << 16 | UInt32(bytes[index + 1]) << 8
                | UInt32(bytes[index + 2])
            text.append(standard[Int(word >> 18)])
            text.append(standard[Int(word >> 12 & 63)])
            text.append(standard[Int(word >> 6 & 63)])
            text.append(standard[Int(word & 63)])
            index += 3
        }
        let pad = UInt8(ascii: "=")
        switch bytes.count - index {
        case 1:
            let word = UInt32(bytes[index]) << 16
            text += [standard[Int(word >> 18)], standard[Int(word >> 12 & 63)], pad, pad]
        case 2:
            let word = UInt32(bytes[index]) << 16 | UInt32(bytes[index + 1]) << 8
            text += [
                standard[Int(word >> 18)], standard[Int(word >> 12 & 63)],
                standard[Int(word >> 6 & 63)], pad,
            ]
        default: break
        }
    }

    /// The standard alphabet's text of `bytes`, padded with `=`.
    public static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        encode(bytes, into: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes of base-64 text in either alphabet, padding optional; `nil` when it is not base 64.
    public static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3 + 3)
        var word: UInt32 = 0
        var bits = 0
        var padding = 0
        for character in text {
            if character == UInt8(ascii: "=") {
                padding += 1
                continue
            }
            let value = values[Int(character)]
            if value == 0xff || padding > 0 { return nil }
            word = word << 6 | UInt32(value)
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: word >> UInt32(bits)))
            }
        }
        return bits == 6 || padding > 2 ? nil : bytes
    }

    /// The bytes of base-64 text in either alphabet, padding optional; `nil` when it is not base 64.
    public static func decode(_ text: some StringProtocol) -> [UInt8]? { decode(Array(text.utf8)) }
}
