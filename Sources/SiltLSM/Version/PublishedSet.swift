internal import Synchronization

/// A region's trees as point reads see them: found without a lock, so that no reader waits for a
/// writer that was put aside while it held one.
///
/// A reader enters the epoch, loads the set, then the group's visible sequence. In that order the set may
/// be older than the sequence, never newer: it then shows the region as it was when the set was
/// replaced. Two trees may have been replaced at different moments; so this is for reads of one tree.
@safe
final class PublishedSet: Sendable {
    /// What readers enter first.
    let epoch: ReadEpoch
    /// Whether the region takes reads.
    let isOpen = Atomic(true)
    private let reads = Atomic(0)
    private let current: Atomic<Unmanaged<TreeSet>>

    init(_ set: TreeSet, epoch: ReadEpoch) {
        self.epoch = epoch
        // Safety: the reference that the word owns is given up in `publish` or deinit.
        unsafe current = Atomic(Unmanaged.passRetained(set))
    }

    // Safety: as in init; without references to this object there are no readers of it.
    deinit { unsafe current.load(ordering: .relaxed).release() }

    /// How many point reads were answered; a few less when several threads read.
    var readCount: Int { reads.load(ordering: .relaxed) }

    /// Takes note of a read; a count that is lost costs less than a locked addition.
    @inline(__always)
    func countRead() {
        reads.store(reads.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
    }

    /// Lets readers see another set.
    func publish(_ set: TreeSet) {
        // Safety: the word owned a reference to the old set, which the epoch takes over.
        let old = unsafe current.exchange(
            Unmanaged.passRetained(set), ordering: .sequentiallyConsistent)
        unsafe epoch.retire(old.takeRetainedValue(), isLarge: true)
    }

    /// The current set; good until the caller leaves the epoch that it is in.
    @inline(__always)
    func borrow() -> Unmanaged<TreeSet> {
        unsafe current.load(ordering: .sequentiallyConsistent)
    }
}
