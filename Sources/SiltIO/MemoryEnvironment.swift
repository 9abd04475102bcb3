extension Environment {
    /// An environment in memory that a test controls.
    ///
    /// - Parameters:
    ///   - disk: what is stored; crash it and make another environment for the next process.
    ///   - clock: the time.
    ///   - seed: where the randomness begins.
    ///   - workers: the background work; by default it runs when the test or `drain` says so.
    package static func memory(
        disk: MemoryDisk, clock: any Clock = ManualClock(), seed: UInt64 = 1,
        workers: any Workers = ManualWorkers()
    ) -> Environment {
        Environment(
            objects: disk.objects, log: disk.log, coordinator: disk.makeCoordinator(),
            clock: clock, random: SeededRandom(seed: seed), workers: workers)
    }
}
