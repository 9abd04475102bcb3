import SiltIO
import SiltLSM
import SiltTable

/// A script run again and again, each time with the disk stopping at a later call, until it comes to its end.
enum CrashSweep {
    /// Runs the script for each call, with one way to stop or, when asked to be exhaustive, with all.
    ///
    /// - Parameter body: runs the script and verifies what is left; whether it came to its end.
    /// - Returns: how many calls there are.
    static func run(
        _ name: String,
        _ body: (_ call: Int, _ effect: FaultPlan.StopEffect, _ seed: UInt64) throws -> Bool
    ) rethrows -> Int {
        let seed = TestSettings.seed
        let effects = FaultPlan.StopEffect.allCases
        var call = 1
        while true {
            var isFinished = false
            for effect in TestSettings.isExhaustive ? effects : [effects[call % effects.count]] {
                isFinished = try body(call, effect, seed)
            }
            if isFinished { break }
            call += 1
        }
        print("\(name) calls \(call) seed \(seed)")
        return call
    }

    /// A store of small log segments that does nothing by itself and deletes files at once.
    static func open(_ disk: MemoryDisk, _ clock: ManualClock, _ random: SeededRandom) throws
        -> TableStore
    {
        var options = EngineOptions()
        options.logSegmentBytes = 16 << 10
        options.runsMaintenance = false
        options.sweepGraceMilliseconds = 0
        return try TableStore.open(
            .memory(disk: disk, clock: clock, seed: random.next()), options)
    }
}
