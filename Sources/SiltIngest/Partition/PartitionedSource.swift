package import SiltModel

/// Messages of one partition as a source hands them over; the caller keeps the room.
package struct MessageBatch: Sendable {
    /// A message's place and the length of its value; -1 for none (a tombstone).
    package typealias Message = (offset: Int64, length: Int)

    /// The partition that all of them are of.
    package var partition: Int32 = 0
    /// The values one after the other, a newline behind each.
    package var bytes: [UInt8] = []
    /// The messages in order.
    package var messages: [Message] = []
    /// Whether the partition had no more when they were read.
    package var reachesEnd = false

    /// No messages.
    package init() {}

    /// Empties it and keeps the room.
    package mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        messages.removeAll(keepingCapacity: true)
        reachesEnd = false
    }
}

/// What a source says next.
package enum PartitionEvent: Equatable, Sendable {
    /// Nothing came in time.
    case nothing
    /// The batch holds messages.
    case messages
    /// These partitions are this process's from now on: `begin` must follow.
    case assigned([Int32])
    /// These partitions are somebody else's soon: `end` must follow.
    case revoked([Int32])
    /// A partition has no more messages now.
    case end(Int32)
}

/// A source whose events come in partitions, each in an order of its own; used by one thread.
package protocol PartitionedSource: AnyObject {
    /// Waits for what comes next; messages replace those of the batch.
    func next(
        into batch: inout MessageBatch, timeoutMilliseconds: Int
    ) throws(SiltstoneError) -> PartitionEvent

    /// Begins to read partitions: each at an offset, or where the settings say when there is none.
    func begin(_ partitions: [(partition: Int32, offset: Int64?)]) throws(SiltstoneError)

    /// Stops reading partitions.
    func end(_ partitions: [Int32]) throws(SiltstoneError)

    /// Goes back, or forth, to an offset of a partition that is read; `nil` is where the settings say.
    func seek(_ partition: Int32, to offset: Int64?) throws(SiltstoneError)

    /// Holds a partition's messages back, or lets them come again; one that is begun anew is not held back.
    func setPaused(_ partition: Int32, _ isPaused: Bool) throws(SiltstoneError)

    /// How many partitions there are in all, whoever reads them, as far as is known.
    var partitionCount: Int32 { get }

    /// Tells others how far the job came, for them to see only.
    func report(_ partition: Int32, offset: Int64)
}
