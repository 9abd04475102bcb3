import Foundation
import SiltIO
package import SiltIngest
package import SiltModel
package import SiltTable
import Synchronization

/// Delivers a store's alerts on a thread of its own while jobs run.
package final class AlertService: Sendable {
    private struct State {
        var status = AlertDelivery.Status()
        var error: SiltstoneError?
        /// How often something was said to wait, and how often it had been when the last pass began.
        var calls = 1
        var seen = 0
        var isEnding = false
    }

    private let store: TableStore
    private let transport: WebhookTransport
    private let allows: @Sendable (WebhookURL) -> Bool
    private let state = Mutex(State())
    private let bell = DispatchSemaphore(value: 0)
    private let ended = DispatchGroup()

    /// A service over a store; `allows` says which receivers may be told.
    package init(
        _ store: TableStore, transport: WebhookTransport,
        allows: @escaping @Sendable (WebhookURL) -> Bool
    ) {
        self.store = store
        self.transport = transport
        self.allows = allows
    }

    /// How delivery stands, and why it ended if it did.
    package var status: (AlertDelivery.Status, error: SiltstoneError?) {
        state.withLock { ($0.status, $0.error) }
    }

    /// Begins to deliver.
    package func start() {
        ended.enter()
        let thread = Thread { [self] in
            do throws(SiltstoneError) {
                try run()
            } catch {
                state.withLock { $0.error = error }
            }
            ended.leave()
        }
        thread.name = "alerts"
        thread.start()
    }

    private func run() throws(SiltstoneError) {
        let delivery = AlertDelivery(
            try AlertTables(in: store), transport: transport, clock: store.clock, allows: allows)
        while !state.withLock({ $0.isEnding }) {
            let calls = state.withLock { $0.calls }
            let status = try delivery.deliver()
            state.withLock { state in
                state.status = status
                state.seen = calls
            }
            if let pause = status.pauseMilliseconds {
                _ = bell.wait(timeout: .now() + .milliseconds(Int(min(pause, 60_000))))
            } else {
                bell.wait()
            }
        }
    }

    /// Says that there is something in the outbox.
    package func wake() {
        state.withLock { $0.calls += 1 }
        bell.signal()
    }

    /// Blocks until nothing waits any more, or some seconds are over.
    ///
    /// - Returns: how many transitions wait still.
    package func drain(seconds: Double) -> Int {
        // Nobody signals it: only its time passes.
        let pause = DispatchSemaphore(value: 0)
        let deadline = store.clock.nowMilliseconds + Int64(seconds * 1000)
        while true {
            let waiting = state.withLock { state in
                state.error != nil
                    ? 0
                    : state.seen < state.calls ? max(1, state.status.waiting) : state.status.waiting
            }
            if waiting == 0 || store.clock.nowMilliseconds >= deadline { return waiting }
            _ = pause.wait(timeout: .now() + .milliseconds(20))
        }
    }

    /// Ends the thread once the receiver that is being told has answered or its time is over.
    package func stop() {
        state.withLock { $0.isEnding = true }
        bell.signal()
        ended.wait()
        transport.close()
    }
}
