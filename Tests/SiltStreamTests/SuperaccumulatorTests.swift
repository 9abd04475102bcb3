import Testing

@testable import SiltStream

@Suite struct SuperaccumulatorTests {
    static func sum(_ values: [Double]) -> Superaccumulator {
        var total = Superaccumulator()
        for value in values { total.add(value) }
        return total
    }

    @Test("a single double comes back as it was, from least to greatest")
    func single() {
        var random = SeededGenerator(seed: 11)
        var values: [Double] = [
            0, .leastNonzeroMagnitude, .leastNormalMagnitude, .greatestFiniteMagnitude, .pi, 1,
        ]
        for _ in 0..<2000 {
            let value = Double(bitPattern: random.next())
            if value.isFinite { values.append(value) }
        }
        for value in values {
            #expect(SuperaccumulatorTests.sum([value]).rounded() == value)
            #expect(SuperaccumulatorTests.sum([-value]).rounded() == -value)
            #expect(
                SuperaccumulatorTests.sum([value, value, -value]).parts
                    == (value == 0 ? [] : [value]))
        }
    }

    @Test("ties go to even, and a bit far below breaks them")
    func rounding() {
        let half = 0x1p-53
        let next = (1 as Double).nextUp
        #expect(SuperaccumulatorTests.sum([1, half]).rounded() == 1)
        #expect(SuperaccumulatorTests.sum([1, half, 1e-300]).rounded() == next)
        #expect(SuperaccumulatorTests.sum([1, half, -1e-300]).rounded() == 1)
        #expect(SuperaccumulatorTests.sum([next, half]).rounded() == next.nextUp)
        let top = Double.greatestFiniteMagnitude
        #expect(SuperaccumulatorTests.sum([top, top]).rounded() == .infinity)
        #expect(SuperaccumulatorTests.sum([top, top]).rounded(scale: -1) == top)
        #expect(SuperaccumulatorTests.sum([top, top, -top]).rounded() == top)
    }

    @Test("sums equal those of another exact method, in any order")
    func known() {
        // Given by Python's math.fsum.
        let values = (1...100).map { 1 / Double($0) * ($0 % 3 == 0 ? -1e10 : 1e-3) }
        #expect(SuperaccumulatorTests.sum(values).rounded() == -13629327419.12801)
        let forward = SuperaccumulatorTests.sum(values).rounded()
        #expect(SuperaccumulatorTests.sum(values.reversed()).rounded() == forward)
    }

    @Test("pairs hold exact sums or say that they cannot")
    func pairs() {
        var random = SeededGenerator(seed: 4)
        for _ in 0..<2000 {
            var pair = DoublePair()
            var exact = Superaccumulator()
            for _ in 0..<20 {
                let value =
                    Double(Int.random(in: -1_000_000...1_000_000, using: &random))
                    * [1, 1e-9, 1e9][Int.random(in: 0..<3, using: &random)]
                guard pair.add(value) else { break }
                exact.add(value)
            }
            #expect(pair.parts == exact.parts)
        }
        var pair = DoublePair()
        var taken = [pair.add(1e300), pair.add(1)]
        #expect(taken == [true, true])
        let before = pair.parts
        taken = [pair.add(1e-300), pair.add(.nan), pair.add(.infinity)]
        #expect(taken == [false, false, false])
        #expect(pair.parts == before)
    }

    @Test("division rounds the exact quotient")
    func division() {
        #expect(SuperaccumulatorTests.sum([1e16, 1, 1]).divided(by: 3) == 3333333333333334.0)
        var total = Superaccumulator()
        total.add(Int128(Int64.max) + 2)
        #expect(total.divided(by: 2) == 0x1p62)
        total.add(-Int128(Int64.max) * 4)
        #expect(total.rounded() == -27670116110564327421.0)
    }

    @Test("pairs are divided as exact sums are, to the bit")
    func pairDivision() {
        var random = SeededGenerator(seed: 21)
        var dividedCount = 0
        for round in 0..<600 {
            var pair = DoublePair()
            var exact = Superaccumulator()
            let scale =
                round % 4 == 0 ? 1e-3 : Double(sign: .plus, exponent: round % 900, significand: 1)
            let count =
                round % 3 == 0
                ? Int64.random(in: 1...1 << 60, using: &random) : Int64(1 + round % 200)
            for _ in 0..<(1 + round % 50) {
                let value =
                    Double(Int.random(in: -9_999_999...9_999_999, using: &random)) / 1e4 * scale
                guard pair.add(value) else { break }
                exact.add(value)
            }
            guard let quotient = pair.divided(by: count) else { continue }
            dividedCount += 1
            #expect(quotient.bitPattern == exact.divided(by: count).bitPattern, "round \(round)")
        }
        #expect(dividedCount > 200)
        // Half way between two doubles: not for a pair to say.
        var tie = DoublePair()
        let taken = [tie.add(1), tie.add(0x1p-53)]
        #expect(taken == [true, true])
        #expect(tie.divided(by: 1) == nil)
    }
}
