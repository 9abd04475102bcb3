import SiltModel
import Testing

@testable import SiltIngest

/// Decodes whole texts with any block size and shows what came out.
enum Decoding {
    static func show(_ datum: Datum, _ texts: TextBuffer) -> String {
        switch datum.tag {
        case Datum.Tag.null: return "null"
        case Datum.Tag.missing: return "-"
        case Datum.Tag.failure: return "!\(datum.failure.cause)"
        case Datum.Tag.nested: return "nested:" + texts.string(datum)
        case Datum.Tag.text: return "'" + texts.string(datum) + "'"
        case Datum.Tag.untyped: return "u'" + texts.string(datum) + "'"
        default:
            var bytes: [UInt8] = []
            TextFunctions.append(datum, texts, to: &bytes)
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    static func blocks(
        _ input: [UInt8], blockBytes: Int, slotCount: Int,
        decode: (inout RecordBatch, Int, Bool) throws -> Void
    ) throws -> [String] {
        var literals = TextBuffer()
        _ = literals.add("literal".utf8)
        var batch = RecordBatch(literals: literals, slotCount: slotCount)
        var result: [String] = []
        var place = 0
        var end = batch.blockStart
        while true {
            batch.beginBlock(keeping: end)
            let count = min(blockBytes, input.count - place)
            batch.texts.bytes.append(contentsOf: input[place..<(place + count)])
            place += count
            let isFinal = place == input.count
            end = batch.texts.bytes.count
            batch.texts.bytes.append(contentsOf: [UInt8](repeating: 0, count: 16))
            try decode(&batch, end, isFinal)
            for record in 0..<batch.count {
                if let failure = batch.failures.first(where: { $0.record == record }) {
                    let raw = batch.texts.bytes[batch.starts[record]..<batch.ends[record]]
                    result.append("bad \(failure.reason): \(String(decoding: raw, as: UTF8.self))")
                } else {
                    let row = batch.slots[(record * slotCount)..<((record + 1) * slotCount)]
                    result.append(row.map { show($0, batch.texts) }.joined(separator: " "))
                }
            }
            if isFinal { return result }
        }
    }

    static func json(_ text: [UInt8], _ paths: [[String]], blockBytes: Int = 1 << 20) throws
        -> [String]
    {
        var decoder = JSONLinesDecoder(paths: paths)
        return try blocks(text, blockBytes: blockBytes, slotCount: paths.count) { batch, end, _ in
            decoder.decode(&batch, end: end, recordBytesMax: 1 << 20)
        }
    }

    static func csv(
        _ text: String, _ paths: [[String]], blockBytes: Int = 1 << 20, nulls: [String] = []
    ) throws -> [String] {
        var decoder = DelimitedDecoder(delimiter: 0x2c, paths: paths, nullTexts: nulls)
        return try blocks(Array(text.utf8), blockBytes: blockBytes, slotCount: paths.count) {
            batch, end, isFinal in
            try decoder.decode(
                &batch, end: end, isFinal: isFinal, recordBytesMax: 200, file: "f.csv")
        }
    }
}

@Suite struct JSONLinesDecoderTests {
    private func decode(_ lines: String) throws -> [String] {
        try Decoding.json(
            Array((lines + "\n").utf8), [["a"], ["b", "c"], ["a_rather_long_member_name"]])
    }

    @Test(
        "wanted fields are found, others skipped",
        arguments: [
            (#"{"a":1}"#, "1 - -"), (#"{ "x" : [1,{"a":2},"]"] , "a" : -5 }"#, "-5 - -"),
            (#"{"a":null}"#, "null - -"),
            (#"{"a":1,"a":2}"#, "2 - -"), (#"{"a":1.5,"b":{"c":"x"}}"#, "1.5 'x' -"),
            (#"{"b":{"c":1},"b":{"d":1}}"#, "- - -"),
            (#"{"b":{"c":1},"b":3}"#, "- - -"),
            (#"{"a":{"b":[1, 2]},"b":{"c":{}}}"#, #"nested:{"b":[1, 2]} nested:{} -"#),
            (#"{"a":"q\"\\\/\b\f\n\r\té\u00e9\ud83d\ude00"}"#, "'q\"\\/\u{8}\u{c}\n\r\téé😀' - -"),
            (#"{"\u0061":true,"a_rather_long_member_name":false}"#, "true - false"),
            ("{}", "- - -"), ("  {}\t\r", "- - -"),
            (#"{"a":9223372036854775807}"#, "9223372036854775807 - -"),
            (#"{"a":-9223372036854775808}"#, "-9223372036854775808 - -"),
            (#"{"a":9223372036854775808}"#, "!integerTooBig - -"),
            (#"{"a":1e999}"#, "!numberTooBig - -"), (#"{"a":0.1}"#, "0.1 - -"),
            (#"{"a":123456789012345678}"#, "123456789012345678 - -"),
            (#"{"a":0.20199999999999999}"#, "0.20199999999999999 - -"), (#"{"a":-0}"#, "0 - -"),
            (#"{"a":2.2250738585072011e-308}"#, "2.225073858507201e-308 - -"),
            (#"{"a":9007199254740993.0}"#, "9007199254740992.0 - -"),
            (#"{"a":1E2}"#, "100.0 - -"), (#"{"a":"日本"}"#, "'日本' - -"),
            (#"{"A":1,"aa":2,"":3}"#, "- - -"),
        ])
    func fields(line: String, expected: String) throws {
        #expect(try decode(line) == [expected])
    }

    @Test(
        "a line that is not one JSON object is a failure and costs only itself",
        arguments: [
            "nonsense", "[1]", "1", #"{"a":1"#, #"{"a":1}}"#, #"{"a":1} x"#, #"{"a" 1}"#,
            #"{"a":}"#, #"{"a":1,}"#, #"{,}"#, #"{a:1}"#,
            #"{"a":01}"#, #"{"a":1.}"#, #"{"a":.5}"#, #"{"a":+1}"#, #"{"a":1e}"#, #"{"a":-}"#,
            #"{"a":nul}"#, #"{"a":True}"#, #"{"a":"x}"#,
            #"{"a":"\x"}"#, #"{"a":"\u12"}"#, #"{"a":"\ud800"}"#, #"{"a":"\udc00"}"#,
            "{\"a\":\"\u{1}\"}", #"{"a":[1,]}"#, #"{"a":[1 2]}"#,
            #"{"x":NaN}"#, #"{"x":{"y":tru}}"#, #"{"x":"\"#, "{\"a\":\u{0}1}", #"{"a":1}{"a":2}"#,
            #"{'a':1}"#, #"{"x":01}"#, "{", "{\"", "{\"a",
        ])
    func failures(line: String) throws {
        let shown = try decode("{\"a\":7}\n" + line + "\n{\"a\":8}")
        #expect(shown.count == 3)
        #expect(shown.first == "7 - -")
        #expect(shown.last == "8 - -")
        #expect(shown[1].hasPrefix("bad "), "\(shown[1])")
        #expect(shown[1].hasSuffix(": " + line))
    }

    @Test("bytes that are not UTF-8 are a failure wherever they stand")
    func notUTF8() throws {
        for bytes: [UInt8] in [
            [0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xe2, 0x82],
            [0xf0, 0x8f, 0xbf, 0xbf],
        ] {
            for name in ["a", "x"] {
                let line = Array("{\"\(name)\":\"".utf8) + bytes + Array("\"}\n".utf8)
                #expect(try Decoding.json(line, [["a"]])[0].hasPrefix("bad string is not UTF-8"))
            }
        }
    }

    @Test("deep nesting is a failure, not a crash")
    func depth() throws {
        let deep = String(repeating: "[", count: 100_000)
        #expect(try decode("{\"x\":\(deep)}")[0].hasPrefix("bad value nests too deep"))
        #expect(
            try decode("{\"x\":" + String(repeating: "{\"y\":", count: 100_000) + "}")[0].hasPrefix(
                "bad value nests too deep"))
    }

    @Test("random lines are judged as the tree parser judges them, for every block size")
    func differential() throws {
        var random = SplitMix(seed: 7)
        let pieces = [
            "{", "}", "[", "]", ",", ":", "\"a\"", "\"b\"", "\"c\"", "\"x\\n\"", "\"é\"", "1",
            "-2.5", "1e3", "null", "true", " ", "{\"a\":1}",
            "\"\\ud83d\\ude00\"", "0", "\"", "\\", "12345678901234567890", "{\"b\":{\"c\":\"v\"}}",
            "\"a\":", "{\"a\":",
        ]
        var lines: [[UInt8]] = []
        for _ in 0..<4000 {
            let count = Int(random.next() % 9)
            lines.append(
                (0..<count).flatMap { _ in
                    Array(pieces[Int(random.next() % UInt64(pieces.count))].utf8)
                })
        }
        let text: [UInt8] = lines.reduce(into: []) { $0 += $1 + [0x0a] }
        let shown = try Decoding.json(text, [["a"], ["b", "c"]])
        let wanted = lines.filter { !$0.allSatisfy { $0 == 0x20 } }
        #expect(shown.count == wanted.count)
        var good = 0
        for (line, result) in zip(wanted, shown) {
            let value = try? JSONValue(parsing: line)
            let isObject = value?.objectValue != nil
            if isObject { good += 1 }
            #expect(
                isObject == !result.hasPrefix("bad "),
                "\(String(decoding: line, as: UTF8.self)) \(result)")
            if isObject, case .integer(let a)? = value?["a"] {
                #expect(result.hasPrefix("\(a) "))
            }
        }
        #expect(good > 20)
        for blockBytes in [1, 7, 64, 1000] {
            #expect(
                try Decoding.json(
                    Array(text.prefix(20_000)) + [0x0a], [["a"], ["b", "c"]], blockBytes: blockBytes
                )
                    == Decoding.json(Array(text.prefix(20_000)) + [0x0a], [["a"], ["b", "c"]]))
        }
    }
}

@Suite struct DelimitedDecoderTests {
    private let paths = [["a"], ["c"]]

    @Test("quotes, line breaks in quotes, CRLF, blank lines and a last line without its newline")
    func records() throws {
        let text = "a,b,c\r\n1,2,3\r\n\"x,\"\"y\",,\"line\nbreak\"\r\n\n,,\nlast,é,\"end\""
        let expected = ["u'1' u'3'", "u'x,\"y' u'line\nbreak'", "null null", "u'last' u'end'"]
        for blockBytes in [1, 2, 3, 5, 8, 1000] {
            #expect(try Decoding.csv(text, paths, blockBytes: blockBytes) == expected)
        }
    }

    @Test("wrong counts and quotes are failures and cost only their line")
    func failures() throws {
        let text = "a,b,c\n1,2\n1,2,3,4\n\"x\"y,2,3\n4,5,6\n\"open,1,2\n7,8,9\n"
        for blockBytes in [1, 10, 1000] {
            #expect(
                try Decoding.csv(text, paths, blockBytes: blockBytes) == [
                    "bad record has 2 fields where the header has 3: 1,2",
                    "bad record has 4 fields where the header has 3: 1,2,3,4",
                    "bad text goes on after a closing quote: \"x\"y,2,3", "u'4' u'6'",
                    "bad quote is never closed: \"open,1,2", "u'7' u'9'",
                ])
        }
    }

    @Test("a quote that is never closed costs one line also in the middle of much input")
    func openQuote() throws {
        let rest = (0..<100).map { "\($0),x,y\n" }.joined()
        let shown = try Decoding.csv("a,b,c\n\"open,1,2\n" + rest, paths, blockBytes: 64)
        #expect(shown.count == 101)
        #expect(shown[0] == "bad quote is never closed: \"open,1,2")
        #expect(shown[100] == "u'99' u'y'")
    }

    @Test("null texts, and a header without a wanted column")
    func header() throws {
        #expect(try Decoding.csv("c,a\nNA,1\n", paths, nulls: ["NA"]) == ["u'1' null"])
        #expect(throws: SiltstoneError.self) { try Decoding.csv("a,b\n1,2\n", paths) }
    }
}

/// A small seeded generator.
struct SplitMix {
    private var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }
}
