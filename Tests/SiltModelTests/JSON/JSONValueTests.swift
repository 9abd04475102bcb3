import SiltBytes
import SiltModel
import Testing

@Suite struct JSONValueTests {
    private func parse(_ text: String) throws -> JSONValue {
        try JSONValue(parsing: Array(text.utf8))
    }

    @Test(
        "a text read and written again is the same text",
        arguments: [
            "null", "true", "false", "0", "-1", "9223372036854775807", "-9223372036854775808",
            "1.5", "-0.0",
            "18446744073709551616", "1e999", "5e-324", "[]", "{}", "[1,[2,[3]]]",
            #"{"a":1,"b":[true,null],"a":2}"#,
            #""""#, #""a\"b\\c\n\t\u0001é€😀/""#,
        ])
    func roundTrip(text: String) throws {
        #expect(try parse(text).text == text)
    }

    @Test("escapes, surrogate pairs and white space are understood")
    func escapes() throws {
        #expect(
            try parse(" \t\r\n[ \"\\u00e9\\ud83d\\ude00\\/\\b\\f\" , 1e2 ] ") == [
                "é😀/\u{8}\u{c}", .number(100),
            ])
        #expect(try parse("-0") == .number(-0.0))
        #expect(try parse(#"{"a":1,"a":2}"#)["a"] == 2)
    }

    @Test(
        "what is not strict JSON is refused with its offset",
        arguments: [
            ("", 0), ("nul", 0), ("[1,]", 3), ("{\"a\" 1}", 5), ("{a:1}", 1), ("01", 0), ("1.", 2),
            (".5", 0), ("1e", 2),
            ("+1", 0), ("\"\u{1}\"", 1), (#""\x""#, 1), (#""\ud800""#, 1), (#""\udc00\ud800""#, 1),
            ("\"abc", 4),
            ("[1 2]", 3), ("1 2", 2), ("NaN", 0), ("[", 1), ("{\"a\":1,}", 7), ("'a'", 0),
            ("[1}", 2), (#""\u12"#, 1),
        ])
    func refused(text: String, offset: Int) {
        do {
            let value = try parse(text)
            Issue.record("accepted \(value)")
        } catch {
            #expect((error as? SiltBytes.DecodingError)?.offset == offset, "\(error)")
        }
    }

    @Test("bytes that are not UTF-8 are refused")
    func notUTF8() {
        for bytes: [UInt8] in [
            [0x22, 0xff, 0x22], [0x22, 0xc0, 0x80, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22],
        ] {
            #expect(throws: SiltBytes.DecodingError.self) { try JSONValue(parsing: bytes) }
        }
    }

    @Test("nesting is limited")
    func depth() throws {
        let deep = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
        _ = try parse(deep)
        #expect(throws: SiltBytes.DecodingError.self) { try parse("[" + deep + "]") }
        #expect(throws: SiltBytes.DecodingError.self) {
            try parse(String(repeating: "[", count: 1_000_000))
        }
    }
}
