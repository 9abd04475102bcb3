import SiltIO
package import SiltModel

/// Threads of the library's own on which blocking engine calls run, so that Swift's shared pool never waits for a disk.
///
/// One crossing costs some microseconds: whoever reads or writes much crosses once per batch.
package final class BlockingBridge: Sendable {
    private let threads: CallThreads

    /// A bridge with this many threads, at least one.
    package init(threadCount: Int) { threads = CallThreads(count: threadCount) }

    deinit { threads.stop() }

    /// Runs `body` on one of the bridge's threads and suspends the caller meanwhile.
    ///
    /// - Throws: what `body` throws; `closed` after `shutDown`.
    package func run<T: Sendable>(_ body: @escaping @Sendable () throws(SiltstoneError) -> T)
        async throws(SiltstoneError) -> T
    {
        let result: Result<T, SiltstoneError> = await withCheckedContinuation { continuation in
            let isQueued = threads.submit {
                do throws(SiltstoneError) {
                    continuation.resume(returning: .success(try body()))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
            if !isQueued {
                continuation.resume(
                    returning: .failure(SiltstoneError(.closed, "the database was closed")))
            }
        }
        return try result.get()
    }

    /// Refuses later calls; those under way go on to their end.
    package func shutDown() { threads.stop() }
}
