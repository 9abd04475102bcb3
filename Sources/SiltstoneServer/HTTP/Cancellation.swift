import Synchronization

/// Tells work under way that nobody waits for it any more.
final class Cancellation: Sendable {
    private let flag = Atomic(false)

    // Nothing else is read after the flag.
    var isCancelled: Bool { flag.load(ordering: .relaxed) }

    func cancel() { flag.store(true, ordering: .relaxed) }
}
