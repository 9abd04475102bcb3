public import SiltBytes
public import SiltModel

/// Random mutations, projections and ranges over few rows, columns and time stamps, so that they meet.
///
/// The same seed gives the same sequence.
public struct MutationGenerator: Sendable {
    private var random: SplitMix64
    private let families: [Family]
    /// The rows that mutations touch; they hold the bytes that keys escape.
    public let rows: [Bytes]
    private let qualifiers: [Bytes] = [.empty, "a", "b", [0], [1, 0], [0xff], "a\u{0}b"]

    /// A generator for a table of these families.
    public init(seed: UInt64, families: [Family], rowCount: Int = 12) {
        random = SplitMix64(seed: seed)
        self.families = families
        let special: [Bytes] = [[0], [0, 0], [1], [1, 1], [0xff], [0xff, 0xff], "m", "m\u{0}"]
        rows = special + (0..<max(0, rowCount - special.count)).map { Bytes("row\($0)") }
    }

    /// A number below `bound`.
    public mutating func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }

    /// A row.
    public mutating func row() -> Bytes { rows[below(rows.count)] }

    /// A mutation of one to four changes; explicit time stamps lie around `now`.
    public mutating func mutation(nowMilliseconds now: Int64) -> RowMutation {
        RowMutation(
            row: row(), changes: (0...below(4)).map { _ in change(nowMilliseconds: now) })
    }

    /// A projection.
    public mutating func projection(nowMilliseconds now: Int64) -> Projection {
        var projection = Projection(maxVersions: [1, 1, 2, 5, .max][below(5)])
        switch below(4) {
        case 0: break
        case 1: projection.selectors = [.family(families[below(families.count)].name)]
        default: projection.selectors = (0...below(3)).map { _ in .column(column()) }
        }
        if below(3) == 0 {
            let start = max(0, now - Int64(below(60)))
            projection.timeRange = TimeRange(min: start, max: start + Int64(below(60)))
        }
        return projection
    }

    /// A range of rows.
    public mutating func range() -> RowRange {
        if below(4) == 0 { return RowRange(isReversed: below(2) == 0) }
        return RowRange(
            start: below(4) == 0 ? .empty : row(), stop: below(4) == 0 ? .empty : row(),
            includesStart: below(2) == 0, includesStop: below(2) == 0, isReversed: below(2) == 0)
    }

    private mutating func column() -> Column {
        Column(families[below(families.count)].name, qualifiers[below(qualifiers.count)])
    }

    private mutating func change(nowMilliseconds now: Int64) -> CellMutation {
        let stamp: Int64? = below(2) == 0 ? nil : max(0, now - 20 + Int64(below(30)))
        switch below(12) {
        case 0: return CellMutation(column(), .deleteVersion, timestamp: stamp)
        case 1: return CellMutation(column(), .deleteColumn, timestamp: stamp)
        case 2: return CellMutation(column(), .deleteFamily, timestamp: stamp)
        case 3: return CellMutation(column(), .deleteFamilyVersion, timestamp: stamp)
        default:
            let life: Int64? = below(6) == 0 ? Int64(1 + below(40)) : nil
            let value = Bytes((0..<below(20)).map { _ in UInt8(below(256)) })
            return CellMutation(
                column(), .put(value: value, timeToLiveMilliseconds: life), timestamp: stamp)
        }
    }
}

/// A small generator with a fixed sequence.
struct SplitMix64: Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }
}
