extension WindowOperator {
    /// How many events are looked at together.
    private static let chunkCount = 1024

    /// Takes the events of a batch and fires the windows they complete.
    public mutating func process(_ batch: EventBatch, into output: inout WindowOutput) {
        precondition(
            batch.keyIDs.count == batch.count && batch.offsets.count == batch.count
                && (batch.gaps.isEmpty || batch.gaps.count == batch.count)
                && batch.columns.allSatisfy { $0.count == batch.count }
                && batch.masks.allSatisfy { $0.count == batch.count },
            "the columns of a batch differ in length")
        guard batch.count > 0 else { return }
        let place = tracker.place(of: batch.partition)
        tracker.activate(place)
        var row = 0
        while row < batch.count {
            let rows = row..<min(batch.count, row + WindowOperator.chunkCount)
            if !processTogether(batch, rows, partition: place) {
                processSingly(batch, rows, partition: place, into: &output)
            }
            row = rows.upperBound
        }
    }

    /// The watermark of a partition after an event.
    private func bound(_ timestamp: Int64) -> Int64 {
        guard let disorder = watermarkSpec.outOfOrderMilliseconds else { return .min }
        return saturatingSum(saturatingSum(timestamp, -disorder), -1)
    }

    // MARK: Chunks that complete nothing

    /// Takes a chunk in whose course no window can fire, close or refuse an event; `false`, and no
    /// change, when one might.
    private mutating func processTogether(
        _ batch: EventBatch, _ rows: Range<Int>, partition: Int
    ) -> Bool {
        guard sessionStores.isEmpty, countStores.isEmpty, !hasGaps else { return false }
        var least = Int64.max
        var greatest = Int64.min
        let timestamps = batch.timestamps.span
        for row in rows {
            least = min(least, timestamps[row])
            greatest = max(greatest, timestamps[row])
        }
        let reached = max(tracker.partitions[partition].watermark, bound(greatest))
        let watermark = max(
            tracker.watermark, min(reached, tracker.least(except: partition)))
        guard watermark < nextEvent else { return false }
        for index in grids.indices {
            // Later panes' windows end no earlier than those of the least event.
            guard watermark < grids[index].place(of: least).firedAt else { return false }
        }
        for index in grids.indices { assign(batch, rows, grid: index) }
        tracker.raise(partition, to: reached)
        flush(batch, from: rows.lowerBound, count: rows.count)
        return true
    }

    /// A pane whose map was taken out of its grid, so that it is changed in place.
    private struct HeldPane {
        var index: Int64 = 0
        var position = -1
        /// Its first and last millisecond; none for no pane.
        var low = Int64.max
        var high = Int64.min
        var map = SlotMap()

        @inline(__always) func holds(_ timestamp: Int64) -> Bool {
            low <= timestamp && timestamp <= high
        }
    }

    /// Finds or makes the slots of a chunk's events in one grid.
    ///
    /// Two panes are at hand: around the end of one, events go to it and to the next in turns.
    private mutating func assign(_ batch: EventBatch, _ rows: Range<Int>, grid: Int) {
        let timestamps = batch.timestamps.span
        let keyIDs = batch.keyIDs.span
        var slots = buffers[grid]
        buffers[grid] = []
        slots.append(contentsOf: repeatElement(0, count: rows.count))
        var found = slots.mutableSpan
        var held = HeldPane()
        var other = HeldPane()
        var row = rows.lowerBound
        while true {
            if held.position >= 0 {
                let rest = row..<rows.upperBound
                row =
                    other.position >= 0
                    ? WindowOperator.findKnown(
                        timestamps, keyIDs, rest, held, other, into: &found, from: rows.lowerBound)
                    : WindowOperator.findKnown(
                        timestamps, keyIDs, rest, held, held, into: &found, from: rows.lowerBound)
            }
            if row == rows.upperBound { break }
            let timestamp = timestamps[row]
            if !held.holds(timestamp) {
                swap(&held, &other)
                if !held.holds(timestamp) { hold(timestamp, &held, &other, grid: grid) }
            }
            let key = keyIDs[row]
            var slot = held.map.slot(of: key)
            if slot == 0 {
                precondition(Int(key) < keys.count, "a key id was not given by the operator")
                slot = allocator.make()
                held.map.insert(key, slot, keyCount: keys.count)
                grids[grid].panes[held.position].keys.append(key)
                grids[grid].panes[held.position].slots.append(slot)
            }
            found[row &- rows.lowerBound] = slot
            row &+= 1
        }
        putBack(&held, grid: grid)
        putBack(&other, grid: grid)
        buffers[grid] = slots
    }

    /// Finds the slots of events of two panes, which may be one, up to one that has none yet or is of another; which that is.
    ///
    /// Which pane an event is of decides what is taken, not where the processor goes on: it could not foresee that.
    private static func findKnown(
        _ timestamps: Span<Int64>, _ keyIDs: Span<UInt32>, _ rows: Range<Int>,
        _ pane: HeldPane, _ other: HeldPane, into found: inout MutableSpan<UInt32>, from first: Int
    ) -> Int {
        let map = pane.map.direct.span
        let otherMap = other.map.direct.span
        let (low, width) = (pane.low, UInt64(bitPattern: pane.high &- pane.low))
        let (otherLow, otherWidth) = (other.low, UInt64(bitPattern: other.high &- other.low))
        let known = min(map.count, otherMap.count)
        for row in rows {
            let timestamp = timestamps[row]
            let isHere = UInt64(bitPattern: timestamp &- low) <= width
            let isThere = UInt64(bitPattern: timestamp &- otherLow) <= otherWidth
            let key = Int(keyIDs[row])
            guard isHere || isThere, key < known else { return row }
            let (here, there) = (map[key], otherMap[key])
            let slot = isHere ? here : there
            if slot == 0 { return row }
            found[row &- first] = slot
        }
        return rows.upperBound
    }

    /// Takes the pane of an event time, made if need be, and keeps of the two before it the one that was used last, `other`.
    @inline(never)
    private mutating func hold(
        _ timestamp: Int64, _ held: inout HeldPane, _ other: inout HeldPane, grid: Int
    ) {
        let before = other.position >= 0 ? other.index : nil
        putBack(&held, grid: grid)
        putBack(&other, grid: grid)
        let place = grids[grid].place(of: timestamp)
        held = take(pane(place, grid: grid), grid: grid)
        // A pane that was made may have moved the others.
        if let before, let position = grids[grid].find(before) {
            other = take(position, grid: grid)
        }
    }

    private mutating func take(_ position: Int, grid: Int) -> HeldPane {
        let place = grids[grid].panes[position].place
        var held = HeldPane(
            index: place.index, position: position, low: place.low, high: place.high)
        swap(&held.map, &grids[grid].panes[position].map)
        return held
    }

    private mutating func putBack(_ held: inout HeldPane, grid: Int) {
        if held.position >= 0 { swap(&held.map, &grids[grid].panes[held.position].map) }
        held = HeldPane()
    }

    /// The position of the pane at a place, made if need be.
    private mutating func pane(_ place: PaneGrid.Place, grid: Int) -> Int {
        let (position, isNew) = grids[grid].findOrMake(place)
        if isNew { nextEvent = min(nextEvent, firstEvent(of: place, grid: grid)) }
        return position
    }

    /// The least watermark at which a window over a new pane fires or the pane is not needed any
    /// more.
    private func firstEvent(of place: PaneGrid.Place, grid: Int) -> Int64 {
        var next = place.closedAt
        for member in grids[grid].members {
            if let end = member.geometry.firstEnd(
                coveringPaneFrom: place.start, to: place.end, after: Int128(watermark) + 1)
            {
                next = min(next, Int64(clamping: end - 1))
            }
        }
        return next
    }

    /// Adds the events since the last flush to their slots.
    mutating func flush(_ batch: EventBatch, from row: Int, count: Int) {
        let range = UpdateRange(firstRow: row, count: count)
        for column in columns.indices {
            columns[column].grow(to: Int(allocator.end))
            guard count > 0 else { continue }
            for buffer in buffers.indices { columns[column].update(batch, range, buffers[buffer]) }
            columns[column].reset(0)
        }
        for buffer in buffers.indices { buffers[buffer].removeAll(keepingCapacity: true) }
    }

    // MARK: Event by event

    /// What an event does beside going to its slots.
    private struct Effects {
        /// Windows that fired before and are to be given again with the event, and whether the
        /// key's row was given before.
        var refired: [(window: WindowIdentity, grid: Int, wasGiven: Bool)] = []
        /// Sessions to give.
        var sessions: [(store: Int, session: Int)] = []
        /// Count windows to give.
        var counts: [(store: Int, firing: CountStore.Firing)] = []
        var isAccepted = false
        var isRefused = false
    }

    private mutating func processSingly(
        _ batch: EventBatch, _ rows: Range<Int>, partition: Int, into output: inout WindowOutput
    ) {
        var pending = rows.lowerBound
        for row in rows {
            var effects = Effects()
            for store in sessionStores.indices {
                takeIntoSession(batch, row, store, &pending, &effects, into: &output)
            }
            for grid in grids.indices { takeIntoPane(batch, row, grid, &effects) }
            for store in countStores.indices { takeIntoCount(batch, row, store, &effects) }
            if !effects.refired.isEmpty || !effects.sessions.isEmpty || !effects.counts.isEmpty {
                flush(batch, from: pending, count: row + 1 - pending)
                pending = row + 1
                refire(effects, batch, row, into: &output)
            }
            noteLateness(batch, row, effects, into: &output)
            let old = tracker.watermark
            tracker.raise(partition, to: bound(batch.timestamps[row]))
            if tracker.watermark > old, tracker.watermark >= nextEvent {
                flush(batch, from: pending, count: row + 1 - pending)
                pending = row + 1
                fireIfDue(from: old, into: &output)
            }
        }
        flush(batch, from: pending, count: rows.upperBound - pending)
    }

    private mutating func takeIntoSession(
        _ batch: EventBatch, _ row: Int, _ store: Int, _ pending: inout Int,
        _ effects: inout Effects, into output: inout WindowOutput
    ) {
        let key = batch.keyIDs[row]
        precondition(Int(key) < keys.count, "a key id was not given by the operator")
        let outcome = sessionStores[store].take(
            key, at: batch.timestamps[row],
            gap: (batch.gaps.isEmpty ? nil : batch.gaps[row]) ?? sessionStores[store].gap,
            watermark: watermark, keyCount: keys.count, &allocator)
        if outcome.slot == 0 { effects.isRefused = true } else { effects.isAccepted = true }
        if !outcome.joined.isEmpty {
            // The windows before this one in the buffers already hold this event.
            let current = buffers.indices.map { buffer in
                buffers[buffer].count > row - pending ? buffers[buffer].removeLast() : 0
            }
            flush(batch, from: pending, count: row - pending)
            pending = row
            for (buffer, slot) in current.enumerated()
            where slot != 0 || isSession(buffer, before: store) {
                buffers[buffer].append(slot)
            }
            for slot in outcome.joined {
                for column in columns.indices {
                    columns[column].merge(slot, into: outcome.slot)
                    columns[column].reset(slot)
                }
                allocator.give(back: slot)
            }
        }
        buffers[grids.count + store].append(outcome.slot)
        let windowIndex = sessionStores[store].windowIndex
        for bounds in outcome.superseded {
            output.superseded.append(
                SupersededRow(
                    key: keys.bytes(of: key), windowIndex: windowIndex,
                    windowName: windows[windowIndex].name, start: bounds.start, end: bounds.end))
        }
        if outcome.fires { effects.sessions.append((store, outcome.session)) }
        nextEvent = min(nextEvent, sessionStores[store].nextEvent)
    }

    /// Whether a buffer belongs to a session window before another.
    private func isSession(_ buffer: Int, before store: Int) -> Bool {
        buffer >= grids.count && buffer < grids.count + store
    }

    private mutating func takeIntoPane(
        _ batch: EventBatch, _ row: Int, _ grid: Int, _ effects: inout Effects
    ) {
        let place = grids[grid].place(of: batch.timestamps[row])
        let watermark = watermark
        guard place.isCovered, watermark < place.closedAt else {
            if place.isCovered { effects.isRefused = true }
            buffers[grid].append(0)
            return
        }
        effects.isAccepted = true
        if watermark >= place.partlyClosedAt { effects.isRefused = true }
        let key = batch.keyIDs[row]
        precondition(Int(key) < keys.count, "a key id was not given by the operator")
        if watermark >= place.firedAt {
            let open = saturatingSum(watermark, -watermarkSpec.allowedLatenessMilliseconds)
            for member in grids[grid].members {
                for bounds in member.geometry.windows(
                    coveringPaneFrom: place.start, to: place.end, lastAfter: open,
                    through: watermark)
                {
                    let window = WindowIdentity(windowIndex: member.windowIndex, bounds: bounds)
                    let wasGiven = grids[grid].positions(of: bounds).contains {
                        grids[grid].panes[$0].map.slot(of: key) != 0
                    }
                    effects.refired.append((window, grid, wasGiven))
                }
            }
        }
        let position = pane(place, grid: grid)
        var slot = grids[grid].panes[position].map.slot(of: key)
        if slot == 0 {
            slot = allocator.make()
            grids[grid].panes[position].map.insert(key, slot, keyCount: keys.count)
            grids[grid].panes[position].keys.append(key)
            grids[grid].panes[position].slots.append(slot)
        }
        buffers[grid].append(slot)
    }

    private mutating func takeIntoCount(
        _ batch: EventBatch, _ row: Int, _ store: Int, _ effects: inout Effects
    ) {
        effects.isAccepted = true
        let taken = countStores[store].take(batch.keyIDs[row], &allocator)
        buffers[grids.count + sessionStores.count + store].append(taken.slot)
        if let firing = taken.firing { effects.counts.append((store, firing)) }
    }

    private mutating func refire(
        _ effects: Effects, _ batch: EventBatch, _ row: Int, into output: inout WindowOutput
    ) {
        let key = batch.keyIDs[row]
        var rows: [WindowRow] = []
        for (store, firing) in effects.counts { rows.append(countRow(store, firing, key: key)) }
        for (window, grid, wasGiven) in effects.refired {
            var revision: UInt32 = 0
            if wasGiven {
                revision = (revisions[window]?[key] ?? 0) &+ 1
                revisions[window, default: [:]][key] = revision
            }
            if windows[window.windowIndex].discards {
                rows.append(lateRow(window, batch, row, revision: revision))
            } else {
                rows.append(mergedRow(window, grid: grid, key: key, revision: revision))
            }
        }
        for (store, session) in effects.sessions { rows.append(sessionRow(store, session)) }
        for index in effects.counts.count..<rows.count { rows[index].isLate = true }
        rows.sort {
            ($0.end, nameRanks[$0.windowIndex], $0.start)
                < ($1.end, nameRanks[$1.windowIndex], $1.start)
        }
        output.rows += rows
    }

    private func noteLateness(
        _ batch: EventBatch, _ row: Int, _ effects: Effects, into output: inout WindowOutput
    ) {
        if effects.isAccepted, !(effects.isRefused && givesPartialLateEvents) { return }
        let timestamp = batch.timestamps[row]
        if !effects.isAccepted {
            let lateness = watermarkSpec.allowedLatenessMilliseconds
            guard saturatingSum(timestamp, lateness) <= watermark else {
                output.outsideCount += 1
                return
            }
        }
        output.late.append(
            LateEvent(
                index: row, partition: batch.partition, offset: batch.offsets[row],
                timestamp: timestamp, keyID: batch.keyIDs[row], watermark: watermark,
                isPartial: effects.isAccepted))
    }
}
