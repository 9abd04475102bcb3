/// A stretch of a batch and the slots its events go to: event `firstRow + i` to `slots[i]`.
struct UpdateRange {
    let firstRow: Int
    let count: Int
}

extension AccumulatorColumn {
    /// Adds the events of a stretch to their slots.
    mutating func update(_ batch: EventBatch, _ range: UpdateRange, _ slots: [UInt32]) {
        if spec.mask != nil || !updateUniform(batch, range, slots) {
            updateGenerally(batch, range, slots)
        }
    }

    /// Adds unmasked events whose arguments are all integers or all doubles; `false` for others.
    private mutating func updateUniform(
        _ batch: EventBatch, _ range: UpdateRange, _ slots: [UInt32]
    ) -> Bool {
        guard let argument = spec.column else {
            countAll(slots.span.extracting(0..<range.count))
            return true
        }
        let rows = range.firstRow..<(range.firstRow + range.count)
        let target = slots.span.extracting(0..<range.count)
        let isInts = batch.columns[argument].isAllInts
        guard isInts || batch.columns[argument].isAllDoubles else { return false }
        let values = batch.columns[argument].bits
        let bits = values.span.extracting(rows)
        switch spec.function {
        case .count: countAll(target)
        case .sum, .average, .truncatedAverage:
            if isInts { sumInts(bits, target) } else { sumDoubles(bits, target) }
        case .min where isInts: minInts(bits, target)
        case .max where isInts: maxInts(bits, target)
        case .min: minDoubles(bits, target)
        case .max: maxDoubles(bits, target)
        default: return false
        }
        return true
    }

    private mutating func countAll(_ slots: Span<UInt32>) {
        var cells = counts.mutableSpan
        for index in 0..<slots.count { cells[Int(slots[index])] &+= 1 }
    }

    private mutating func sumInts(_ bits: Span<Int64>, _ slots: Span<UInt32>) {
        var cells = sums.mutableSpan
        for index in 0..<slots.count {
            let slot = Int(slots[index])
            cells[slot].count &+= 1
            cells[slot].ints &+= Int128(bits[index])
        }
    }

    private mutating func sumDoubles(_ bits: Span<Int64>, _ slots: Span<UInt32>) {
        needPairs()
        // The sums are exact, so those that do not fit their pair may be added last.
        var rest: [Int] = []
        var heldPairs: [DoublePair] = []
        swap(&heldPairs, &pairs)
        var parts = heldPairs.mutableSpan
        for index in 0..<slots.count {
            let slot = Int(slots[index])
            var pair = parts[slot]
            pair.count &+= 1
            if !pair.add(Double(bitPattern: UInt64(bitPattern: bits[index]))) {
                rest.append(index)
            }
            parts[slot] = pair
        }
        swap(&heldPairs, &pairs)
        for index in rest {
            addWide(Double(bitPattern: UInt64(bitPattern: bits[index])), slots[index])
        }
    }

    private mutating func minDoubles(_ bits: Span<Int64>, _ slots: Span<UInt32>) {
        addExtremes(bits, slots) { value, held in value > held }
    }

    private mutating func maxDoubles(_ bits: Span<Int64>, _ slots: Span<UInt32>) {
        addExtremes(bits, slots) { value, held in value < held }
    }

    /// Takes doubles into minima or maxima; `isIdle` says which surely change nothing.
    @inline(__always)
    private mutating func addExtremes(
        _ bits: Span<Int64>, _ slots: Span<UInt32>, isIdle: (Double, Double) -> Bool
    ) {
        var next = 0
        while true {
            next = firstChange(bits, slots, from: next, isIdle: isIdle)
            guard next < slots.count else { return }
            addExtreme(ValueColumn.Tag.double, bits[next], slots[next], [])
            next &+= 1
        }
    }

    /// The first double from one on that may change its minimum or maximum.
    @inline(__always)
    private func firstChange(
        _ bits: Span<Int64>, _ slots: Span<UInt32>, from first: Int,
        isIdle: (Double, Double) -> Bool
    ) -> Int {
        let cells = extremes.span
        var next = first
        while next < slots.count {
            let held = cells[Int(slots[next])]
            let value = Double(bitPattern: UInt64(bitPattern: bits[next]))
            // Equal numbers may differ in their sign, and NaN is neither.
            guard held.tag == ValueColumn.Tag.double, isIdle(value, held.double) else { break }
            next &+= 1
        }
        return next
    }

    private mutating func minInts(_ bits: Span<Int64>, _ slots: Span<UInt32>) {
        for index in 0..<slots.count {
            let slot = Int(slots[index])
            if extremes[slot].tag == ValueColumn.Tag.int {
                if bits[index] < extremes[slot].bits { extremes[slot].bits = bits[index] }
            } else {
                addExtreme(ValueColumn.Tag.int, bits[index], slots[index], [])
            }
        }
    }

    private mutating func maxInts(_ bits: Span<Int64>, _ slots: Span<UInt32>) {
        for index in 0..<slots.count {
            let slot = Int(slots[index])
            if extremes[slot].tag == ValueColumn.Tag.int {
                if bits[index] > extremes[slot].bits { extremes[slot].bits = bits[index] }
            } else {
                addExtreme(ValueColumn.Tag.int, bits[index], slots[index], [])
            }
        }
    }

    private mutating func updateGenerally(
        _ batch: EventBatch, _ range: UpdateRange, _ slots: [UInt32]
    ) {
        for index in 0..<range.count {
            let row = range.firstRow + index
            if let mask = spec.mask, !batch.masks[mask][row] { continue }
            let slot = slots[index]
            guard let argument = spec.column else {
                counts[Int(slot)] &+= 1
                continue
            }
            var tag = batch.columns[argument].tags[row]
            if tag == ValueColumn.Tag.null {
                guard spec.function == .first || spec.function == .last else { continue }
                tag = TimedCell.nullTag
            }
            let bits = batch.columns[argument].bits[row]
            switch spec.function {
            case .count: counts[Int(slot)] &+= 1
            case .sum, .average, .truncatedAverage: addToSum(tag, bits, slot)
            case .min, .max:
                let bytes =
                    tag == ValueColumn.Tag.bytes ? batch.columns[argument].bytes(at: row) : []
                addExtreme(tag, bits, slot, bytes)
            case .first, .last:
                let cell = TimedCell(
                    time: batch.timestamps[row], offset: batch.offsets[row], bits: bits,
                    partition: batch.partition, tag: tag)
                if addTimed(cell, slot), tag == ValueColumn.Tag.bytes {
                    blobs[slot] = batch.columns[argument].bytes(at: row)
                }
            default:
                let event = SketchEvent(
                    value: batch.columns[argument][row],
                    output: spec.output.map { batch.columns[$0][row] } ?? .null,
                    time: batch.timestamps[row], partition: batch.partition,
                    offset: batch.offsets[row])
                sketches[Int(slot)].add(event, spec)
            }
        }
    }

    private mutating func addToSum(_ tag: UInt8, _ bits: Int64, _ slot: UInt32) {
        let index = Int(slot)
        switch tag {
        case ValueColumn.Tag.int:
            sums[index].count &+= 1
            sums[index].ints &+= Int128(bits)
        case ValueColumn.Tag.double:
            needPairs()
            let value = Double(bitPattern: UInt64(bitPattern: bits))
            sums[index].count &+= 1
            sums[index].flags.insert(.double)
            if !pairs[index].add(value) { addWide(value, slot) }
        default: sums[index].flags.insert(.notANumber)
        }
    }

    /// Adds a double that a pair did not take.
    private mutating func addWide(_ value: Double, _ slot: UInt32) {
        if value.isNaN {
            sums[Int(slot)].flags.insert(.nan)
        } else if value.isInfinite {
            sums[Int(slot)].flags.insert(value > 0 ? .positiveInfinity : .negativeInfinity)
        } else {
            widen(slot)
            wides[slot, default: Superaccumulator()].add(value)
        }
    }

    /// Moves the sum of a slot from its pair to a superaccumulator.
    private mutating func widen(_ slot: UInt32) {
        guard !pairs[Int(slot)].high.isNaN else { return }
        wides[slot] = exactDoubles(slot)
        pairs[Int(slot)].high = .nan
        pairs[Int(slot)].low = 0
    }

    /// Takes a value that is not null into a minimum or maximum.
    private mutating func addExtreme(
        _ tag: UInt8, _ bits: Int64, _ slot: UInt32, _ bytes: @autoclosure () -> [UInt8]
    ) {
        let index = Int(slot)
        var cell = ValueCell(bits: bits, tag: tag)
        if cell.isNaN { cell.bits = Int64(bitPattern: Double.nan.bitPattern) }
        let held = extremes[index]
        let replaces: Bool
        if held.tag == ValueColumn.Tag.null {
            replaces = true
        } else if cell.isNaN || held.isNaN {
            replaces = !cell.isNaN
        } else {
            let isMinimum = spec.function == .min
            switch (tag == ValueColumn.Tag.bytes, held.tag == ValueColumn.Tag.bytes) {
            case (false, false):
                replaces = isMinimum ? cell.precedes(held) : held.precedes(cell)
            case (true, true):
                let old = blobs[slot] ?? []
                replaces =
                    isMinimum
                    ? bytes().lexicographicallyPrecedes(old)
                    : old.lexicographicallyPrecedes(bytes())
            case (let isBytes, _): replaces = isBytes != isMinimum
            }
        }
        guard replaces else { return }
        if tag == ValueColumn.Tag.bytes {
            blobs[slot] = bytes()
        } else if held.tag == ValueColumn.Tag.bytes {
            blobs[slot] = nil
        }
        extremes[index] = cell
    }

    /// Takes a value that is not null if it is earlier or later than the one held; whether it was.
    ///
    /// The caller stores its bytes.
    private mutating func addTimed(_ cell: TimedCell, _ slot: UInt32) -> Bool {
        let held = timed[Int(slot)]
        if held.tag != ValueColumn.Tag.null {
            let replaces = spec.function == .first ? cell.precedes(held) : !cell.precedes(held)
            guard replaces else { return false }
            if held.tag == ValueColumn.Tag.bytes { blobs[slot] = nil }
        }
        timed[Int(slot)] = cell
        return true
    }

    // MARK: Merging

    /// Adds the accumulators of one slot to another; the first stays as it is.
    mutating func merge(_ source: UInt32, into target: UInt32) {
        let from = Int(source)
        let to = Int(target)
        switch spec.function {
        case .count: counts[to] &+= counts[from]
        case .sum, .average, .truncatedAverage:
            sums[to].ints &+= sums[from].ints
            sums[to].count &+= sums[from].count
            sums[to].flags.formUnion(sums[from].flags)
            if !pairs.isEmpty { mergeDoubles(source, into: target) }
        case .min, .max:
            let cell = extremes[from]
            if cell.tag != ValueColumn.Tag.null {
                let bytes = cell.tag == ValueColumn.Tag.bytes ? blobs[source] ?? [] : []
                addExtreme(cell.tag, cell.bits, target, bytes)
            }
        case .first, .last:
            let cell = timed[from]
            if cell.tag != ValueColumn.Tag.null, addTimed(cell, target),
                cell.tag == ValueColumn.Tag.bytes
            {
                blobs[target] = blobs[source]
            }
        default: sketches[to].merge(sketches[from])
        }
    }

    /// Adds the accumulators of slots to others, pairwise.
    mutating func merge(_ sources: [UInt32], into targets: [UInt32]) {
        switch spec.function {
        case .count:
            for index in sources.indices {
                counts[Int(targets[index])] &+= counts[Int(sources[index])]
            }
        default:
            for index in sources.indices { merge(sources[index], into: targets[index]) }
        }
    }

    private mutating func mergeDoubles(_ source: UInt32, into target: UInt32) {
        let pair = pairs[Int(source)]
        pairs[Int(target)].count &+= pair.count
        if pair.high.isNaN {
            let wide = exactDoubles(source)
            widen(target)
            wides[target, default: Superaccumulator()].add(wide)
            return
        }
        if pair.high != 0, !pairs[Int(target)].add(pair.high) { addWide(pair.high, target) }
        if pair.low != 0, !pairs[Int(target)].add(pair.low) { addWide(pair.low, target) }
    }
}
