internal import SiltBytes
internal import SiltFormat
internal import Synchronization

/// The uses of files while regions are opened: those that share a file share its use.
final class FileUses: Sendable {
    private let uses = Mutex<[Identifier: FileUse]>([:])

    /// The use of a file: regions that came from one another, and snapshots, name the same files.
    func use(of file: TableFile) -> FileUse {
        return uses.withLock { uses in
            if let known = uses[file.id] { return known }
            let use = FileUse()
            uses[file.id] = use
            return use
        }
    }

    /// Forgets them: all regions are open.
    func forgetAll() { uses.withLock { $0 = [:] } }
}
