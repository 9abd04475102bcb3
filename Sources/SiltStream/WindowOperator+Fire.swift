extension WindowOperator {
    /// Windows that fire together: those of one specification and bounds, or a session window's.
    private struct Firing {
        let end: Int64
        let nameRank: Int
        let start: Int64
        let grid: Int
        let window: WindowIdentity?
        let store: Int
        let session: Int
        let key: UInt32
    }

    /// Gives the rows of all windows whose last millisecond lies past a former watermark, up to the
    /// present one, and drops what no window needs any more.
    mutating func fireIfDue(from old: Int64, into output: inout WindowOutput) {
        guard watermark >= nextEvent, watermark > old else { return }
        var firings = dueWindows(from: old)
        var closed: [(store: Int, session: Int)] = []
        for store in sessionStores.indices {
            let due = sessionStores[store].due(at: watermark)
            let windowIndex = sessionStores[store].windowIndex
            for session in due.fired {
                let held = sessionStores[store].sessions[session]
                firings.append(
                    Firing(
                        end: held.end, nameRank: nameRanks[windowIndex], start: held.start,
                        grid: 0, window: nil, store: store, session: session, key: held.key))
            }
            closed += due.closed.map { (store, $0) }
        }
        firings.sort { precedes($0, $1) }
        for firing in firings {
            if let window = firing.window {
                give(window, grid: firing.grid, into: &output)
            } else {
                output.rows.append(sessionRow(firing.store, firing.session))
            }
        }
        for (store, session) in closed {
            release([sessionStores[store].sessions[session].slot])
            sessionStores[store].remove(session)
        }
        retire()
    }

    private func precedes(_ left: Firing, _ right: Firing) -> Bool {
        if left.end != right.end { return left.end < right.end }
        if left.nameRank != right.nameRank { return left.nameRank < right.nameRank }
        if left.window == nil, left.key != right.key { return keys.precedes(left.key, right.key) }
        return left.start < right.start
    }

    private func dueWindows(from old: Int64) -> [Firing] {
        var firings: [Firing] = []
        for grid in grids.indices {
            for member in grids[grid].members {
                var seen: Set<WindowGeometry.Bounds> = []
                for pane in grids[grid].panes {
                    if Int64(clamping: pane.place.start) > watermark { break }
                    for bounds in member.geometry.windows(
                        coveringPaneFrom: pane.place.start, to: pane.place.end, lastAfter: old,
                        through: watermark) where seen.insert(bounds).inserted
                    {
                        firings.append(
                            Firing(
                                end: bounds.clippedEnd, nameRank: nameRanks[member.windowIndex],
                                start: bounds.clippedStart, grid: grid,
                                window: WindowIdentity(
                                    windowIndex: member.windowIndex, bounds: bounds),
                                store: 0, session: 0, key: 0))
                    }
                }
            }
        }
        return firings
    }

    /// Drops panes, revisions and slots that no window needs any more.
    private mutating func retire() {
        for grid in grids.indices { release(grids[grid].retire(at: watermark)) }
        if !revisions.isEmpty {
            let lateness = Int128(watermarkSpec.allowedLatenessMilliseconds)
            revisions = revisions.filter { window, _ in
                Int64(clamping: window.bounds.end - 1 + lateness) > watermark
            }
        }
        if allocator.liveCount == 0 {
            allocator.removeAll()
            for column in columns.indices {
                columns[column].removeAll()
                columns[column].grow(to: 1)
            }
        }
        nextEvent = .max
        for grid in grids { nextEvent = min(nextEvent, grid.nextEvent(after: watermark)) }
        for store in sessionStores { nextEvent = min(nextEvent, store.nextEvent) }
    }

    private mutating func release(_ slots: [UInt32]) {
        for column in columns.indices {
            for slot in slots { columns[column].reset(slot) }
        }
        for slot in slots { allocator.give(back: slot) }
    }

    // MARK: Rows

    /// Gives the rows of a window for the first time, by key.
    private mutating func give(
        _ window: WindowIdentity, grid: Int, into output: inout WindowOutput
    ) {
        let positions = grids[grid].positions(of: window.bounds)
        var found: [Entry] = []
        if positions.count == 1 {
            let pane = grids[grid].panes[positions.lowerBound]
            found.reserveCapacity(pane.keys.count)
            for index in pane.keys.indices {
                let key = pane.keys[index]
                found.append(
                    Entry(prefix: keys.prefix(of: key), key: key, slot: pane.slots[index]))
            }
        } else {
            found = mergePanes(positions, grid: grid)
        }
        let first = output.rows.count
        let entries = sorted(found)
        var filled = contents(entries.map(\.slot))
        for index in entries.indices {
            output.rows.append(
                row(window, key: entries[index].key, filled.take(index), revision: 0))
        }
        if let rank = windows[window.windowIndex].rank {
            keep(rank, from: first, in: &output.rows)
        }
        if positions.count != 1 { release(found.map(\.slot)) }
    }

    /// Leaves the ranked rows of a window, in the order of their places.
    private func keep(_ rank: WindowSpec.Rank, from first: Int, in rows: inout [WindowRow]) {
        guard let column = aggregates.firstIndex(where: { $0.name == rank.aggregate }) else {
            return
        }
        let window = rows[first...].enumerated().sorted { left, right in
            let (one, other) = (left.element.values[column], right.element.values[column])
            if one.precedes(other) { return rank.isAscending }
            if other.precedes(one) { return !rank.isAscending }
            return left.offset < right.offset
        }
        rows.removeSubrange(first...)
        for (index, row) in window.enumerated() where rank.places.contains(index + 1) {
            var row = row.element
            row.rank = index + 1
            rows.append(row)
        }
    }

    /// The entries by key: picked along the order of all keys when they are many of them.
    private mutating func sorted(_ found: [Entry]) -> [Entry] {
        guard found.count > 8, found.count >= keys.count / 8 else {
            return found.sorted { left, right in
                left.prefix != right.prefix
                    ? left.prefix < right.prefix : keys.precedes(left.key, right.key)
            }
        }
        keys.refreshOrder()
        growMergeMap()
        for (index, entry) in found.enumerated() { mergeMap[Int(entry.key)] = UInt32(index + 1) }
        var picked: [Entry] = []
        picked.reserveCapacity(found.count)
        for key in keys.order where mergeMap[Int(key)] != 0 {
            picked.append(found[Int(mergeMap[Int(key)] - 1)])
            mergeMap[Int(key)] = 0
        }
        return picked
    }

    private mutating func growMergeMap() {
        guard mergeMap.count < keys.count else { return }
        mergeMap.append(contentsOf: repeatElement(0, count: keys.count - mergeMap.count))
    }

    /// A key of a window with its slot, and the prefix that sorts it.
    private struct Entry {
        let prefix: UInt64
        let key: UInt32
        let slot: UInt32
    }

    /// Merges the slots of panes by key into new slots, which the caller releases.
    private mutating func mergePanes(
        _ positions: Range<Int>, grid: Int
    ) -> [Entry] {
        growMergeMap()
        var found: [Entry] = []
        var targets: [[UInt32]] = []
        for position in positions {
            var list: [UInt32] = []
            list.reserveCapacity(grids[grid].panes[position].keys.count)
            for key in grids[grid].panes[position].keys {
                if mergeMap[Int(key)] == 0 {
                    let slot = allocator.make()
                    mergeMap[Int(key)] = slot
                    found.append(Entry(prefix: keys.prefix(of: key), key: key, slot: slot))
                }
                list.append(mergeMap[Int(key)])
            }
            targets.append(list)
        }
        for column in columns.indices {
            columns[column].grow(to: Int(allocator.end))
            for (index, position) in positions.enumerated() {
                columns[column].merge(grids[grid].panes[position].slots, into: targets[index])
            }
        }
        for entry in found { mergeMap[Int(entry.key)] = 0 }
        return found
    }

    /// The row of one key of a window that fired before.
    mutating func mergedRow(
        _ window: WindowIdentity, grid: Int, key: UInt32, revision: UInt32
    ) -> WindowRow {
        let total = allocator.make()
        for column in columns.indices { columns[column].grow(to: Int(allocator.end)) }
        for position in grids[grid].positions(of: window.bounds) {
            let slot = grids[grid].panes[position].map.slot(of: key)
            guard slot != 0 else { continue }
            for column in columns.indices { columns[column].merge(slot, into: total) }
        }
        let row = row(window, key: key, slot: total, revision: revision)
        release([total])
        return row
    }

    /// The row of one late event alone.
    mutating func lateRow(
        _ window: WindowIdentity, _ batch: EventBatch, _ index: Int, revision: UInt32
    ) -> WindowRow {
        let total = allocator.make()
        for column in columns.indices {
            columns[column].grow(to: Int(allocator.end))
            columns[column].update(batch, UpdateRange(firstRow: index, count: 1), [total])
        }
        let row = row(window, key: batch.keyIDs[index], slot: total, revision: revision)
        release([total])
        return row
    }

    /// The row of a count window; panes it is the last to need are freed.
    mutating func countRow(_ store: Int, _ firing: CountStore.Firing, key: UInt32) -> WindowRow {
        let total = allocator.make()
        for column in columns.indices {
            columns[column].grow(to: Int(allocator.end))
            for slot in firing.slots { columns[column].merge(slot, into: total) }
        }
        let row = row(
            key: key, slot: total, windowIndex: countStores[store].windowIndex,
            start: firing.start, end: firing.end, revision: 0, isFinal: true)
        release([total] + firing.freed)
        return row
    }

    /// The row of a session, counted as given.
    mutating func sessionRow(_ store: Int, _ session: Int) -> WindowRow {
        let revision = sessionStores[store].give(session)
        let held = sessionStores[store].sessions[session]
        let windowIndex = sessionStores[store].windowIndex
        let closing = saturatingSum(held.end - 1, watermarkSpec.allowedLatenessMilliseconds)
        let row = row(
            key: held.key, slot: held.slot, windowIndex: windowIndex, start: held.start,
            end: held.end, revision: revision, isFinal: closing <= watermark)
        if windows[windowIndex].discards {
            for column in columns.indices { columns[column].reset(held.slot) }
        }
        return row
    }

    /// The results and states of rows.
    private struct Contents {
        var values: [[AggregateValue]]
        /// None when the operator gives none.
        var states: [[UInt8]]

        /// What belongs to the row at a place, which is then no longer here.
        mutating func take(_ index: Int) -> (values: [AggregateValue], state: [UInt8]?) {
            var taken: (values: [AggregateValue], state: [UInt8]?) = ([], nil)
            swap(&taken.values, &values[index])
            if !states.isEmpty {
                var state: [UInt8] = []
                swap(&state, &states[index])
                taken.state = state
            }
            return taken
        }
    }

    /// The results and states of slots: a column at a time, see `SlotStates`.
    private func contents(_ slots: [UInt32]) -> Contents {
        var values: [[AggregateValue]] = []
        values.reserveCapacity(slots.count)
        for _ in slots {
            var row: [AggregateValue] = []
            row.reserveCapacity(aggregates.count)
            values.append(row)
        }
        for index in aggregates.indices {
            columns[columnPlaces[index]].appendValues(
                slots, of: aggregates[index].function, to: &values)
        }
        return Contents(
            values: values,
            states: givesStates
                ? AggregateState.encode(aggregates, columns, columnPlaces, slots) : [])
    }

    private func row(
        _ window: WindowIdentity, key: UInt32, slot: UInt32, revision: UInt32
    ) -> WindowRow {
        var filled = contents([slot])
        return row(window, key: key, filled.take(0), revision: revision)
    }

    private func row(
        _ window: WindowIdentity, key: UInt32,
        _ content: (values: [AggregateValue], state: [UInt8]?), revision: UInt32
    ) -> WindowRow {
        let lateness = Int128(watermarkSpec.allowedLatenessMilliseconds)
        return row(
            key: key, content, windowIndex: window.windowIndex,
            start: window.bounds.clippedStart, end: window.bounds.clippedEnd, revision: revision,
            isFinal: Int64(clamping: window.bounds.end - 1 + lateness) <= watermark)
    }

    private func row(
        key: UInt32, slot: UInt32, windowIndex: Int, start: Int64, end: Int64, revision: UInt32,
        isFinal: Bool
    ) -> WindowRow {
        var filled = contents([slot])
        return row(
            key: key, filled.take(0), windowIndex: windowIndex, start: start, end: end,
            revision: revision, isFinal: isFinal)
    }

    private func row(
        key: UInt32, _ content: (values: [AggregateValue], state: [UInt8]?), windowIndex: Int,
        start: Int64, end: Int64, revision: UInt32, isFinal: Bool
    ) -> WindowRow {
        WindowRow(
            keyID: key, key: keys.bytes(of: key), windowIndex: windowIndex,
            windowName: windows[windowIndex].name, start: start, end: end, revision: revision,
            isFinal: isFinal, values: content.values, state: content.state)
    }
}

extension WindowOperator {
    /// The rows of all windows with events that have not fired, as they are now: early results,
    /// which those of the firing replace.
    ///
    /// Nothing changes but what later revisions count from.
    public mutating func giveProvisional(into output: inout WindowOutput) {
        for grid in grids.indices {
            var seen: Set<WindowIdentity> = []
            for pane in grids[grid].panes {
                for member in grids[grid].members {
                    let open = member.geometry.windows(
                        coveringPaneFrom: pane.place.start, to: pane.place.end,
                        lastAfter: watermark, through: .max)
                    for bounds in open {
                        let window = WindowIdentity(
                            windowIndex: member.windowIndex, bounds: bounds)
                        guard windows[member.windowIndex].rank == nil,
                            seen.insert(window).inserted
                        else { continue }
                        give(window, grid: grid, into: &output)
                    }
                }
            }
        }
        for store in sessionStores.indices {
            let windowIndex = sessionStores[store].windowIndex
            for session in sessionStores[store].sessions where session.isLive && !session.isGiven {
                output.rows.append(
                    row(
                        key: session.key, slot: session.slot, windowIndex: windowIndex,
                        start: session.start, end: session.end, revision: 0, isFinal: false))
            }
        }
    }
}
