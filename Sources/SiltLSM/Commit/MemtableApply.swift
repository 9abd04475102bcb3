internal import SiltBytes
internal import SiltFormat
internal import SiltModel
internal import Synchronization

/// Puts a batch's operations of one region into its memtables.
///
/// Runs with the commit lock held, or alone during recovery.
enum MemtableApply {
    /// Applies checked operations; `segment` is the log segment of their record, `nil` when they are not logged.
    static func apply(
        _ operations: OperationBuffer, to group: TreeGroup, firstSequence: UInt64, timestamp: Int64,
        segment: UInt64?, engine: Engine
    ) {
        // Safety: the buffer is read only within the closure.
        unsafe operations.writer.bytes.withUnsafeBytes { bytes in
            // Operations of this process were checked before; a damaged one ends the walk.
            _ = unsafe apply(
                bytes, count: operations.count, to: group, firstSequence: firstSequence,
                timestamp: timestamp, segment: segment, engine: engine, skipsFlushed: false)
        }
    }

    /// Applies encoded operations.
    ///
    /// - Parameter skipsFlushed: whether operations that are in tables already, or of families that are gone, are passed over.
    /// - Returns: what is wrong with the bytes, if anything.
    static func apply(
        _ bytes: UnsafeRawBufferPointer, count: Int, to group: TreeGroup, firstSequence: UInt64,
        timestamp: Int64, segment: UInt64?, engine: Engine, skipsFlushed: Bool
    ) -> DecodingError? {
        let set = makeRoom(bytes.count, count, in: group, before: firstSequence, engine: engine)
        var slots = Slots(set, segment: segment)
        // Safety: the caller lends the buffer for the call.
        var cursor = unsafe OperationCursor(bytes)
        var sequence = firstSequence
        do throws(DecodingError) {
            while try cursor.next() {
                defer { sequence &+= 1 }
                guard
                    let memtable = slots.memtable(
                        cursor.family, sequence, skipsFlushed: skipsFlushed)
                else { continue }
                let isServers = cursor.flags & CellFlags.hasServerTimestamp != 0
                // Safety: the cursor's pointers lead into `bytes`; the memtable copies.
                unsafe memtable.insert(
                    columnKey: cursor.columnKey,
                    timestamp: isServers ? timestamp : cursor.timestamp,
                    type: cursor.type, flags: cursor.flags, sequence: sequence, value: cursor.value)
            }
        } catch { return error }
        engine.counters.memtableBytes.add(slots.growth)
        return nil
    }

    /// Freezes the memtables that might not hold so many operations of `byteCount` bytes together.
    private static func makeRoom(
        _ byteCount: Int, _ cellCount: Int, in group: TreeGroup, before firstSequence: UInt64,
        engine: Engine
    ) -> TreeSet {
        let set = group.set
        if set.trees.allSatisfy({
            $0.active.memtable.hasRoom(forBytes: byteCount, count: cellCount)
        }) {
            return set
        }
        var capacity = engine.memtableCapacityBytes
        while capacity < 1 << 40,
            !Memtable(capacityBytes: capacity, firstLogSegment: 0).hasRoom(
                forBytes: byteCount, count: cellCount)
        {
            capacity *= 2
        }
        return group.state.withLock { state in
            for tree in state.set.trees
            where !tree.active.memtable.hasRoom(forBytes: byteCount, count: cellCount) {
                state.set = state.set.replacing(
                    tree.freezing(
                        lastSequence: firstSequence - 1, next: MemtableSlot(capacityBytes: capacity)
                    ))
            }
            return state.set
        }
    }

    /// The memtable of the family at hand.
    private struct Slots {
        private let set: TreeSet
        private let segment: UInt64?
        private var family: UInt8?
        private var tree: TreeVersion?
        private var before: [Int]

        init(_ set: TreeSet, segment: UInt64?) {
            self.set = set
            self.segment = segment
            before = set.trees.map(\.active.memtable.byteCount)
        }

        /// The bytes that the memtables have grown.
        var growth: Int {
            zip(set.trees, before).reduce(0) { $0 + $1.0.active.memtable.byteCount - $1.1 }
        }

        mutating func memtable(_ wanted: UInt8, _ sequence: UInt64, skipsFlushed: Bool) -> Memtable?
        {
            if wanted != family {
                family = wanted
                tree = set.tree(wanted)
                if let segment { tree?.active.noteSegment(segment) }
            }
            guard let tree else { return nil }
            if skipsFlushed, sequence <= tree.flushedSequence { return nil }
            return tree.active.memtable
        }
    }
}
