internal import SiltFormat
internal import SiltIO
internal import SiltModel
internal import Synchronization

/// The changes of one region, on their way to be committed.
struct CommitWrite {
    /// The region's trees.
    let group: TreeGroup
    /// The operations, which stay where they are until the batch is committed.
    let operations: OperationSpan
}

/// A batch on its way through the commit queue.
// Safety: everything is immutable or guarded by a mutex, and the operations stay in place until `finish`: `owner` holds them, or the
// thread that waits for it.
@safe final class CommitRequest: @unchecked Sendable {
    /// What a waiting thread is told.
    enum Word: Int {
        /// Take the lead: it is yours.
        case lead = 1
        /// The result is there.
        case done = 2
    }

    /// What a request asks for.
    enum Kind {
        /// A batch that need not wait for the device.
        case quick
        /// A batch that waits for the device.
        case durable
        /// The lead itself.
        case lead
    }

    /// The changes.
    let writes: [CommitWrite]
    /// When to acknowledge.
    let durability: Durability
    let kind: Kind
    /// The size of the operations, in bytes.
    let byteCount: Int
    /// Called with the result when no thread waits for it.
    let completion: (@Sendable (Result<CommitReceipt, SiltstoneError>) -> Void)?
    /// What the thread waits for that brought the request; `nil` when none waits.
    let signal: Signal?
    private let owner: [GroupWrite]
    private let answer = Mutex<Result<CommitReceipt, SiltstoneError>?>(nil)

    /// A batch of a thread that will wait.
    init(_ writes: [CommitWrite], _ durability: Durability) {
        self.writes = writes
        self.durability = durability
        kind = durability == .fsyncWAL ? .durable : .quick
        byteCount = writes.reduce(0) { $0 + $1.operations.byteCount + 64 }
        completion = nil
        signal = Signal()
        owner = []
    }

    /// A batch that nobody waits for.
    init(
        _ writes: [GroupWrite], _ durability: Durability,
        completion: @escaping @Sendable (Result<CommitReceipt, SiltstoneError>) -> Void
    ) {
        owner = writes
        self.writes = owner.map(\.lent)
        self.durability = durability
        kind = durability == .fsyncWAL ? .durable : .quick
        byteCount = owner.reduce(0) { $0 + $1.operations.byteCount + 64 }
        self.completion = completion
        signal = nil
    }

    /// A wish for the lead.
    init() {
        writes = []
        durability = .skipWAL
        kind = .lead
        byteCount = 0
        completion = nil
        signal = Signal()
        owner = []
    }

    /// The outcome once committed.
    var result: Result<CommitReceipt, SiltstoneError>? { answer.withLock { $0 } }

    /// Takes the outcome, and wakes the thread that waits for it.
    func finish(_ result: Result<CommitReceipt, SiltstoneError>) {
        answer.withLock { $0 = result }
        signal?.set(Word.done.rawValue)
    }

    /// Calls the completion, if there is one, with the outcome that was taken before.
    func complete() {
        if let completion, let result { completion(result) }
    }
}

extension GroupWrite {
    /// The write without ownership of its operations.
    var lent: CommitWrite { CommitWrite(group: group, operations: operations.span) }
}

/// A batch that has its place among the commits.
package struct EnqueuedBatch {
    let request: CommitRequest
    let role: CommitQueue.Role
    /// Kept until the batch is committed: the request only borrows them.
    let writes: [GroupWrite]
}
