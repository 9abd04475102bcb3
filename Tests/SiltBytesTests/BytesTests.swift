import SiltBytes
import Testing

@Suite struct BytesTests {
    @Test("order is byte by byte, unsigned, and a prefix comes first")
    func order() {
        let ascending: [Bytes] = [
            [], [0], [0, 0], [0, 1], [1], "a", "aa", "b", [0x7f], [0x80], [0xff], [0xff, 0],
        ]
        #expect(ascending.shuffled().sorted() == ascending)
        #expect(Bytes("a") == [0x61])
        #expect(!(Bytes("a") < Bytes("a")))
    }

    @Test(
        "the prefix successor is the first key after all keys of the prefix",
        arguments: [
            ([], nil), ([0xff], nil), ([0xff, 0xff], nil), ([0x61], [0x62]),
            ([0x61, 0xff], [0x62]),
            ([0], [1]), ([1, 0xfe], [1, 0xff]), ([0xfe, 0xff, 0xff], [0xff]),
        ] as [(Bytes, Bytes?)])
    func prefixSuccessor(_ prefix: Bytes, _ successor: Bytes?) {
        #expect(prefix.prefixSuccessor == successor)
        guard let successor else { return }
        #expect(prefix < successor)
        #expect(Bytes(prefix.array + [UInt8](repeating: 0xff, count: 20)) < successor)
        #expect(!successor.hasPrefix(prefix))
    }

    @Test("prefixes are found")
    func hasPrefix() {
        #expect(Bytes("abc").hasPrefix("ab"))
        #expect(Bytes("abc").hasPrefix(""))
        #expect(Bytes("abc").hasPrefix("abc"))
        #expect(!Bytes("abc").hasPrefix("abcd"))
        #expect(!Bytes("abc").hasPrefix("b"))
    }

    @Test("text is shown as it is, other bytes as the HBase shell does")
    func description() {
        #expect(Bytes("naïve row").description == "naïve row")
        #expect(Bytes([0x61, 0x00, 0xff, 0x5c]).description == "a\\x00\\xFF\\x5C")
        #expect(Bytes([0x61, 0x0a]).description == "a\\x0A")
        #expect(Bytes([0xc3, 0x28]).string == nil)
        #expect(Bytes("é").string == "é")
    }
}

@Suite struct HexTests {
    @Test("bytes and hex digits go back and forth")
    func roundTrip() {
        #expect(Hex.encode([0x00, 0x9a, 0xff]) == "009aff")
        #expect(Hex.decode("009AfF") == [0x00, 0x9a, 0xff])
        #expect(Hex.decode("") == [])
        let all = Array(UInt8.min...UInt8.max)
        #expect(Hex.decode(Hex.encode(all)) == all)
    }

    @Test("what is not hex is refused", arguments: ["0", "0g", "00 ", "0x00", "é", "000", "٠٠"])
    func refused(_ text: String) { #expect(Hex.decode(text) == nil) }
}

@Suite struct Base64Tests {
    @Test(
        "the vectors of RFC 4648",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
        ])
    func vectors(_ plain: String, _ coded: String) {
        #expect(Base64.encode(Array(plain.utf8)) == coded)
        #expect(Base64.decode(coded) == Array(plain.utf8))
        #expect(Base64.decode(coded.replacing("=", with: "")) == Array(plain.utf8))
    }

    @Test("both alphabets are read, the standard one is written")
    func alphabets() {
        #expect(Base64.encode([0xfb, 0xff, 0xfe]) == "+//+")
        #expect(Base64.decode("+//+") == [0xfb, 0xff, 0xfe])
        #expect(Base64.decode("-__-") == [0xfb, 0xff, 0xfe])
    }

    @Test("every length goes back and forth")
    func roundTrip() {
        for count in 0...300 {
            let plain = pseudoRandomBytes(count, seed: UInt64(count))
            #expect(Base64.decode(Base64.encode(plain)) == plain)
        }
    }

    @Test(
        "what is not base 64 is refused",
        arguments: ["A", "AAAAA", "A===", "AA=A", "A A=", "é", "AA===", "*"])
    func refused(_ text: String) { #expect(Base64.decode(text) == nil) }
}

@Suite struct IdentifierTests {
    @Test("text, bytes and halves agree")
    func forms() throws {
        let identifier = Identifier(high: 0x0123_4567_89ab_cdef, low: 0xfedc_ba98_7654_3210)
        #expect(identifier.description == "0123456789abcdeffedcba9876543210")
        #expect(Identifier("0123456789ABCDEFfedcba9876543210") == identifier)
        #expect(Hex.encode(identifier.bytes) == identifier.description)
        for text in [
            "", "0123", "0123456789abcdeffedcba987654321", "0123456789abcdeffedcba98765432100",
            "g123456789abcdeffedcba9876543210",
        ] {
            #expect(Identifier(text) == nil)
        }
        var writer = ByteWriter()
        writer.write(identifier)
        var reader = ByteReader(writer.bytes)
        #expect(try reader.readIdentifier() == identifier)
        #expect(reader.isAtEnd)
    }

    @Test("made from a time it is a UUID of version 7 and sorts by time")
    func version7() {
        let early = Identifier(milliseconds: 1_700_000_000_000, random: (.max, .max))
        let late = Identifier(milliseconds: 1_700_000_000_001, random: (0, 0))
        #expect(early < late)
        #expect(early.description < late.description)
        #expect(early.high >> 16 == 1_700_000_000_000)
        #expect(early.high >> 12 & 0xf == 7)
        #expect(late.low >> 62 == 2 && early.low >> 62 == 2)
    }
}
