import SiltModel

/// How far a read of a row may go before it gives up, with an error.
struct ReadBounds {
    /// Whether it may wait for the disk.
    var mayReadDisk: Bool
    /// How much it may look at: a cell is 1, and 64 bytes that are copied are 1 more.
    var effortMax: Int

    /// No bounds.
    static let none = ReadBounds(mayReadDisk: true, effortMax: .max)
    /// For a thread that others wait for: memory only, and not for longer than about 0.1 ms.
    static let quick = ReadBounds(mayReadDisk: false, effortMax: 1_024)

    /// What is thrown when there was more to look at.
    static let exceeded = SiltstoneError(.overloaded, "the read takes longer than it may")
}
