/// A place in a table's change feed.
///
/// Positions ascend in the order in which changes were committed, also over restarts. In text: 32 hex digits.
public struct ChangePosition: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Counts the times that the database was opened and the feed written to.
    package let opening: UInt32
    /// Counts the batches since then.
    package let batch: UInt64
    /// Counts the rows that one batch changed, from 0.
    package let index: UInt32

    /// Before the first change.
    public static let start = ChangePosition(opening: 0, batch: 0, index: 0)

    /// A position.
    package init(opening: UInt32, batch: UInt64, index: UInt32) {
        self.opening = opening
        self.batch = batch
        self.index = index
    }

    /// Reads the text of a position; `nil` when it is none.
    public init?(_ text: some StringProtocol) {
        let digits = Array(text.utf8)
        guard digits.count == 32 else { return nil }
        var values: (UInt64, UInt64) = (0, 0)
        for (place, digit) in digits.enumerated() {
            let value: UInt8
            switch digit {
            case 0x30...0x39: value = digit - 0x30
            case 0x61...0x66: value = digit - 0x61 + 10
            default: return nil
            }
            if place < 16 {
                values.0 = values.0 << 4 | UInt64(value)
            } else {
                values.1 = values.1 << 4 | UInt64(value)
            }
        }
        opening = UInt32(values.0 >> 32)
        batch = values.0 << 32 | values.1 >> 32
        index = UInt32(truncatingIfNeeded: values.1)
    }

    /// The text.
    public var description: String {
        Self.hex(UInt64(opening), 8) + Self.hex(batch, 16) + Self.hex(UInt64(index), 8)
    }

    /// Whether a change comes before another.
    public static func < (left: ChangePosition, right: ChangePosition) -> Bool {
        (left.opening, left.batch, left.index) < (right.opening, right.batch, right.index)
    }

    private static func hex(_ value: UInt64, _ count: Int) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: count - digits.count) + digits
    }
}

/// What happened to a table, as its change feed tells it.
public struct TableChange: Hashable, Sendable {
    /// What a change is.
    public enum Kind: Hashable, Sendable {
        /// A row was changed; every change has the time stamp that its cells got, and deletes of the newest version name it.
        case row(RowMutation)
        /// The table was put back to what a snapshot of this name holds: what is derived from it must be made anew.
        case restored(snapshot: String)
    }

    /// Where it stands in the feed.
    public let position: ChangePosition
    /// When it was committed, in milliseconds since 1970, by the clock of the server's time stamps.
    public let timestamp: Int64
    /// What it was.
    public let kind: Kind

    /// A change.
    package init(position: ChangePosition, timestamp: Int64, kind: Kind) {
        self.position = position
        self.timestamp = timestamp
        self.kind = kind
    }
}
