internal import SiltBytes
internal import SiltFormat
internal import SiltModel
internal import Synchronization

/// Puts a batch's operations of one region into its memtables.
///
/// Runs with the lead held, or alone during recovery.
enum MemtableApply {
    /// Applies the operations of a batch.
    ///
    /// - Parameters:
    ///   - view: the region; another when memtables had no room.
    ///   - segment: the log segment of the batch's record, `nil` when it is not logged.
    static func apply(
        _ section: LogRecordEncoder.Section, to view: inout CommitView, in state: inout CommitState,
        segment: UInt64?, engine: Engine
    ) {
        if !view.hasRoom(
            forBytes: section.operations.byteCount, count: section.operations.count)
        {
            makeRoom(
                section.operations.byteCount, section.operations.count, in: view.group,
                before: section.firstSequence, engine: engine)
            state.forgetViews()
            view = state.view(of: view.group)
        }
        // Safety: an operation buffer holds whole operations only.
        _ = unsafe insert(
            section.operations.bytes, into: view, firstSequence: section.firstSequence,
            timestamp: section.serverTimestamp, segment: segment, engine: engine,
            skipsFlushed: false)
    }

    /// Applies operations from a log; those that are in tables already, or of families that are gone, are passed over.
    ///
    /// - Returns: what is wrong with the bytes, if anything.
    static func replay(
        _ bytes: UnsafeRawBufferPointer, count: Int, to group: TreeGroup, firstSequence: UInt64,
        timestamp: Int64, engine: Engine
    ) -> DecodingError? {
        var view = CommitView(group)
        if !view.hasRoom(forBytes: bytes.count, count: count) {
            makeRoom(bytes.count, count, in: group, before: firstSequence, engine: engine)
            view = CommitView(group)
        }
        // Safety: the caller lends the bytes for the call.
        return unsafe insert(
            bytes, into: view, firstSequence: firstSequence, timestamp: timestamp, segment: nil,
            engine: engine, skipsFlushed: true)
    }

    /// Applies, of the operations that a region wrote which is gone, those that belong to one of its heirs.
    ///
    /// - Returns: what is wrong with the bytes, if anything.
    static func replay(
        _ bytes: UnsafeRawBufferPointer, count: Int, of origin: Identifier, to heir: TreeGroup,
        _ heirs: LogHeirs, firstSequence: UInt64, timestamp: Int64, engine: Engine
    ) -> DecodingError? {
        if !CommitView(heir).hasRoom(forBytes: bytes.count, count: count) {
            makeRoom(bytes.count, count, in: heir, before: firstSequence, engine: engine)
        }
        let set = heir.set
        let before = set.trees.reduce(0) { $0 + $1.active.memtable.byteCount }
        // Safety: the caller lends the bytes for the call; the memtable copies.
        var cursor = unsafe OperationCursor(bytes)
        var sequence = firstSequence
        do throws(DecodingError) {
            while try cursor.next() {
                let isWanted = unsafe heirs.owns(
                    heir, origin, family: cursor.family, columnKey: cursor.columnKey, sequence)
                if isWanted, let tree = set.tree(cursor.family) {
                    let isServers = cursor.flags & CellFlags.hasServerTimestamp != 0
                    unsafe tree.active.memtable.insert(
                        columnKey: cursor.columnKey,
                        timestamp: isServers ? timestamp : cursor.timestamp,
                        type: cursor.type, flags: cursor.flags, sequence: sequence,
                        value: cursor.value)
                }
                sequence &+= 1
            }
        } catch { return error }
        let after = set.trees.reduce(0) { $0 + $1.active.memtable.byteCount }
        engine.counters.memtableBytes.add(after - before)
        return nil
    }

    /// How many operations of a batch are prepared for before their turn.
    private static let aheadMax = 4
    private static let aheadBytesMin = 512

    /// Has the memory fetched that the first operations of a batch will change; by any thread.
    static func prepare(_ operations: OperationSpan, in group: TreeGroup) {
        let pin = group.published.epoch.enter()
        defer { group.published.epoch.leave(pin) }
        // Safety: the epoch was entered before the set is loaded.
        unsafe group.published.borrow()._withUnsafeGuaranteedRef { set in
            prepare(operations, for: set)
        }
    }

    private static func prepare(_ operations: OperationSpan, for set: TreeSet) {
        // Safety: an operation buffer holds whole operations only, and its owner waits for this call.
        var cursor = unsafe OperationCursor(operations.bytes)
        var count = 0
        while count < aheadMax, (try? cursor.next()) == true {
            count += 1
            // Safety: as above.
            unsafe set.points.prepare(for: cursor.columnKey, family: cursor.family)
        }
    }

    private static func insert(
        _ bytes: UnsafeRawBufferPointer, into view: CommitView, firstSequence: UInt64,
        timestamp: Int64, segment: UInt64?, engine: Engine, skipsFlushed: Bool
    ) -> DecodingError? {
        defer { withExtendedLifetime(view) {} }
        // Safety: the caller lends the bytes for the call.
        var cursor = unsafe OperationCursor(bytes)
        var ahead = unsafe OperationCursor(bytes)
        // A few operations are not worth it.
        let looksAhead = bytes.count >= Self.aheadBytesMin
        var aheadCount = -1
        // Whether the operation before came last of all: the next will most often go to the same leaf.
        var wasLast = false
        var sequence = firstSequence
        var family: UInt8?
        var place: CommitPlace?
        var growth = 0
        do throws(DecodingError) {
            while try cursor.next() {
                if cursor.family != family {
                    family = cursor.family
                    growth += place?.byteCount ?? 0
                    place = view.place(of: cursor.family)
                    growth -= place?.byteCount ?? 0
                    if let segment { place?.noteSegment(segment) }
                }
                if let place, !skipsFlushed || sequence > place.flushedSequence {
                    while looksAhead, !wasLast, aheadCount < Self.aheadMax, try ahead.next() {
                        aheadCount += 1
                        if aheadCount > 0, ahead.family == family {
                            // Safety: the cursor's pointers lead into `bytes`.
                            unsafe place.prepare(for: ahead.columnKey)
                        }
                    }
                    let isLast = place.insert(cursor, timestamp: timestamp, sequence: sequence)
                    if wasLast, !isLast { (ahead, aheadCount) = (cursor, 0) }
                    wasLast = isLast
                }
                aheadCount &-= 1
                sequence &+= 1
            }
        } catch { return error }
        growth += place?.byteCount ?? 0
        engine.counters.memtableBytes.add(growth)
        return nil
    }

    /// Freezes the memtables that might not hold so many operations of `byteCount` bytes together.
    private static func makeRoom(
        _ byteCount: Int, _ cellCount: Int, in group: TreeGroup, before firstSequence: UInt64,
        engine: Engine
    ) {
        var capacity = engine.memtableCapacityBytes
        while capacity < 1 << 40,
            !Memtable(capacityBytes: capacity, firstLogSegment: 0).hasRoom(
                forBytes: byteCount, count: cellCount)
        {
            capacity *= 2
        }
        group.state.withLock { state in
            for tree in state.set.trees
            where !tree.active.memtable.hasRoom(forBytes: byteCount, count: cellCount) {
                state.set = state.set.replacing(
                    tree.freezing(
                        lastSequence: state.replay?.sequence ?? firstSequence - 1,
                        next: MemtableSlot(capacityBytes: capacity),
                        originsLeft: state.replay?.left(of: tree.origins) ?? []))
            }
        }
        group.wantsFlush.store(true, ordering: .relaxed)
    }
}
