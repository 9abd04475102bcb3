public import SiltModel
import SiltTable

extension Database {
    /// What was done since the database was opened, and what it holds now.
    ///
    /// No disk I/O.
    public var statistics: Statistics { store.statistics }
}
