internal import SiltBytes
internal import SiltFormat
internal import SiltIO
internal import SiltModel
internal import Synchronization

/// A batch on its way through the commit queue.
final class CommitRequest: Sendable {
    /// What a waiting thread is told.
    enum Word: Int {
        /// Take the lead: commit what is in the queue.
        case lead = 1
        /// The result is there.
        case done = 2
    }

    /// The changes.
    let writes: [GroupWrite]
    /// When to acknowledge.
    let durability: Durability
    /// The size of the operations, in bytes.
    let byteCount: Int
    /// Called with the result when no thread waits for it.
    let completion: (@Sendable (Result<CommitReceipt, SiltstoneError>) -> Void)?
    private let answer = Mutex<Result<CommitReceipt, SiltstoneError>?>(nil)
    private let waiter = Mutex<Signal?>(nil)

    init(
        _ writes: [GroupWrite], _ durability: Durability,
        completion: (@Sendable (Result<CommitReceipt, SiltstoneError>) -> Void)? = nil
    ) {
        self.writes = writes
        self.durability = durability
        self.completion = completion
        byteCount = writes.reduce(0) { $0 + $1.operations.bytes.count + 64 }
    }

    /// The outcome once committed.
    var result: Result<CommitReceipt, SiltstoneError>? { answer.withLock { $0 } }

    /// What the thread waits for that brought the batch and does not lead; `nil` when none waits.
    var signal: Signal? { waiter.withLock { $0 } }

    /// Makes the signal.
    func makeSignal() { waiter.withLock { $0 = Signal() } }

    /// Hands over the outcome: wakes the thread, or calls the completion.
    func finish(_ result: Result<CommitReceipt, SiltstoneError>) {
        answer.withLock { $0 = result }
        if let completion {
            completion(result)
        } else {
            signal?.set(Word.done.rawValue)
        }
    }
}
