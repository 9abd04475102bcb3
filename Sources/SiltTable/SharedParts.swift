import SiltIO
import SiltLSM

/// What the tables of one data directory share.
struct SharedParts: Sendable {
    /// The engine under all tables.
    let engine: Engine
    /// Locks on rows of all tables.
    let locks = RowLocks()
    /// The tables of index entries.
    let indexTables = IndexTables()
    /// The open change feeds.
    let feeds = ChangeFeeds()

    /// Everything outside the program.
    var environment: Environment { engine.environment }

    /// All randomness that tables see.
    var random: any RandomSource { engine.environment.random }

    /// All time that tables see.
    var clock: any Clock { engine.environment.clock }
}
