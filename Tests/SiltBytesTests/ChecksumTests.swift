import SiltBytes
import Testing

@Suite struct ChecksumTests {
    @Test("CRC-32C gives the published values")
    func crcVectors() {
        // The check value of the CRC catalogue, and the vectors of RFC 3720, appendix B.4.
        #expect(CRC32C.checksum(Array("123456789".utf8)) == 0xe306_9283)
        #expect(CRC32C.checksum([UInt8](repeating: 0, count: 32)) == 0x8a91_36aa)
        #expect(CRC32C.checksum([UInt8](repeating: 0xff, count: 32)) == 0x62a8_ab43)
        #expect(CRC32C.checksum(Array(0..<32)) == 0x46dd_794e)
        #expect(CRC32C.checksum((0..<32).reversed()) == 0x113f_db5c)
        #expect(CRC32C.checksum([]) == 0)
        #expect(CRC32C.checksum([], seed: 7) == 7)
    }

    @Test("the processor's and the portable CRC-32C agree at every length from 0 to 5000")
    func crcPaths() {
        let source = pseudoRandomBytes(5016)
        for count in 0...5000 {
            let start = count % 16
            let part = Array(source[start..<(start + count)])
            let expected = CRC32C.portableChecksum(part, seed: UInt32(count))
            if CRC32C.checksum(part, seed: UInt32(count)) != expected {
                Issue.record("checksums differ count=\(count)")
            }
        }
    }

    @Test("a checksum continues over parts as over the whole")
    func crcContinues() {
        let source = pseudoRandomBytes(10_000)
        let whole = CRC32C.checksum(source)
        for cut in [0, 1, 7, 3072, 3073, 9999, 10_000] {
            let first = CRC32C.checksum(Array(source[..<cut]))
            #expect(CRC32C.checksum(Array(source[cut...]), seed: first) == whole)
        }
        var flipped = source
        flipped[5000] ^= 1
        #expect(CRC32C.checksum(flipped) != whole)
    }

    @Test("the 64-bit hash is wyhash 4.2 by its author's test vectors, and stays so")
    func hashVectors() {
        let vectors: [(String, UInt64)] = [
            ("", 0x9322_8a4d_e0ee_c5a2), ("a", 0xc5ba_c3db_1787_13c4),
            ("abc", 0xa97f_2f7b_1d9b_3314), ("message digest", 0x786d_1f1d_f380_1df4),
            ("abcdefghijklmnopqrstuvwxyz", 0xdca5_a813_8ad3_7c87),
            (
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
                0xb9e7_34f1_17cf_af70
            ),
            (String(repeating: "1234567890", count: 8), 0x6cc5_eab4_9a92_d617),
        ]
        for (seed, (text, hash)) in vectors.enumerated() {
            #expect(Hash64.hash(Array(text.utf8), seed: UInt64(seed)) == hash)
        }
    }

    @Test("the hash tells apart what differs in one byte, at every length to 200")
    func hashSpread() {
        var seen: Set<UInt64> = []
        for count in 1...200 {
            var part = pseudoRandomBytes(count)
            seen.insert(Hash64.hash(part))
            part[count / 2] ^= 1
            seen.insert(Hash64.hash(part))
        }
        #expect(seen.count == 400)
    }
}

/// Bytes that are the same in every run.
func pseudoRandomBytes(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var state = seed
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 33)
    }
}
