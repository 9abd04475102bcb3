package import SiltModel

extension Environment {
    /// The environment of a data directory on this machine, which is created when missing.
    ///
    /// - Parameters:
    ///   - directory: the path of the directory.
    ///   - workerCount: how many background threads; at least two are started.
    package static func posix(directory: String, workerCount: Int) throws(SiltstoneError)
        -> Environment
    {
        try PosixDirectory.create(directory)
        return Environment(
            objects: try PosixObjectStore(root: directory), log: PosixLogDevice(root: directory),
            coordinator: LocalCoordinator(root: directory), clock: SystemClock(),
            random: try SystemRandom(), workers: ThreadWorkers(count: workerCount))
    }
}
