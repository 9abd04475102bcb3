import Glibc
package import SiltBytes
package import SiltModel
import Synchronization

/// Ownership of one machine's data directory: a lock on its file `LOCK`, which the kernel gives up
/// when the process ends, however it ends.
package final class LocalCoordinator: Coordinator {
    private let root: String
    private let lock = Mutex<PosixFile?>(nil)
    /// The same for commits, which ask each time.
    private let isHeld = Atomic(false)

    /// The coordinator of the directory `root`, which must exist.
    package init(root: String) { self.root = root }

    /// Takes the lock; taking it again changes nothing.
    package func join() throws(SiltstoneError) {
        try lock.withLock { lock throws(SiltstoneError) in
            guard lock == nil else { return }
            let file = try PosixFile(
                path: "\(root)/\(ObjectKey.lockName)", name: "\(root)/\(ObjectKey.lockName)",
                flags: O_RDWR | O_CREAT)
            guard flock(file.descriptor, LOCK_EX | LOCK_NB) == 0 else {
                guard errno == EWOULDBLOCK else {
                    throw PosixFile.failure("flock", errno, file: file.name)
                }
                throw SiltstoneError(
                    .conflict,
                    "data directory is in use by another process: stop that process or choose "
                        + "another directory directory=\(root)\(LocalCoordinator.owner(file))")
            }
            LocalCoordinator.note(file)
            lock = file
            isHeld.store(true, ordering: .releasing)
        }
    }

    /// Whether the lock is held.
    package var leaseIsValid: Bool { isHeld.load(ordering: .acquiring) }

    /// One epoch above the newest manifest's.
    package func claim(region: Identifier, above epoch: UInt64) throws(SiltstoneError) -> UInt64 {
        guard leaseIsValid else {
            throw SiltstoneError(.closed, "data directory is not locked directory=\(root)")
        }
        guard epoch < UInt64.max else {
            throw SiltstoneError(.corrupted, "epoch has no successor region=\(region)")
        }
        return epoch + 1
    }

    /// Gives the lock up; the file stays.
    package func leave() {
        lock.withLock { lock in
            isHeld.store(false, ordering: .releasing)
            try? lock?.close()
            lock = nil
        }
    }

    /// Writes the process's number into the file, for the words of the next one's error only.
    private static func note(_ file: PosixFile) {
        let text = Array("\(getpid())\n".utf8)
        try? file.truncate(to: 0)
        // Safety: the array lends its bytes for the closure.
        unsafe text.withUnsafeBytes { bytes in try? unsafe file.write(bytes, at: 0) }
    }

    private static func owner(_ file: PosixFile) -> String {
        guard let count = try? file.byteCount(), count <= 32,
            let bytes = try? file.readAll(count: count),
            let number = Int(String(decoding: bytes.dropLast(), as: UTF8.self))
        else { return "" }
        return " process=\(number)"
    }
}
