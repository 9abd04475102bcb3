public import SiltBytes

// Part of the format: docs/format/window-state.md.
extension WindowOperator {
    private static let version: UInt8 = 1

    /// The state as bytes: open panes and sessions, watermarks, and the keys they use.
    ///
    /// Equal states give equal bytes, whatever led to them.
    public func encodeState() -> [UInt8] {
        var writer = ByteWriter(capacity: 256 + allocator.liveCount * 16)
        writer.write(WindowOperator.version)
        writer.writeSized(fingerprint)
        writer.write(tracker.watermark)
        writer.writeVarint(UInt64(tracker.partitions.count))
        for partition in tracker.partitions {
            writer.write(partition.id)
            writer.write(partition.watermark)
            writer.write(partition.isIdle ? 1 : 0 as UInt8)
        }
        let (order, used) = usedKeys()
        writer.writeVarint(UInt64(used.count))
        for key in used { writer.writeSized(keys.bytes(of: key)) }
        for grid in grids {
            writer.writeVarint(UInt64(grid.panes.count))
            for pane in grid.panes {
                writer.write(pane.place.index)
                writer.writeVarint(UInt64(pane.keys.count))
                encode(pane, order, into: &writer)
            }
        }
        for store in sessionStores { encode(store, order, into: &writer) }
        for store in countStores { encode(store, order, into: &writer) }
        encodeRevisions(order, into: &writer)
        return writer.bytes
    }

    /// The windows, aggregates and rules in words: a state is only restored into equal ones.
    private var fingerprint: String {
        var text = ""
        for window in windows {
            text += "window \(window.name) \(window.shape.formatText)"
            if window.discards { text += " discard" }
            if let rank = window.rank {
                text += " rank \(rank.aggregate) \(rank.places.lowerBound)"
                text += " \(rank.places.upperBound) \(rank.isAscending ? "least" : "greatest")"
            }
            text += "\n"
        }
        for aggregate in aggregates {
            text += "aggregate \(aggregate.name) \(aggregate.own?.name ?? aggregate.function.name)"
            text += " \(aggregate.column ?? -1) \(aggregate.mask ?? -1)"
            for parameter in aggregate.parameters { text += " \(parameter)" }
            if let output = aggregate.output { text += " of \(output)" }
            text += "\n"
        }
        text += "watermark \(watermarkSpec.outOfOrderMilliseconds ?? -1)"
        return text + " \(watermarkSpec.allowedLatenessMilliseconds)\n"
    }

    /// Ids of the keys that have slots, sorted by bytes, and the rank of each id among them.
    private func usedKeys() -> (order: [UInt32], used: [UInt32]) {
        var isUsed = Array(repeating: false, count: keys.count)
        for grid in grids {
            for pane in grid.panes { for key in pane.keys { isUsed[Int(key)] = true } }
        }
        for store in sessionStores {
            for session in store.sessions where session.isLive { isUsed[Int(session.key)] = true }
        }
        for store in countStores { for key in store.keys { isUsed[Int(key)] = true } }
        var used: [UInt32] = []
        if keys.order.count == keys.count {
            for id in keys.order where isUsed[Int(id)] { used.append(id) }
        } else {
            for (id, flag) in isUsed.enumerated() where flag { used.append(UInt32(id)) }
            used.sort { keys.precedes($0, $1) }
        }
        var order = Array(repeating: UInt32.max, count: keys.count)
        for (rank, key) in used.enumerated() { order[Int(key)] = UInt32(rank) }
        return (order, used)
    }

    /// Appends the entries of a pane by key.
    private func encode(
        _ pane: PaneGrid.Pane, _ order: [UInt32], into writer: inout ByteWriter
    ) {
        let entries = zip(pane.keys, pane.slots).sorted { order[Int($0.0)] < order[Int($1.0)] }
        // Some at a time: there may be many, and what they are encoded by is a copy.
        for start in stride(from: 0, to: entries.count, by: 1024) {
            let some = entries[start..<min(entries.count, start + 1024)]
            let states = SlotStates(columns, some.map { $0.1 })
            for (number, entry) in some.enumerated() {
                writer.writeVarint(UInt64(order[Int(entry.0)]))
                states.append(number, columnPlaces, to: &writer)
            }
        }
    }

    /// Appends what the aggregates have accumulated in a slot.
    func encode(_ slot: UInt32, into writer: inout ByteWriter) {
        let columns = columns.span
        for place in columnPlaces { columns[place].encode(slot, into: &writer) }
    }

    private func encode(
        _ store: SessionStore, _ order: [UInt32], into writer: inout ByteWriter
    ) {
        let live = store.sessions.filter(\.isLive).sorted {
            (order[Int($0.key)], $0.start) < (order[Int($1.key)], $1.start)
        }
        writer.writeVarint(UInt64(live.count))
        for session in live {
            writer.writeVarint(UInt64(order[Int(session.key)]))
            writer.write(session.start)
            writer.write(session.end)
            writer.write(session.revision)
            encode(session.slot, into: &writer)
        }
    }

    private func encodeRevisions(_ order: [UInt32], into writer: inout ByteWriter) {
        let sorted = revisions.sorted {
            ($0.key.windowIndex, $0.key.bounds.end, $0.key.bounds.start)
                < ($1.key.windowIndex, $1.key.bounds.end, $1.key.bounds.start)
        }
        writer.writeVarint(UInt64(sorted.count))
        for (window, counts) in sorted {
            writer.writeVarint(UInt64(window.windowIndex))
            for bound in [window.bounds.start, window.bounds.end] {
                writer.writeSignedVarint(Int64(truncatingIfNeeded: bound >> 64))
                writer.write(UInt64(truncatingIfNeeded: bound))
            }
            writer.writeVarint(UInt64(counts.count))
            for (key, count) in counts.sorted(by: { order[Int($0.key)] < order[Int($1.key)] }) {
                writer.writeVarint(UInt64(order[Int(key)]))
                writer.write(count)
            }
        }
    }

    // MARK: Restoring

    /// Replaces the state by one that an operator of equal windows and aggregates encoded.
    ///
    /// Ids of keys given before are void. Rows and late events after it equal those that the other
    /// operator would have given.
    ///
    /// - Throws: when the bytes are damaged, or of other windows, aggregates or rules; the
    ///   operator is then unchanged.
    public mutating func restore(_ state: [UInt8]) throws(DecodingError) {
        var reader = ByteReader(state)
        guard try reader.readUInt8() == WindowOperator.version else {
            throw reader.error("window state is of another version")
        }
        guard try reader.readSizedString() == fingerprint else {
            throw reader.error("window state is of other windows or aggregates")
        }
        var fresh = emptied()
        let watermark = try reader.readInt64()
        var partitions: [WatermarkTracker.Partition] = []
        for _ in 0..<(try reader.readCount(limit: reader.remaining)) {
            let id = try reader.readUInt32()
            guard partitions.last.map({ $0.id < id }) ?? true else {
                throw reader.error("partitions are out of order")
            }
            partitions.append(
                WatermarkTracker.Partition(
                    id: id, watermark: try reader.readInt64(),
                    isIdle: try reader.readUInt8() != 0))
        }
        fresh.tracker = WatermarkTracker(partitions: partitions, watermark: watermark)
        for _ in 0..<(try reader.readCount(limit: reader.remaining)) {
            let count = fresh.keys.count
            guard fresh.keys.intern(try reader.readSized()) == UInt32(count) else {
                throw reader.error("a key occurs twice")
            }
        }
        for grid in grids.indices { try fresh.restoreGrid(grid, from: &reader) }
        for store in sessionStores.indices { try fresh.restoreSessions(store, from: &reader) }
        for store in countStores.indices { try fresh.restoreCounts(store, from: &reader) }
        try fresh.restoreRevisions(from: &reader)
        guard reader.isAtEnd else { throw reader.error("window state has bytes left over") }
        for grid in fresh.grids {
            fresh.nextEvent = min(fresh.nextEvent, grid.nextEvent(after: watermark))
        }
        for store in fresh.sessionStores { fresh.nextEvent = min(fresh.nextEvent, store.nextEvent) }
        self = fresh
    }

    /// The same operator without state.
    private func emptied() -> WindowOperator {
        var copy = self
        copy.keys = KeyInterner()
        copy.allocator.removeAll()
        copy.revisions = [:]
        copy.nextEvent = .max
        copy.mergeMap = []
        for index in copy.grids.indices { copy.grids[index].panes = [] }
        for index in copy.sessionStores.indices {
            let store = copy.sessionStores[index]
            copy.sessionStores[index] = SessionStore(
                windowIndex: store.windowIndex, gap: store.gap, maximum: store.maximum,
                joinsTouching: store.joinsTouching, allowedLateness: store.allowedLateness)
        }
        for index in copy.countStores.indices { copy.countStores[index].removeAll() }
        for index in copy.columns.indices {
            copy.columns[index].removeAll()
            copy.columns[index].grow(to: 1)
        }
        return copy
    }

    mutating func restoreSlot(
        from reader: inout ByteReader
    ) throws(DecodingError) -> UInt32 {
        let slot = allocator.make()
        for place in columnPlaces {
            columns[place].grow(to: Int(allocator.end))
            // Aggregates that share a column wrote the same.
            try columns[place].decode(slot, from: &reader)
        }
        return slot
    }

    func readKey(from reader: inout ByteReader) throws(DecodingError) -> UInt32 {
        guard keys.count > 0 else { throw reader.error("window state has no keys") }
        return UInt32(try reader.readCount(limit: keys.count - 1))
    }

    private mutating func restoreGrid(
        _ grid: Int, from reader: inout ByteReader
    ) throws(DecodingError) {
        for _ in 0..<(try reader.readCount(limit: reader.remaining)) {
            let index = try reader.readInt64()
            guard grids[grid].panes.last.map({ $0.place.index < index }) ?? true else {
                throw reader.error("panes are out of order")
            }
            let place = grids[grid].makePlace(index: index)
            guard place.isCovered else { throw reader.error("no window covers a pane") }
            var pane = PaneGrid.Pane(place: place)
            for _ in 0..<(try reader.readCount(limit: reader.remaining)) {
                let key = try readKey(from: &reader)
                guard pane.keys.last.map({ $0 < key }) ?? true else {
                    throw reader.error("keys of a pane are out of order")
                }
                let slot = try restoreSlot(from: &reader)
                pane.keys.append(key)
                pane.slots.append(slot)
                pane.map.insert(key, slot, keyCount: keys.count)
            }
            grids[grid].panes.append(pane)
        }
    }

    private mutating func restoreSessions(
        _ store: Int, from reader: inout ByteReader
    ) throws(DecodingError) {
        for _ in 0..<(try reader.readCount(limit: reader.remaining)) {
            let key = try readKey(from: &reader)
            let start = try reader.readInt64()
            let end = try reader.readInt64()
            guard start <= end else { throw reader.error("a session ends before it starts") }
            let revision = try reader.readUInt32()
            let slot = try restoreSlot(from: &reader)
            let session = SessionStore.Session(
                key: key, slot: slot, start: start, end: end, revision: revision)
            _ = sessionStores[store].insert(session, keyCount: keys.count)
        }
    }

    private mutating func restoreRevisions(from reader: inout ByteReader) throws(DecodingError) {
        for _ in 0..<(try reader.readCount(limit: reader.remaining)) {
            let windowIndex = try reader.readCount(limit: windows.count - 1)
            var bounds: [Int128] = []
            for _ in 0..<2 {
                let high = try reader.readSignedVarint()
                bounds.append(Int128(high) << 64 | Int128(try reader.readUInt64()))
            }
            let limit = Int128(1) << 70
            guard bounds.allSatisfy({ $0.magnitude < limit }) else {
                throw reader.error("a window's bounds are out of range")
            }
            let window = WindowIdentity(
                windowIndex: windowIndex,
                bounds: WindowGeometry.Bounds(start: bounds[0], end: bounds[1]))
            var counts: [UInt32: UInt32] = [:]
            for _ in 0..<(try reader.readCount(limit: reader.remaining)) {
                counts[try readKey(from: &reader)] = try reader.readUInt32()
            }
            revisions[window] = counts
        }
    }

    /// Forgets keys without open windows when they are the great majority; ids given before are
    /// then void.
    ///
    /// - Returns: whether it did.
    public mutating func compactKeys() -> Bool {
        guard keys.count > 1 << 16, keys.count / 8 > allocator.liveCount else { return false }
        return (try? restore(encodeState())) != nil
    }
}

extension WindowSpec.Shape {
    /// The shape in words that never change.
    fileprivate var formatText: String {
        switch self {
        case .tumbling(let size, let offset): "tumble \(size) \(offset)"
        case .hopping(let size, let slide, let offset): "hop \(size) \(slide) \(offset)"
        case .session(let gap, let maximum, let joins):
            "session \(gap)" + (maximum.map { " at most \($0)" } ?? "") + (joins ? "" : " apart")
        case .count(let size, let slide): "count \(size) \(slide)"
        case .calendar(let rule): "calendar \(rule.formatText)"
        case .cumulate(let size, let step, let offset): "cumulate \(size) \(step) \(offset)"
        case .global: "global"
        }
    }
}
