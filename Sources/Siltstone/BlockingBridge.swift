package import SiltModel

/// Threads of the library's own on which blocking engine calls run, so that Swift's shared pool never waits for a disk.
package final class BlockingBridge: Sendable {
    /// A bridge with this many threads.
    package init(threadCount: Int) {}

    /// Runs `body` on one of the bridge's threads and suspends the caller meanwhile.
    package func run<T: Sendable>(_ body: @escaping @Sendable () throws(SiltstoneError) -> T)
        async throws(SiltstoneError) -> T
    {
        try body()
    }

    /// Waits for the calls under way; later ones are refused.
    package func shutDown() {}
}
