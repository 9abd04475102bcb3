/// A set of Unicode scalars: ascending ranges that do not touch.
struct ScalarSet: Equatable {
    static let last: UInt32 = 0x10ffff
    private(set) var ranges: [ClosedRange<UInt32>]

    init(_ ranges: [ClosedRange<UInt32>]) {
        self.ranges = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let previous = self.ranges.last, range.lowerBound <= previous.upperBound &+ 1 {
                let upper = max(previous.upperBound, range.upperBound)
                self.ranges[self.ranges.count - 1] = previous.lowerBound...upper
            } else {
                self.ranges.append(range)
            }
        }
    }

    init(_ scalar: UInt32) { ranges = [scalar...scalar] }

    static let empty = ScalarSet([])
    static let digits = ScalarSet([0x30...0x39])
    static let upper = ScalarSet([0x41...0x5a])
    static let lower = ScalarSet([0x61...0x7a])
    static let word = ScalarSet([0x30...0x39, 0x41...0x5a, 0x5f...0x5f, 0x61...0x7a])
    static let space = ScalarSet([0x09...0x0d, 0x20...0x20])
    static let lineEnds = ScalarSet([0x0a...0x0a, 0x0d...0x0d, 0x85...0x85, 0x2028...0x2029])

    /// The sets of `\p{…}` by name.
    static let named: [String: ScalarSet] = [
        "Lower": lower, "Upper": upper, "Alpha": upper.union(lower), "Digit": digits,
        "Alnum": upper.union(lower).union(digits), "ASCII": ScalarSet([0...0x7f]),
        "Punct": ScalarSet([0x21...0x2f, 0x3a...0x40, 0x5b...0x60, 0x7b...0x7e]),
        "Graph": ScalarSet([0x21...0x7e]), "Print": ScalarSet([0x20...0x7e]),
        "Blank": ScalarSet([0x09...0x09, 0x20...0x20]),
        "Cntrl": ScalarSet([0...0x1f, 0x7f...0x7f]),
        "XDigit": ScalarSet([0x30...0x39, 0x41...0x46, 0x61...0x66]), "Space": space,
    ]

    func union(_ other: ScalarSet) -> ScalarSet { ScalarSet(ranges + other.ranges) }

    /// All other scalars.
    var inverted: ScalarSet {
        var result: [ClosedRange<UInt32>] = []
        var next: UInt32 = 0
        for range in ranges {
            if range.lowerBound > next { result.append(next...(range.lowerBound - 1)) }
            next = range.upperBound + 1
        }
        if next <= ScalarSet.last { result.append(next...ScalarSet.last) }
        return ScalarSet(result)
    }

    func intersection(_ other: ScalarSet) -> ScalarSet {
        inverted.union(other.inverted).inverted
    }

    /// With the other case of every ASCII letter, as Java's CASE_INSENSITIVE.
    var ignoringCase: ScalarSet {
        var all = ranges
        for range in ranges {
            let upper = range.clamped(to: 0x41...0x5a)
            if range.overlaps(0x41...0x5a) {
                all.append((upper.lowerBound + 32)...(upper.upperBound + 32))
            }
            let lower = range.clamped(to: 0x61...0x7a)
            if range.overlaps(0x61...0x7a) {
                all.append((lower.lowerBound - 32)...(lower.upperBound - 32))
            }
        }
        return ScalarSet(all)
    }

    func contains(_ scalar: UInt32) -> Bool {
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < scalar { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count && ranges[low].lowerBound <= scalar
    }
}
