internal import SiltStream

/// What is known of one key of an alert.
struct AlertInstance: Equatable {
    enum Phase: UInt8 {
        /// The condition does not hold.
        case idle = 0
        /// It holds, but not for long enough; of an absence: the key has had windows.
        case pending = 1
        /// The alert was given.
        case firing = 2
    }

    var phase = Phase.idle
    /// The end of the key's last window.
    var lastEnd: Int64 = .min
    /// Since when the condition holds.
    var activeSince: Int64 = .min
    /// When the alert was given.
    var firedAt: Int64 = .min
    /// Since when the condition of a firing alert is gone.
    var clearSince: Int64?
    /// Whether the key's next window was missing.
    var isMissing = false
    /// The last window's value of an aggregate whose changes count.
    var previous: Double?
    /// The aggregates of the last window for which the condition held.
    var values: [[UInt8]?] = []
    /// When it must be looked at again.
    var due = Int64.max
}

/// A window of a key as alerts see it.
struct WatchedWindow {
    let windowIndex: Int
    let start: Int64
    let end: Int64
    let key: [UInt8]
    /// The results, in the order of the job's aggregates.
    let values: [AggregateValue]
}

/// What a window says to an alert.
struct AlertFinding: Equatable {
    /// Whether a threshold's condition is true.
    var holds = false
    /// The aggregate whose changes count.
    var number: Double?
    /// The aggregates as text.
    var values: [[UInt8]?] = []
}

/// An alert that begins or ends.
struct AlertTransition: Equatable {
    let rule: Int
    let key: [UInt8]
    let isFiring: Bool
    /// The event time of it.
    let time: Int64
    /// Since when the condition held.
    let activeSince: Int64
    /// When the alert was given.
    let firedAt: Int64
    let values: [[UInt8]?]
    /// Counts the transitions of a job.
    let sequence: UInt64
}
