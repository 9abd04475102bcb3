import Testing

@testable import SiltIngest

@Suite struct ExpressionTests {
    /// Evaluates over one record: a = 7, b = 2.5, s = 'Héllo', t = 'ok', n = null, m missing, big = Int64.max, u = untyped '42', w = untyped 'x'.
    private func evaluate(_ text: String) throws -> String {
        var fields = FieldTable()
        var texts = TextBuffer()
        let program = ExpressionProgram(
            try ExpressionParser.parse(text), fields: &fields, texts: &texts)
        var slots: [Datum] = []
        for path in fields.paths {
            switch path {
            case ["a"]: slots.append(Datum(Int64(7)))
            case ["b"]: slots.append(Datum(2.5))
            case ["s"]: slots.append(texts.add("Héllo".utf8))
            case ["t"]: slots.append(texts.add("ok".utf8))
            case ["n"]: slots.append(.null)
            case ["yes"]: slots.append(Datum(true))
            case ["big"]: slots.append(Datum(Int64.max))
            case ["u"], ["w"]:
                let text = texts.add((path == ["u"] ? "42" : "x").utf8)
                slots.append(
                    Datum(textAt: text.textOffset, count: text.textCount, tag: Datum.Tag.untyped))
            case ["deep", "er"]: slots.append(Datum(Int64(1)))
            default: slots.append(.missing)
            }
        }
        let value = program.evaluate(slots, row: 0, &texts)
        if value.isNull { return "null" }
        if value.isFailure { return "failure \(value.failure.cause) \(value.failure.column)" }
        var bytes: [UInt8] = []
        TextFunctions.append(value, texts, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test(
        "expressions have SQL's values",
        arguments: [
            ("1 + 2 * 3", "7"), ("(1 + 2) * 3", "9"), ("-a + 1", "-6"), ("7 / 2", "3.5"),
            ("a % 4", "3"), ("b * 2", "5.0"),
            ("a = 7", "true"), ("a <> 7", "false"), ("a >= 7.0 and b < 3", "true"),
            ("9007199254740993 > 9007199254740992.0", "true"),
            ("n = 1", "null"), ("n is null", "true"), ("m is null", "true"),
            ("a is not null", "true"), ("not n", "null"),
            ("n and false", "false"), ("n or true", "true"), ("n and true", "null"),
            ("false or n", "null"),
            ("exists(n)", "true"), ("exists(m)", "false"), ("a in (1, 7)", "true"),
            ("a in (1, null)", "null"),
            ("a not in (1, 2)", "true"), ("t in ('ok', 'no')", "true"),
            ("a between 7 and 8", "true"),
            ("s like 'H_l%'", "true"), ("s like '%lo'", "true"), ("s not like 'h%'", "true"),
            ("s like 'H'", "false"),
            ("'' like '%'", "true"), ("lower(s)", "héllo"), ("upper(t)", "OK"), ("length(s)", "5"),
            ("trim('  x ')", "x"),
            ("concat(t, '-', a, n, b)", "ok-72.5"), ("t || a", "ok7"), ("coalesce(n, m, 3)", "3"),
            ("coalesce(n)", "null"),
            ("abs(-3)", "3"), ("round(2.5)", "3.0"), ("floor(-2.5)", "-3.0"), ("ceil(b)", "3.0"),
            ("substr(s, 2, 3)", "éll"),
            ("substr(s, 4)", "lo"), ("substr(s, 9)", ""), ("contains(s, 'llo')", "true"),
            ("starts_with(s, 'Hé')", "true"),
            ("ends_with(s, 'x')", "false"), ("if(a > 5, 'big', 'small')", "big"),
            ("if(n, 1)", "null"), ("deep.er + 1", "2"),
            ("u > 5", "true"), ("u + 1", "43"), ("u = '42'", "true"), ("w = 5", "false"),
            ("u", "42"), ("number(w)", "null"),
            ("number('12')", "12"), ("text(7) = '7'", "true"), ("nullif(t, 'ok')", "null"),
            ("yes", "true"), ("yes and a = 7", "true"),
            ("t = 1", "false"), ("t != 1", "true"), ("a = 7 AND NOT b > 3", "true"),
            ("'it''s'", "it's"), ("`a` + \"a\"", "14"),
            ("false and 1 / 0 = 1", "false"), ("1e3", "1000.0"), ("-1.5", "-1.5"),
        ])
    func values(text: String, expected: String) throws {
        #expect(try evaluate(text) == expected)
    }

    @Test(
        "what cannot be computed is a failure at its column, never a trap",
        arguments: [
            ("big + 1", "failure overflow 4"), ("a / 0", "failure divisionByZero 2"),
            ("a % 0", "failure divisionByZero 2"),
            ("-9223372036854775807 - 2", "failure overflow 21"),
            ("big * big", "failure overflow 4"), ("t + 1", "failure wrongType 2"),
            ("t < 1", "failure wrongType 2"), ("w + 1", "failure notANumber 2"),
            ("a and true", "failure wrongType 2"),
            ("lower(a)", "failure wrongType 0"),
            ("abs(-9223372036854775807 - 1)", "failure overflow 0"),
            ("not a", "failure wrongType 0"),
            ("true and big + 1 = 0", "failure overflow 13"), ("1e308 * 10", "failure overflow 6"),
        ])
    func failures(text: String, expected: String) throws {
        #expect(try evaluate(text) == expected)
    }

    @Test(
        "what is no expression is refused at its column",
        arguments: [
            ("", 0), ("a +", 3), ("(a", 2), ("a b", 2), ("foo(1)", 0), ("lower()", 0),
            ("a is 3", 5), ("a not 3", 6), ("'x", 0), ("a ? b", 2),
            ("a in 3", 5), ("a.", 2), ("a[0]", 1), ("1x", 1), ("99999999999999999999", 0),
            ("and a", 0), ("a,b", 1),
        ])
    func refused(text: String, column: Int) {
        do {
            let expression = try ExpressionParser.parse(text)
            Issue.record("accepted \(expression)")
        } catch {
            #expect(error.column == column, "\(error)")
        }
    }

    @Test("nesting is limited")
    func depth() {
        for text in [
            String(repeating: "(", count: 100_000), String(repeating: "not ", count: 100_000),
            String(repeating: "- ", count: 100_000),
        ] {
            #expect(throws: ExpressionError.self) { try ExpressionParser.parse(text + "a") }
        }
    }
}
