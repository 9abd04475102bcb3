internal import SiltIO
internal import SiltModel
internal import Synchronization

/// A log segment that one thread appends to while others force it to the device, or close it once it is complete.
final class OpenSegment: Sendable {
    /// For who leads the commits alone.
    let segment: any LogSegment
    let number: UInt64
    private let closing = Mutex<Result<Void, SiltstoneError>?>(nil)

    init(_ segment: any LogSegment, number: UInt64) {
        self.segment = segment
        self.number = number
    }

    /// Makes what was appended before the call durable.
    func sync() throws(SiltstoneError) {
        try closing.withLock { closing throws(SiltstoneError) in
            // Closing made it durable.
            if let closing { return try closing.get() }
            try segment.sync()
        }
    }

    /// Makes everything durable and ends use of the segment; who comes later waits for who is at it.
    func close() throws(SiltstoneError) {
        try closing.withLock { closing throws(SiltstoneError) in
            if let closing { return try closing.get() }
            do throws(SiltstoneError) {
                try segment.close()
                closing = .success(())
            } catch {
                closing = .failure(error)
                throw error
            }
        }
    }

    /// What came of closing; `nil` while nobody did, or somebody is at it.
    var outcome: Result<Void, SiltstoneError>? { closing.withLockIfAvailable { $0 } ?? nil }
}
