internal import SiltBytes
internal import SiltFormat
internal import SiltModel
internal import Synchronization

/// Puts a batch's operations of one region into its memtables.
///
/// Runs with the commit lock held, or alone during recovery.
enum MemtableApply {
    /// Applies the operations of a batch.
    ///
    /// - Parameters:
    ///   - set: the region's trees; others when memtables had no room.
    ///   - segment: the log segment of the batch's record, `nil` when it is not logged.
    static func apply(
        _ section: LogRecordEncoder.Section, to group: TreeGroup, _ set: inout TreeSet,
        segment: UInt64?, engine: Engine
    ) {
        makeRoom(
            section.operations.bytes.count, section.operations.count, in: group, &set,
            before: section.firstSequence, engine: engine)
        // Safety: the buffer is read only within the closure.
        unsafe section.operations.bytes.withUnsafeBytes { bytes in
            // An operation buffer holds whole operations only.
            _ = unsafe insert(
                bytes, into: set, firstSequence: section.firstSequence,
                timestamp: section.serverTimestamp, segment: segment, engine: engine,
                skipsFlushed: false)
        }
    }

    /// Applies operations from a log; those that are in tables already, or of families that are gone, are passed over.
    ///
    /// - Returns: what is wrong with the bytes, if anything.
    static func replay(
        _ bytes: UnsafeRawBufferPointer, count: Int, to group: TreeGroup, firstSequence: UInt64,
        timestamp: Int64, engine: Engine
    ) -> DecodingError? {
        var set = group.set
        makeRoom(bytes.count, count, in: group, &set, before: firstSequence, engine: engine)
        // Safety: the caller lends the bytes for the call.
        return unsafe insert(
            bytes, into: set, firstSequence: firstSequence, timestamp: timestamp, segment: nil,
            engine: engine, skipsFlushed: true)
    }

    /// Applies, of the operations that a region wrote which is gone, those that belong to one of its heirs.
    ///
    /// - Returns: what is wrong with the bytes, if anything.
    static func replay(
        _ bytes: UnsafeRawBufferPointer, count: Int, of origin: Identifier, to heir: TreeGroup,
        _ heirs: LogHeirs, firstSequence: UInt64, timestamp: Int64, engine: Engine
    ) -> DecodingError? {
        var set = heir.set
        makeRoom(bytes.count, count, in: heir, &set, before: firstSequence, engine: engine)
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

    private static func insert(
        _ bytes: UnsafeRawBufferPointer, into set: TreeSet, firstSequence: UInt64,
        timestamp: Int64, segment: UInt64?, engine: Engine, skipsFlushed: Bool
    ) -> DecodingError? {
        // Safety: the caller lends the bytes for the call.
        var cursor = unsafe OperationCursor(bytes)
        var sequence = firstSequence
        var family: UInt8?
        var memtable: Memtable?
        var flushedSequence: UInt64 = 0
        var growth = 0
        do throws(DecodingError) {
            while try cursor.next() {
                if cursor.family != family {
                    family = cursor.family
                    growth += memtable?.byteCount ?? 0
                    let tree = set.tree(cursor.family)
                    memtable = tree?.active.memtable
                    growth -= memtable?.byteCount ?? 0
                    if let segment { tree?.active.noteSegment(segment) }
                    flushedSequence = skipsFlushed ? tree?.flushedSequence ?? .max : 0
                }
                if let memtable, sequence > flushedSequence {
                    let isServers = cursor.flags & CellFlags.hasServerTimestamp != 0
                    // Safety: the cursor's pointers lead into `bytes`; the memtable copies.
                    unsafe memtable.insert(
                        columnKey: cursor.columnKey,
                        timestamp: isServers ? timestamp : cursor.timestamp,
                        type: cursor.type, flags: cursor.flags, sequence: sequence,
                        value: cursor.value)
                }
                sequence &+= 1
            }
        } catch { return error }
        growth += memtable?.byteCount ?? 0
        engine.counters.memtableBytes.add(growth)
        return nil
    }

    /// Freezes the memtables that might not hold so many operations of `byteCount` bytes together.
    private static func makeRoom(
        _ byteCount: Int, _ cellCount: Int, in group: TreeGroup, _ set: inout TreeSet,
        before firstSequence: UInt64, engine: Engine
    ) {
        var isThere = true
        for index in set.trees.indices
        where !set.trees[index].active.memtable.hasRoom(forBytes: byteCount, count: cellCount) {
            isThere = false
        }
        if isThere { return }
        var capacity = engine.memtableCapacityBytes
        while capacity < 1 << 40,
            !Memtable(capacityBytes: capacity, firstLogSegment: 0).hasRoom(
                forBytes: byteCount, count: cellCount)
        {
            capacity *= 2
        }
        set = group.state.withLock { state in
            for tree in state.set.trees
            where !tree.active.memtable.hasRoom(forBytes: byteCount, count: cellCount) {
                state.set = state.set.replacing(
                    tree.freezing(
                        lastSequence: state.replay?.sequence ?? firstSequence - 1,
                        next: MemtableSlot(capacityBytes: capacity),
                        originsLeft: state.replay?.left(of: tree.origins) ?? []))
            }
            return state.set
        }
    }
}
