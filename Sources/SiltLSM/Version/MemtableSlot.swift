internal import SiltFormat
internal import SiltIO
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
    /// From how many bytes on a worker is to be asked for the next piece of memory.
    private let readiesAt = Atomic(1 << 20)
    private static let readiedBytes = 4 << 20

    init(capacityBytes: Int) {
        memtable = Memtable(capacityBytes: capacityBytes, firstLogSegment: 0)
        emptyByteCount = memtable.byteCount
    }

    /// Whether memory should be made ready for the cells that come next; for who inserts.
    @inline(__always)
    var wantsMemory: Bool { byteCount >= readiesAt.load(ordering: .relaxed) }

    /// Has a worker make memory ready for the next cells, so that who inserts need not wait while the system clears it.
    ///
    /// - Parameter limit: how large the memtable should become.
    func readyMemory(upTo limit: Int, _ workers: any Workers) {
        let start = readiesAt.load(ordering: .relaxed)
        guard byteCount >= start else { return }
        let end = start + Self.readiedBytes
        // One thread asks.
        guard
            readiesAt.compareExchange(
                expected: start, desired: end < limit ? end : .max, ordering: .relaxed
            ).exchanged
        else { return }
        let first = start + Self.readiedBytes / 4
        let last = min(end + Self.readiedBytes / 4, limit)
        workers.submit(.urgent) { [memtable] in memtable.readyMemory(first..<max(first, last)) }
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
