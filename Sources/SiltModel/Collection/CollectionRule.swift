/// Which versions of a column are garbage, by their number and their age.
///
/// As the garbage-collection rules of Bigtable. In text: `maxversions=5 or (maxage=7d and maxversions=1)`.
///
/// A family with a rule has no other settings of versions: `VERSIONS`, `MIN_VERSIONS` and `TTL` follow from it.
public struct CollectionRule: Hashable, Sendable {
    /// How a rule is made of others.
    public indirect enum Tree: Hashable, Sendable {
        /// All versions but the newest ones, so many of which stay.
        case maxVersions(Int)
        /// All versions older than so many milliseconds.
        case maxAge(milliseconds: Int64)
        /// What any of the rules collects.
        case union([Tree])
        /// What all of the rules collect.
        case intersection([Tree])
    }

    /// How many of a column's newest versions stay, of those that are older than an age.
    public struct Step: Hashable, Sendable {
        /// Versions older than so many milliseconds are counted by this step; -1 for all.
        public let ageMilliseconds: Int64
        /// How many stay; `Int.max` for no limit.
        public let versions: Int
    }

    /// The rules within a rule are this many at most.
    public static let nodeCountMax = 64
    /// Rules are made of rules that are made of others so often at most.
    public static let depthMax = 16

    /// The rule as it was made.
    public let tree: Tree
    /// What it comes to: ages ascending, from -1 on, and versions descending.
    public let steps: [Step]

    /// A rule of a tree.
    ///
    /// - Throws: `invalidArgument` for a rule of none, for numbers below 1, and for too many rules.
    public init(_ tree: Tree) throws(SiltstoneError) {
        guard tree.depth <= Self.depthMax, tree.nodeCount <= Self.nodeCountMax else {
            throw SiltstoneError(
                .invalidArgument,
                "collection rule has too many parts max=\(Self.nodeCountMax) depth=\(Self.depthMax)"
            )
        }
        self.tree = tree
        steps = try Self.steps(of: tree)
    }

    /// How many of a column's newest versions stay, whatever their age.
    public var maxVersions: Int { min(steps[0].versions, Int(Int32.max)) }

    /// The age from which the fewest versions stay; `nil` when it plays no role.
    public var timeToLiveMilliseconds: Int64? {
        steps.count > 1 ? steps[steps.count - 1].ageMilliseconds : nil
    }

    /// How many stay from that age on.
    public var minVersions: Int { steps.count > 1 ? steps[steps.count - 1].versions : 0 }

    /// What the three settings of a family cannot say.
    public var middleSteps: ArraySlice<Step> { steps.dropFirst().dropLast() }

    private static func steps(of tree: Tree) throws(SiltstoneError) -> [Step] {
        switch tree {
        case .maxVersions(let count):
            guard count >= 1 else {
                throw SiltstoneError(
                    .invalidArgument, "collection rule must keep a version maxversions=\(count)")
            }
            return [Step(ageMilliseconds: -1, versions: count)]
        case .maxAge(let milliseconds):
            guard milliseconds >= 1 else {
                throw SiltstoneError(
                    .invalidArgument, "collection rule must have an age maxage=\(milliseconds)ms")
            }
            return [
                Step(ageMilliseconds: -1, versions: .max),
                Step(ageMilliseconds: milliseconds, versions: 0),
            ]
        case .union(let trees): return try combined(trees, min)
        case .intersection(let trees): return try combined(trees, max)
        }
    }

    private static func combined(_ trees: [Tree], _ choose: (Int, Int) -> Int)
        throws(SiltstoneError) -> [Step]
    {
        guard let first = trees.first else {
            throw SiltstoneError(.invalidArgument, "collection rule combines no rules")
        }
        var result = try steps(of: first)
        for tree in trees.dropFirst() {
            let other = try steps(of: tree)
            let ages = Set((result + other).map(\.ageMilliseconds)).sorted()
            var merged: [Step] = []
            for age in ages {
                let versions = choose(limit(result, age), limit(other, age))
                if merged.last?.versions == versions { continue }
                merged.append(Step(ageMilliseconds: age, versions: versions))
            }
            result = merged
        }
        return result
    }

    /// How many stay of the versions that are older than an age by a little.
    private static func limit(_ steps: [Step], _ age: Int64) -> Int {
        steps.last { $0.ageMilliseconds <= age }?.versions ?? .max
    }
}

extension CollectionRule.Tree {
    fileprivate var depth: Int {
        switch self {
        case .maxVersions, .maxAge: 0
        case .union(let trees), .intersection(let trees):
            (trees.map(\.depth).max() ?? 0) + 1
        }
    }

    fileprivate var nodeCount: Int {
        switch self {
        case .maxVersions, .maxAge: 1
        case .union(let trees), .intersection(let trees):
            trees.reduce(1) { $0 + $1.nodeCount }
        }
    }
}
