import SiltIO
public import SiltModel
import SiltTable
public import Siltstone
import Synchronization

/// A machine in memory on which databases are opened, with a clock that a test moves and a disk that can crash.
///
/// Nothing touches a real disk or the real time. Background work runs only when a database is closed
/// or flushed, so that a test repeats itself exactly.
public final class SimulatedMachine: Sendable {
    private let clock: ManualClock
    private let disk: Mutex<MemoryDisk>
    private let random: SeededRandom

    /// A machine with an empty disk.
    ///
    /// - Parameters:
    ///   - nowMilliseconds: what its clock shows, in milliseconds since 1970.
    ///   - seed: decides everything random.
    public init(nowMilliseconds: Int64 = 1_700_000_000_000, seed: UInt64 = 1) {
        clock = ManualClock(nowMilliseconds: nowMilliseconds)
        disk = Mutex(MemoryDisk())
        random = SeededRandom(seed: seed)
    }

    /// What the clock shows, in milliseconds since 1970.
    public var nowMilliseconds: Int64 { clock.nowMilliseconds }

    /// Lets time pass.
    public func advance(milliseconds: Int64) { clock.advance(milliseconds: milliseconds) }

    /// Opens the database on the machine's disk.
    public func open() async throws(SiltstoneError) -> Database {
        let disk = disk.withLock { $0 }
        let environment = Environment.memory(disk: disk, clock: clock, seed: random.next())
        let bridge = BlockingBridge(threadCount: 1)
        let store = try await bridge.run { () throws(SiltstoneError) in
            try TableStore.open(environment)
        }
        return Database(store: store, bridge: bridge)
    }

    /// Stops every database on the machine and leaves the disk as a crash would.
    ///
    /// - Parameter losesPower: whether bytes that were not forced to the device go as well.
    public func crash(losesPower: Bool) {
        disk.withLock { disk in
            disk = disk.crashed(
                keeping: losesPower ? .mixed : .processKill, random: random)
        }
    }
}
