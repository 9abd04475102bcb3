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
    /// `row` is the first slot of the first of them.
    mutating func takeRun(
        _ records: RecordBatch, _ range: Range<Int>, _ row: Int, _ streamBase: Int
    ) -> Int {
        let room = min(range.count, RunColumns.countMax, 65_536 - batch.count)
        guard room > 0 else { return 0 }
        let first = range.lowerBound
        let (count, latest) = gatherKeys(records, room, row)
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
            let seen = gatherArgument(records, row &+ slot, count)
            batch.columns[column].append(
                tags: run.tags[..<count], bits: run.bits[..<count], seen: seen)
        }
        summary.records &+= Int64(count)
        return count
    }

    /// Takes records that are columns, all of which are what they should be.
    mutating func takeColumns(_ records: RecordBatch, _ run: PlainColumns.Run, _ streamBase: Int) {
        batch.timestamps.append(contentsOf: records.columns.times(run))
        maxTime = max(maxTime, run.latest)
        batchMaxTime = maxTime
        internKeys(records, run)
        gatherOffsets(records, run.first, run.count, streamBase)
        eventRecords.append(contentsOf: run.first..<(run.first + run.count))
        for column in argumentPlaces.indices {
            let argument = argumentPlaces[column]
            batch.columns[column].append(
                tags: records.columns.tags(run, argument),
                bits: records.columns.bits(run, argument), seen: run.seen[argument])
        }
        summary.records &+= Int64(run.count)
    }

    /// Appends the ids of the keys of a run: those of their numbers, where they have some.
    ///
    /// Numbers are given in the order of first sight, so one that is not known yet is the next.
    mutating func internKeys(_ records: RecordBatch, _ run: PlainColumns.Run) {
        if records.columns.generation != numberGeneration {
            numberGeneration = records.columns.generation
            numberedIDs.removeAll(keepingCapacity: true)
        }
        let numbers = records.columns.numbers(run)
        let places = records.columns.places(run)
        let end = batch.keyIDs.count + run.count
        while batch.keyIDs.count < end {
            let done = run.count - (end - batch.keyIDs.count)
            let rest = numbers[(numbers.startIndex + done)...]
            JobPipeline.appendKnown(rest.span, numberedIDs, to: &batch.keyIDs)
            let index = run.count - (end - batch.keyIDs.count)
            if index == run.count { return }
            let number = numbers[numbers.startIndex + index]
            var stop = index + 1
            if number == PlainColumns.noNumber {
                while stop < run.count,
                    numbers[numbers.startIndex + stop] == PlainColumns.noNumber
                {
                    stop += 1
                }
            }
            windows.keys.intern(
                records.texts.bytes,
                places: places[(places.startIndex + index)..<(places.startIndex + stop)],
                into: &batch.keyIDs)
            if Int(number) == numberedIDs.count {
                numberedIDs.append(batch.keyIDs[end - run.count + index])
            }
        }
    }

    /// Appends the ids of numbers up to one that is not known.
    private static func appendKnown(
        _ numbers: Span<UInt32>, _ numberedIDs: [UInt32], to ids: inout [UInt32]
    ) {
        let known = numberedIDs.span
        ids.append(addingCapacity: numbers.count) { ids in
            for index in 0..<numbers.count {
                let number = Int(numbers[index])
                if number >= known.count { return }
                ids.append(known[number])
            }
        }
    }

    /// Collects times and the places of keys, up to a record that needs a closer look; how many, and the latest time.
    private mutating func gatherKeys(
        _ records: RecordBatch, _ room: Int, _ firstRow: Int
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
        var row = firstRow
        var count = 0
        while count < room {
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
        batch.offsets.append(addingCapacity: count) { offsets in
            for index in first..<(first &+ count) {
                offsets.append(Int64(streamBase &+ starts[index]))
            }
        }
    }

    /// Collects the bits and tags of a slot; a bit for each tag that occurs.
    private mutating func gatherArgument(
        _ records: RecordBatch, _ firstSlot: Int, _ count: Int
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
        var place = firstSlot
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
