internal import SiltFormat
internal import Synchronization

/// A memtable and what the log must keep for it.
final class MemtableSlot: Sendable {
    /// The cells.
    let memtable: Memtable
    private let emptyByteCount: Int
    /// The first log segment with a record of this memtable; `UInt64.max` while there is none.
    ///
    /// Written by the committing thread; only ever set once, so readers need no order with other
    /// memory.
    private let segment = Atomic<UInt64>(.max)

    init(capacityBytes: Int) {
        memtable = Memtable(capacityBytes: capacityBytes, firstLogSegment: 0)
        emptyByteCount = memtable.byteCount
    }

    /// The bytes of memory that its cells take.
    var byteCount: Int { memtable.byteCount - emptyByteCount }

    /// The oldest log segment that must stay until this memtable is flushed; `UInt64.max` for none.
    var oldestSegment: UInt64 { segment.load(ordering: .relaxed) }

    /// Takes note that cells came from a record in log segment `number`.
    func noteSegment(_ number: UInt64) {
        if segment.load(ordering: .relaxed) == .max { segment.store(number, ordering: .relaxed) }
    }
}

/// A memtable that takes no more cells and waits for its flush.
struct FrozenMemtable: Sendable {
    /// The cells.
    let slot: MemtableSlot
    /// Every operation of the tree up to this sequence is in this memtable, an older one, or a table.
    let lastSequence: UInt64
    /// What the log may still hold of other regions for the tree once this is flushed.
    let originsLeft: [RegionManifest.Origin]
}
