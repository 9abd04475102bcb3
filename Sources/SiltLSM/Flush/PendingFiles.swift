internal import SiltBytes
internal import Synchronization

/// Table files that are being written and stand in no manifest yet.
final class PendingFiles: Sendable {
    private let ids = Mutex<Set<Identifier>>([])

    /// Protects a file from the sweeper.
    func insert(_ id: Identifier) { ids.withLock { _ = $0.insert(id) } }

    /// Ends the protection.
    func remove(_ removed: [Identifier]) { ids.withLock { $0.subtract(removed) } }

    /// Whether a file is protected.
    func contains(_ id: Identifier) -> Bool { ids.withLock { $0.contains(id) } }
}
