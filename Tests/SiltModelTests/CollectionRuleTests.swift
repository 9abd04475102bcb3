import SiltModel
import Testing

@Suite("Collection rules")
struct CollectionRuleTests {
    /// Whether a rule collects the version of a rank, from 1, and an age: by its tree alone.
    static func collects(_ tree: CollectionRule.Tree, rank: Int, age: Int64) -> Bool {
        switch tree {
        case .maxVersions(let count): rank > count
        case .maxAge(let milliseconds): age > milliseconds
        case .union(let trees): trees.contains { collects($0, rank: rank, age: age) }
        case .intersection(let trees): trees.allSatisfy { collects($0, rank: rank, age: age) }
        }
    }

    /// Whether the steps of a rule collect it.
    static func collects(_ steps: [CollectionRule.Step], rank: Int, age: Int64) -> Bool {
        steps.contains { age > $0.ageMilliseconds && rank > $0.versions }
    }

    @Test(
        "texts are read and written again",
        arguments: [
            "maxversions=5", "maxage=7d", "maxage=1500ms", "maxage=90s",
            "maxversions=5 or maxage=7d", "maxversions=1 and maxage=36h",
            "maxversions=5 or (maxage=7d and maxversions=1)",
            "(maxversions=2 or maxage=1d) and (maxage=30d or maxversions=9) and maxversions=1",
        ])
    func texts(_ text: String) throws {
        let rule = try CollectionRule(parsing: text)
        #expect(rule.text == text)
        #expect(try CollectionRule(parsing: rule.text) == rule)
        let strange =
            "  \(text.uppercased().replacing("=", with: " = ").replacing("(", with: "( "))"
        #expect(try CollectionRule(parsing: strange) == rule)
    }

    @Test("and binds more closely than or")
    func precedence() throws {
        let rule = try CollectionRule(parsing: "maxversions=5 or maxage=7d and maxversions=1")
        #expect(
            try rule.steps
                == CollectionRule(parsing: "maxversions=5 or (maxage=7d and maxversions=1)").steps)
    }

    @Test(
        "texts that are no rules are refused, with the place",
        arguments: [
            "", "maxversions", "maxversions=", "maxversions=0", "maxage=0s", "maxage=5",
            "maxage=5y", "maxversions=-1", "maxversions=3 or", "(maxversions=3", "maxversions=3)",
            "maxversions=3 maxage=5d", "maxage=99999999999999d", "maxversions=99999999999999999999",
            "versions=3", String(repeating: "(", count: 40) + "maxversions=1",
            Array(repeating: "maxversions=1", count: 65).joined(separator: " or "),
        ])
    func refusals(_ text: String) {
        #expect(throws: SiltstoneError.self) { try CollectionRule(parsing: text) }
    }

    @Test("rules of none and too deep ones are refused")
    func trees() throws {
        #expect(throws: SiltstoneError.self) { try CollectionRule(.union([])) }
        #expect(throws: SiltstoneError.self) { try CollectionRule(.intersection([])) }
        var tree = CollectionRule.Tree.maxVersions(1)
        for _ in 0..<16 { tree = .union([tree, .maxVersions(2)]) }
        let deepest = try CollectionRule(tree)
        #expect(try CollectionRule(parsing: deepest.text) == deepest)
        #expect(throws: SiltstoneError.self) { try CollectionRule(.union([tree])) }
    }

    @Test("a rule that the plain settings can say comes to them")
    func plain() throws {
        func settings(_ text: String) throws -> [Int64?] {
            let rule = try CollectionRule(parsing: text)
            #expect(rule.middleSteps.isEmpty)
            return [
                Int64(rule.maxVersions), rule.timeToLiveMilliseconds, Int64(rule.minVersions),
            ]
        }
        let unlimited = Int64(Int32.max)
        #expect(try settings("maxversions=5") == [5, nil, 0])
        #expect(try settings("maxage=7s") == [unlimited, 7000, 0])
        #expect(try settings("maxversions=5 or maxage=7s") == [5, 7000, 0])
        #expect(try settings("maxversions=5 and maxage=7s") == [unlimited, 7000, 5])
        #expect(
            try settings("maxversions=5 or (maxage=7s and maxversions=1)") == [5, 7000, 1])
        let rule = try CollectionRule(
            parsing: "maxversions=9 or (maxage=1s and maxversions=3) or maxage=1m")
        #expect(rule.maxVersions == 9 && rule.timeToLiveMilliseconds == 60_000)
        #expect(rule.minVersions == 0)
        #expect(rule.middleSteps.map(\.versions) == [3])
    }

    @Test("the steps of random rules collect what their trees do")
    func random() throws {
        var state: UInt64 = 7
        func below(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        func tree(_ depth: Int) -> CollectionRule.Tree {
            switch below(depth > 2 ? 2 : 4) {
            case 0: .maxVersions(1 + below(6))
            case 1: .maxAge(milliseconds: Int64(1 + below(8)))
            case 2: .union((0...below(3)).map { _ in tree(depth + 1) })
            default: .intersection((0...below(3)).map { _ in tree(depth + 1) })
            }
        }
        for _ in 0..<2_000 {
            let made = tree(0)
            let rule = try CollectionRule(made)
            for rank in 1...8 {
                for age in 0...10 as ClosedRange<Int64> {
                    #expect(
                        Self.collects(rule.steps, rank: rank, age: age)
                            == Self.collects(made, rank: rank, age: age),
                        "\(rule.text) rank \(rank) age \(age)")
                }
            }
        }
    }
}
