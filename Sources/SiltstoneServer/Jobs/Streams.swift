import NIOPosix
import SiltBytes
import SiltIngest
import SiltModel
import SiltTable
import Synchronization

/// The streams that events are pushed to, opened when first used.
final class Streams: Sendable {
    private let store: TableStore
    private let threads: NIOThreadPool
    private let logs = Mutex<[String: StreamLog]>([:])

    init(store: TableStore, threads: NIOThreadPool) {
        self.store = store
        self.threads = threads
    }

    /// The names of all streams.
    var names: [String] { StreamLog.names(in: store) }

    /// The stream if it is open already.
    func opened(_ name: String) -> StreamLog? { logs.withLock { $0[name] } }

    /// Opens a stream, creating it when there is none; blocks.
    func open(_ name: String) throws(SiltstoneError) -> StreamLog {
        // One open at a time, so that a stream has one log only.
        try logs.withLock { logs throws(SiltstoneError) in
            if let log = logs[name] { return log }
            let threads = threads
            let log = try StreamLog(name, in: store) { work in
                threads.submit { _ in work() }
            }
            logs[name] = log
            return log
        }
    }
}
