/// The accumulators of one aggregate, one for each slot of the operator, as plain arrays.
///
/// Slot 0 is nobody's: events that were refused are added there, which keeps the loops free of
/// branches. Only the arrays that the function needs are filled.
struct AccumulatorColumn: Sendable {
    let spec: AggregateSpec
    /// The number of slots.
    private(set) var slotCount = 0
    /// `count`.
    var counts: [Int64] = []
    /// `sum` and `average`.
    var sums: [SumCell] = []
    /// `sum` and `average`, from the first double on.
    var pairs: [DoublePair] = []
    /// The sums that do not fit a pair, by slot.
    var wides: [UInt32: Superaccumulator] = [:]
    /// `min` and `max`.
    var extremes: [ValueCell] = []
    /// `first` and `last`.
    var timed: [TimedCell] = []
    /// The bytes of cells tagged so, by slot.
    var blobs: [UInt32: [UInt8]] = [:]
    /// The others.
    var sketches: [AggregateSketch] = []

    init(_ spec: AggregateSpec) { self.spec = spec }

    /// Makes accumulators up to a number of slots.
    mutating func grow(to count: Int) {
        guard count > slotCount else { return }
        let more = count - slotCount
        switch spec.function {
        case .count: counts.append(contentsOf: repeatElement(0, count: more))
        case .sum, .average, .truncatedAverage:
            sums.append(contentsOf: repeatElement(SumCell(), count: more))
            if !pairs.isEmpty { pairs.append(contentsOf: repeatElement(DoublePair(), count: more)) }
        case .min, .max: extremes.append(contentsOf: repeatElement(ValueCell(), count: more))
        case .first, .last: timed.append(contentsOf: repeatElement(TimedCell(), count: more))
        default: sketches.append(contentsOf: repeatElement(.empty, count: more))
        }
        slotCount = count
    }

    /// Empties a slot.
    mutating func reset(_ slot: UInt32) {
        let index = Int(slot)
        switch spec.function {
        case .count: counts[index] = 0
        case .sum, .average, .truncatedAverage:
            sums[index] = SumCell()
            if !pairs.isEmpty {
                if pairs[index].high.isNaN { wides[slot] = nil }
                pairs[index] = DoublePair()
            }
        case .min, .max:
            if extremes[index].tag == ValueColumn.Tag.bytes { blobs[slot] = nil }
            extremes[index] = ValueCell()
        case .first, .last:
            if timed[index].tag == ValueColumn.Tag.bytes { blobs[slot] = nil }
            timed[index] = TimedCell()
        default: sketches[index] = .empty
        }
    }

    /// Forgets all slots.
    mutating func removeAll() { self = AccumulatorColumn(spec) }

    /// Begins to keep doubles.
    mutating func needPairs() {
        if pairs.isEmpty { pairs = Array(repeating: DoublePair(), count: slotCount) }
    }

    // MARK: Results

    /// The result of a slot.
    func value(_ slot: UInt32) -> AggregateValue { value(slot, of: spec.function) }

    /// The result of a slot for a function that is accumulated like the column's own.
    func value(_ slot: UInt32, of function: AggregateFunction) -> AggregateValue {
        let index = Int(slot)
        switch function {
        case .count: return .int(counts[index])
        case .sum: return sum(slot)
        case .average: return average(slot)
        case .truncatedAverage: return truncatedAverage(slot)
        case .min, .max: return value(extremes[index].tag, extremes[index].bits, slot)
        case .first, .last: return value(timed[index].tag, timed[index].bits, slot)
        default: return sketches[index].value(spec)
        }
    }

    /// Appends the results of slots for such a function, each to the results of its row.
    func appendValues(
        _ slots: [UInt32], of function: AggregateFunction, to rows: inout [[AggregateValue]]
    ) {
        for index in slots.indices { rows[index].append(value(slots[index], of: function)) }
    }

    private func value(_ tag: UInt8, _ bits: Int64, _ slot: UInt32) -> AggregateValue {
        switch tag {
        case ValueColumn.Tag.int: .int(bits)
        case ValueColumn.Tag.double: .double(Double(bitPattern: UInt64(bitPattern: bits)))
        case ValueColumn.Tag.bytes: .bytes(blobs[slot] ?? [])
        default: .null
        }
    }

    private func sum(_ slot: UInt32) -> AggregateValue {
        let cell = total(slot)
        if let special = special(cell) { return special }
        if !cell.flags.contains(.double) {
            return Int64(exactly: cell.ints).map { .int($0) } ?? .error(.integerOverflow)
        }
        let pair = pairs[Int(slot)]
        let sum = pair.high + pair.low
        if cell.ints == 0, sum.isFinite { return .double(sum) }
        return .double(exact(slot).rounded())
    }

    private func average(_ slot: UInt32) -> AggregateValue {
        let cell = total(slot)
        if let special = special(cell) { return special }
        if !cell.flags.contains(.double), cell.ints.magnitude <= 1 << 53 {
            return .double(Double(cell.ints) / Double(cell.count))
        }
        if cell.ints == 0, !pairs.isEmpty, let quotient = pairs[Int(slot)].divided(by: cell.count) {
            return .double(quotient)
        }
        return .double(exact(slot).divided(by: cell.count))
    }

    private func truncatedAverage(_ slot: UInt32) -> AggregateValue {
        let cell = total(slot)
        if let special = special(cell) { return special }
        if cell.flags.contains(.double) {
            guard case .double(let value) = average(slot) else { return .null }
            return .double(value.rounded(.towardZero))
        }
        return .int(Int64(clamping: cell.ints / Int128(cell.count)))
    }

    /// The result where the values alone decide it: none, bytes, NaN or infinities.
    private func special(_ cell: SumCell) -> AggregateValue? {
        if cell.flags.contains(.notANumber) { return .error(.notANumber) }
        if cell.count == 0 { return .null }
        if cell.flags.isDisjoint(with: [.nan, .positiveInfinity, .negativeInfinity]) { return nil }
        let both: SumCell.Flags = [.positiveInfinity, .negativeInfinity]
        if cell.flags.contains(.nan) || cell.flags.isSuperset(of: both) { return .double(.nan) }
        return .double(cell.flags.contains(.positiveInfinity) ? .infinity : -.infinity)
    }

    /// What was added to a slot, with the doubles that are counted beside their sum.
    func total(_ slot: UInt32) -> SumCell {
        var cell = sums[Int(slot)]
        if !pairs.isEmpty, pairs[Int(slot)].count > 0 {
            cell.count &+= pairs[Int(slot)].count
            cell.flags.insert(.double)
        }
        return cell
    }

    /// The exact sum of a slot, integers and doubles.
    func exact(_ slot: UInt32) -> Superaccumulator {
        var total = exactDoubles(slot)
        total.add(sums[Int(slot)].ints)
        return total
    }

    /// The exact sum of a slot's doubles.
    func exactDoubles(_ slot: UInt32) -> Superaccumulator {
        guard !pairs.isEmpty else { return Superaccumulator() }
        let pair = pairs[Int(slot)]
        if pair.high.isNaN { return wides[slot] ?? Superaccumulator() }
        var total = Superaccumulator()
        total.add(pair.high)
        total.add(pair.low)
        return total
    }
}
