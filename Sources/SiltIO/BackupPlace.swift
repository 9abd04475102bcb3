package import SiltModel

/// Where backups are kept: objects of their own, and who may change them.
package struct BackupPlace: Sendable {
    /// The objects.
    package let objects: any ObjectStore
    /// Held by who changes them.
    package let coordinator: any Coordinator

    /// A directory of this machine.
    ///
    /// - Parameter creates: whether it is made when it is missing.
    /// - Throws: `notFound` when it is missing and not made.
    package static func posix(directory: String, creates: Bool) throws(SiltstoneError)
        -> BackupPlace
    {
        if creates {
            try PosixDirectory.create(directory)
        } else if !PosixDirectory.exists(directory) {
            throw SiltstoneError(.notFound, "no such directory directory=\(directory)")
        }
        return BackupPlace(
            objects: try PosixObjectStore(root: directory),
            coordinator: LocalCoordinator(root: directory))
    }

    /// A disk in memory that a test controls.
    package static func memory(disk: MemoryDisk) -> BackupPlace {
        BackupPlace(objects: disk.objects, coordinator: disk.makeCoordinator())
    }
}
