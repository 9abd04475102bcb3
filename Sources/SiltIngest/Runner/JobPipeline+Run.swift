internal import SiltBytes
internal import SiltModel
internal import SiltStream

/// Records that need no closer look, taken a column at a time.
extension JobPipeline {
    private static let runCountMax = 4096

    /// Takes the first records of a range whose time, key and arguments are what they should be; how many that are.
    ///
    /// For plans that are plain and times in milliseconds. What it does not take, `take` does one by one.
    mutating func takeRun(_ records: RecordBatch, _ range: Range<Int>, _ streamBase: Int) -> Int {
        let count = runCount(
            records, range.prefix(JobPipeline.runCountMax).prefix(max(0, 65_536 - batch.count)))
        guard count > 0 else { return 0 }
        let first = range.lowerBound
        gather(records, first, count, slot: plan.timeSlot)
        batch.timestamps.append(contentsOf: runBits)
        for time in runBits { maxTime = max(maxTime, time) }
        batchMaxTime = maxTime
        gather(records, first, count, slot: plan.keySlots[0])
        windows.keys.intern(records.texts.bytes, places: runBits, into: &batch.keyIDs)
        if records.offsets.isEmpty {
            let starts = records.starts.span
            var bits = runBits.mutableSpan
            for index in 0..<count { bits[index] = Int64(streamBase &+ starts[first &+ index]) }
            batch.offsets.append(contentsOf: runBits)
        } else {
            batch.offsets.append(contentsOf: records.offsets[first..<(first + count)])
        }
        eventRecords.append(contentsOf: first..<(first + count))
        for (column, slot) in argumentSlots.enumerated() {
            let seen = gatherTagged(records, first, count, slot: slot)
            batch.columns[column].append(tags: runTags, bits: runBits, seen: seen)
        }
        summary.records &+= Int64(count)
        return count
    }

    private func runCount(_ records: RecordBatch, _ range: Range<Int>) -> Int {
        let slots = records.slots.span
        let slotCount = records.slotCount
        let (timeSlot, keySlot) = (plan.timeSlot, plan.keySlots[0])
        let (keyBytesMax, latestAllowed) = (keyBytesMax, latestAllowed)
        let arguments = argumentSlots.span
        var row = range.lowerBound &* slotCount
        for record in range {
            let time = slots[row &+ timeSlot]
            let key = slots[row &+ keySlot]
            var isPlain =
                time.tag == Datum.Tag.int && time.bits <= latestAllowed
                && (key.tag == Datum.Tag.text || key.tag == Datum.Tag.untyped)
                && key.textCount > 0 && key.textCount <= keyBytesMax
            for index in arguments.indices {
                isPlain = isPlain && slots[row &+ arguments[index]].tag <= Datum.Tag.double
            }
            if !isPlain { return record &- range.lowerBound }
            row &+= slotCount
        }
        return range.count
    }

    /// Collects the bits of a slot of records in `runBits`.
    private mutating func gather(_ records: RecordBatch, _ first: Int, _ count: Int, slot: Int) {
        let slots = records.slots.span
        if runBits.count > count { runBits.removeLast(runBits.count - count) }
        if runBits.count < count {
            runBits.append(contentsOf: repeatElement(0, count: count - runBits.count))
        }
        var bits = runBits.mutableSpan
        var place = first &* records.slotCount &+ slot
        for index in 0..<count {
            bits[index] = slots[place].bits
            place &+= records.slotCount
        }
    }

    /// Collects the tags of a slot, too, in `runTags`; a bit for each that occurs.
    private mutating func gatherTagged(
        _ records: RecordBatch, _ first: Int, _ count: Int, slot: Int
    ) -> UInt8 {
        gather(records, first, count, slot: slot)
        let slots = records.slots.span
        if runTags.count > count { runTags.removeLast(runTags.count - count) }
        if runTags.count < count {
            runTags.append(contentsOf: repeatElement(0, count: count - runTags.count))
        }
        var tags = runTags.mutableSpan
        var seen: UInt8 = 0
        var place = first &* records.slotCount &+ slot
        for index in 0..<count {
            let tag = slots[place].tag
            tags[index] = tag
            seen |= 1 &<< tag
            place &+= records.slotCount
        }
        return seen
    }
}
