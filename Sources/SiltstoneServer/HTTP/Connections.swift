import NIOCore
import NIOPosix
import Synchronization

/// What all connections of a server share, and the list of them.
final class Connections: Sendable {
    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        var isDraining = false
        var bodyBytes = 0
        var onEmpty: (@Sendable () -> Void)?
    }

    /// Sent to each connection when the server is about to end.
    struct DrainEvent: Sendable {}

    let limits: ConnectionLimits
    private let state = Mutex(State())

    init(limits: ConnectionLimits) { self.limits = limits }

    /// How many connections are open.
    var count: Int { state.withLock { $0.channels.count } }

    /// Notes a new connection; false when it is one too many, or when the server is ending.
    func add(_ channel: any Channel) -> Bool {
        state.withLock { state in
            guard !state.isDraining, state.channels.count < limits.connectionCountMax else {
                return false
            }
            state.channels[ObjectIdentifier(channel)] = channel
            return true
        }
    }

    func remove(_ channel: any Channel) {
        let onEmpty = state.withLock { state -> (@Sendable () -> Void)? in
            state.channels[ObjectIdentifier(channel)] = nil
            guard state.channels.isEmpty else { return nil }
            defer { state.onEmpty = nil }
            return state.onEmpty
        }
        onEmpty?()
    }

    /// Takes memory for a part of a body; false when all bodies together would be too large.
    func takeBodyBytes(_ count: Int) -> Bool {
        state.withLock { state in
            guard state.bodyBytes + count <= limits.bodyBytesInFlightMax else { return false }
            state.bodyBytes += count
            return true
        }
    }

    func giveBodyBytesBack(_ count: Int) {
        if count > 0 { state.withLock { $0.bodyBytes -= count } }
    }

    /// Lets requests under way end, then closes; what is not done after `deadline` is cut.
    func drain(deadline: TimeAmount, on loop: any EventLoop) async {
        await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
            let channels = state.withLock { state -> [any Channel] in
                state.isDraining = true
                guard !state.channels.isEmpty else { return [] }
                state.onEmpty = { done.resume() }
                return Array(state.channels.values)
            }
            if channels.isEmpty { return done.resume() }
            for channel in channels { channel.pipeline.fireUserInboundEventTriggered(DrainEvent()) }
            loop.scheduleTask(in: deadline) { [self] in
                for channel in state.withLock({ Array($0.channels.values) }) {
                    channel.close(promise: nil)
                }
            }
        }
    }
}
