package import SiltModel

extension Environment {
    /// The environment of a data directory on this machine, which is created when missing.
    ///
    /// - Parameters:
    ///   - directory: the path of the directory.
    ///   - workerCount: how many background threads for flushes and compactions; at least two are started, and one for urgent work.
    package static func posix(directory: String, workerCount: Int) throws(SiltstoneError)
        -> Environment
    {
        try PosixDirectory.create(directory)
        let workers = ThreadWorkers(count: workerCount)
        let release = SpaceRelease()
        return Environment(
            objects: try PosixObjectStore(root: directory, release: release),
            log: PosixLogDevice(root: directory, workers: workers, release: release),
            coordinator: LocalCoordinator(root: directory), clock: SystemClock(),
            random: try SystemRandom(), workers: workers)
    }
}
