internal import SiltBytes
internal import SiltModel
internal import SiltStream

/// Room for what is read out of a run of records, kept between runs.
struct RunColumns {
    /// The most records of a run: their slots should fit the processor's first cache, as they are gone through more than once.
    static let countMax = 512

    /// Event times.
    var times = [Int64](repeating: 0, count: countMax)
    /// Where the keys are.
    var places = [Int64](repeating: 0, count: countMax)
    /// The bits of an argument.
    var bits = [Int64](repeating: 0, count: countMax)
    /// The tags of an argument.
    var tags = [UInt8](repeating: 0, count: countMax)
}

/// Records that need no closer look, taken a column at a time.
extension JobPipeline {
    /// Takes the first records of a range whose time, key and arguments are what they should be; how many that are.
    ///
    /// For plans that are plain and times in milliseconds. What it does not take, `take` does one by one.
    mutating func takeRun(_ records: RecordBatch, _ range: Range<Int>, _ streamBase: Int) -> Int {
        let room = min(range.count, RunColumns.countMax, 65_536 - batch.count)
        guard room > 0 else { return 0 }
        let first = range.lowerBound
        let (count, latest) = gatherKeys(records, first..<(first + room))
        guard count > 0 else { return 0 }
        batch.timestamps.append(contentsOf: run.times[..<count])
        maxTime = max(maxTime, latest)
        batchMaxTime = maxTime
        windows.keys.intern(
            records.texts.bytes, places: run.places[..<count], into: &batch.keyIDs)
        if records.offsets.isEmpty {
            gatherOffsets(records, first, count, streamBase)
        } else {
            batch.offsets.append(contentsOf: records.offsets[first..<(first + count)])
        }
        eventRecords.append(contentsOf: first..<(first + count))
        for (column, slot) in argumentSlots.enumerated() {
            let seen = gatherArgument(records, first, count, slot: slot)
            batch.columns[column].append(
                tags: run.tags[..<count], bits: run.bits[..<count], seen: seen)
        }
        summary.records &+= Int64(count)
        return count
    }

    /// Collects times and the places of keys, up to a record that needs a closer look; how many, and the latest time.
    private mutating func gatherKeys(
        _ records: RecordBatch, _ range: Range<Int>
    ) -> (count: Int, latest: Int64) {
        let slots = records.slots.span
        let slotCount = records.slotCount
        let (timeSlot, keySlot) = (plan.timeSlot, plan.keySlots[0])
        let (keyBytesMax, latestAllowed) = (keyBytesMax, latestAllowed)
        let argumentSlots = argumentSlots
        let arguments = argumentSlots.span
        var (timeRoom, placeRoom): ([Int64], [Int64]) = ([], [])
        swap(&timeRoom, &run.times)
        swap(&placeRoom, &run.places)
        var times = timeRoom.mutableSpan
        var places = placeRoom.mutableSpan
        var latest = Int64.min
        var row = range.lowerBound &* slotCount
        var count = 0
        while count < range.count {
            let time = slots[row &+ timeSlot]
            let key = slots[row &+ keySlot]
            var isPlain =
                time.tag == Datum.Tag.int && time.bits <= latestAllowed
                && (key.tag == Datum.Tag.text || key.tag == Datum.Tag.untyped)
                && key.textCount > 0 && key.textCount <= keyBytesMax
            for index in arguments.indices {
                isPlain = isPlain && slots[row &+ arguments[index]].tag <= Datum.Tag.double
            }
            if !isPlain { break }
            times[count] = time.bits
            places[count] = key.bits
            latest = max(latest, time.bits)
            row &+= slotCount
            count &+= 1
        }
        swap(&timeRoom, &run.times)
        swap(&placeRoom, &run.places)
        return (count, latest)
    }

    /// Appends where records begin in the stream.
    private mutating func gatherOffsets(
        _ records: RecordBatch, _ first: Int, _ count: Int, _ streamBase: Int
    ) {
        let starts = records.starts.span
        var bits = run.bits.mutableSpan
        for index in 0..<count { bits[index] = Int64(streamBase &+ starts[first &+ index]) }
        batch.offsets.append(contentsOf: run.bits[..<count])
    }

    /// Collects the bits and tags of a slot; a bit for each tag that occurs.
    private mutating func gatherArgument(
        _ records: RecordBatch, _ first: Int, _ count: Int, slot: Int
    ) -> UInt8 {
        let slots = records.slots.span
        let slotCount = records.slotCount
        var bitRoom: [Int64] = []
        var tagRoom: [UInt8] = []
        swap(&bitRoom, &run.bits)
        swap(&tagRoom, &run.tags)
        var bits = bitRoom.mutableSpan
        var tags = tagRoom.mutableSpan
        var seen: UInt8 = 0
        var place = first &* slotCount &+ slot
        for index in 0..<count {
            let value = slots[place]
            bits[index] = value.bits
            tags[index] = value.tag
            seen |= 1 &<< value.tag
            place &+= slotCount
        }
        swap(&bitRoom, &run.bits)
        swap(&tagRoom, &run.tags)
        return seen
    }
}
