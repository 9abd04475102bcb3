package import SiltBytes
package import SiltModel

/// Where logs live: for each incarnation of a server, numbered segments that only grow.
///
/// The device knows no record framing (`SiltFormat` does): it stores bytes and says what is durable.
package protocol LogDevice: Sendable {
    /// The incarnations that have segments, in ascending order (identifiers sort by time).
    func incarnations() throws(SiltstoneError) -> [Identifier]

    /// The segment numbers of an incarnation, ascending.
    func segments(of incarnation: Identifier) throws(SiltstoneError) -> [UInt64]

    /// Creates a segment of `capacity` bytes, which read as zeros, durable by name. It must not exist.
    func createSegment(_ incarnation: Identifier, _ number: UInt64, capacity: Int)
        throws(SiltstoneError) -> any LogSegment

    /// The bytes of a segment, trailing zeros of its unused room included.
    func read(_ incarnation: Identifier, _ number: UInt64) throws(SiltstoneError) -> [UInt8]

    /// A name for a segment in errors: its path relative to the data directory.
    func name(_ incarnation: Identifier, _ number: UInt64) -> String

    /// Deletes the segments of an incarnation numbered below `number`; `UInt64.max` deletes the incarnation.
    func trim(_ incarnation: Identifier, below number: UInt64) throws(SiltstoneError)
}

/// One segment open for appending by one thread at a time.
package protocol LogSegment: AnyObject, Sendable {
    /// The size it was created with.
    var capacity: Int { get }

    /// The bytes appended so far.
    var byteCount: Int { get }

    /// Appends bytes that must fit the capacity. On return they survive a killed process.
    ///
    /// - Parameter durably: whether they (and all before them) also survive a power cut on return.
    /// - Throws: `storageFull` when nothing was written for lack of room; `unavailable` for any other
    ///   failure, after which the segment must not be used any more.
    func append(_ bytes: UnsafeRawBufferPointer, durably: Bool) throws(SiltstoneError)

    /// Makes everything appended so far survive a power cut. A failure is final: never retried.
    func sync() throws(SiltstoneError)

    /// Ends use of the segment and cuts its unused room.
    func close() throws(SiltstoneError)
}
