import SiltIO
import SiltModel
import Synchronization

/// A store that tells which objects are about to be created whole: manifests and schemas.
final class WatchedObjects: ObjectStore {
    private let base: any ObjectStore
    private let watcher = Mutex<@Sendable (String) -> Void>({ _ in })

    init(_ base: any ObjectStore) { self.base = base }

    /// Has `body` called before each such object, while its creator waits.
    func watch(_ body: @escaping @Sendable (_ key: String) -> Void) {
        watcher.withLock { $0 = body }
    }

    func putIfAbsent(_ key: String, _ bytes: [UInt8]) throws(SiltstoneError) -> Bool {
        watcher.withLock { $0 }(key)
        return try base.putIfAbsent(key, bytes)
    }

    func makeUnique(_ key: String) throws(SiltstoneError) -> any ObjectWriter {
        try base.makeUnique(key)
    }

    func open(_ key: String) throws(SiltstoneError) -> any ObjectReader { try base.open(key) }

    func get(_ key: String) throws(SiltstoneError) -> [UInt8] { try base.get(key) }

    func size(_ key: String) throws(SiltstoneError) -> Int? { try base.size(key) }

    func list(prefix: String, after: String?) throws(SiltstoneError) -> [String] {
        try base.list(prefix: prefix, after: after)
    }

    func delete(_ keys: [String]) throws(SiltstoneError) { try base.delete(keys) }

    func removeUnfinished() throws(SiltstoneError) -> Int { try base.removeUnfinished() }
}
