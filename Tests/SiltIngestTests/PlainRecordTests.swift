import SiltModel
import Testing

@testable import SiltIngest

@Suite struct PlainRecordTests {
    /// Random numbers with a seed that failures name.
    private struct Source {
        var state: UInt64

        mutating func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }

        mutating func pick(_ texts: [String]) -> String { texts[next(texts.count)] }

        mutating func text(_ letters: [Character], upTo count: Int) -> String {
            String((0..<next(count + 1)).map { _ in letters[next(letters.count)] })
        }
    }

    @Test("the bytes that end a field, a text and a number are the same on every machine")
    func stops() {
        var source = Source(state: UInt64.random(in: 0 ... .max))
        let seed = source.state
        let special: [UInt8] = [
            0x22, 0x5c, 0x2c, 0x0a, 0x0d, 0x09, 0x1f, 0x20, 0x2d, 0x2e, 0x2f, 0x30, 0x39, 0x3a,
            0x7f, 0x80, 0xff, 0x00,
        ]
        for round in 0..<20_000 {
            // Mostly bytes that end nothing, so that every place is the first now and then.
            let bytes = (0..<16).map { _ -> UInt8 in
                switch source.next(round % 2 == 0 ? 24 : 3) {
                case 0: special[source.next(special.count)]
                case 1: UInt8(source.next(256))
                default: UInt8(0x30 + source.next(10))
                }
            }
            let delimiter: UInt8 = round % 3 == 0 ? 0x09 : 0x2c
            let own = PlainStops.places(bytes, delimiter: delimiter, isPortable: false)
            let portable = PlainStops.places(bytes, delimiter: delimiter, isPortable: true)
            #expect(own == portable, "seed \(seed) bytes \(bytes)")
        }
        #expect(
            PlainStops.places(Array("0123456789012345".utf8), delimiter: 0x2c, isPortable: false)
                == [16, 16, 16])
    }

    @Test("a slot is laid out as C functions write it")
    func layout() {
        #expect(MemoryLayout<Datum>.stride == 16 && MemoryLayout<Datum>.size == 16)
        #expect(MemoryLayout<Datum>.offset(of: \.tag) == 0)
        #expect(MemoryLayout<Datum>.offset(of: \.bits) == 8)
    }

    private static let letters: [Character] = [
        "a", "b", "-", ".", "0", "7", "9", "e", "E", "+", "/",
    ]

    private func number(_ source: inout Source) -> String {
        switch source.next(8) {
        case 0: source.text(Self.letters, upTo: 20)
        case 1: source.pick(["0", "-0", "00", "01", "0.5", "-0.0", "5.", ".5", "-", "1e5", "1E-2"])
        case 2: source.text(["1", "2", "9", "0"], upTo: 20)
        case 3: "-\(source.next(100_000)).\(source.next(1000))"
        default: "\(source.next(1000)).\(source.next(10_000))"
        }
    }

    private func text(_ source: inout Source) -> String {
        switch source.next(6) {
        case 0: source.pick(["", "é", "日本", "\\n", "\\u00e9", "a\\\"b", "\\", "\u{1}", "x\ty"])
        case 1: source.text(["a", "é", " ", ",", "}", "{", ":"], upTo: 40)
        default: source.text(["a", "b", "/", "-", " ", "0"], upTo: 60)
        }
    }

    private func value(_ source: inout Source) -> String {
        switch source.next(10) {
        case 0:
            source.pick(["null", "true", "false", "nul", "nulll", "True", "[1]", "{}", "{\"x\":1}"])
        case 1...4: number(&source)
        default: "\"" + text(&source) + "\""
        }
    }

    /// What a line gives, without what depends on where its parts stand.
    private func essence(_ shown: String) -> String {
        guard shown.hasPrefix("bad "), let place = shown.firstRange(of: " at byte ") else {
            return shown
        }
        return String(shown[..<place.lowerBound])
    }

    @Test("JSON lines read many at a time are those read one by one", arguments: [3, 200, 1 << 20])
    func json(blockBytes: Int) throws {
        var source = Source(state: UInt64.random(in: 0 ... .max))
        let seed = source.state
        let paths = [["ts"], ["key"], ["value"], ["deep", "x"], ["a_name_of_more_than_16_bytes"]]
        for wanted in [3, 4, 5] {
            var lines: [String] = []
            for index in 0..<400 {
                var names = ["ts", "key", "value", "status"]
                if index % 90 > 70 { names = ["key", "ts"] + (source.next(2) == 0 ? ["x"] : []) }
                if source.next(30) == 0 { names.append(source.pick(["deep", "ts", "", "é"])) }
                if wanted == 5, source.next(3) == 0 { names.append("a_name_of_more_than_16_bytes") }
                let isOdd = source.next(5) == 0
                let members = names.map { name -> String in
                    let value =
                        isOdd
                        ? value(&source)
                        : name == "ts" ? "\(source.next(1 << 30))" : number(&source)
                    let colon =
                        isOdd && source.next(5) == 0 ? source.pick([": ", " :", "", ":  "]) : ":"
                    return "\"\(name)\"\(colon)\(value)"
                }
                let comma = isOdd ? source.pick([", ", " ,", ",,", ","]) : ","
                var line = "{" + members.joined(separator: comma) + "}"
                if source.next(40) == 0 { line.removeLast() }
                if source.next(40) == 0 {
                    line = source.pick(["", "x", "[]", line + "x", line + "\r"])
                }
                lines.append(line)
            }
            let plain = lines.map { $0 + "\n" }.joined()
            // A space at the end of a line keeps it from being read with others.
            let careful = lines.map { $0 + " \n" }.joined()
            let got = try Decoding.json(
                Array(plain.utf8), Array(paths.prefix(wanted)), blockBytes: blockBytes)
            let expected = try Decoding.json(Array(careful.utf8), Array(paths.prefix(wanted)))
            #expect(got.map(essence) == expected.map(essence), "seed \(seed)")
            #expect(got.count { $0.hasPrefix("bad") } > 10)
            #expect(got.count { !$0.hasPrefix("bad") } > 100)
        }
    }

    @Test("CSV read many records at a time is that read one by one", arguments: [5, 300, 1 << 20])
    func csv(blockBytes: Int) throws {
        var source = Source(state: UInt64.random(in: 0 ... .max))
        let seed = source.state
        var lines = ["ts,key,extra,value"]
        for _ in 0..<600 {
            let isOdd = source.next(6) == 0
            var fields = (0..<4).map { column -> String in
                guard isOdd else {
                    return column == 1
                        ? "site-\(source.next(50))/device-of-a-long-name-\(source.next(50))"
                        : number(&source)
                }
                return source.pick([
                    "", "\"a,b\"", "\"q\"\"q\"", "a\"b", "\"open", "é", "\"x\"y", " ", "\r",
                    source.text(["a", "b"], upTo: 120),
                ])
            }
            if isOdd, source.next(3) == 0 { fields.removeLast() }
            if isOdd, source.next(3) == 0 { fields.append("more") }
            lines.append(fields.joined(separator: ",") + (source.next(9) == 0 ? "\r" : ""))
            if source.next(40) == 0 { lines.append(source.pick(["", "\r"])) }
        }
        let text = lines.joined(separator: "\n") + (source.next(2) == 0 ? "\n" : "")
        let paths = [["value"], ["key"], ["ts"]]
        let got = try Decoding.csv(text, paths, blockBytes: blockBytes)
        // Where some text stands for null, records are read one by one.
        let expected = try Decoding.csv(
            text, paths, blockBytes: blockBytes, nulls: ["does not occur"])
        #expect(got == expected, "seed \(seed)")
        #expect(got.count > 400 && got.contains { $0.hasPrefix("bad") })
    }
}
