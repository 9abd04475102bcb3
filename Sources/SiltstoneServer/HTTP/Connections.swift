import NIOCore
import NIOPosix
import Synchronization

/// What all connections of a server share, and the list of them.
final class Connections: Sendable {
    private struct Connection {
        let channel: any Channel
        /// The address that it counts for; `nil` for loopback, where a proxy may hold those of all.
        let client: String?
    }

    private struct State {
        var channels: [ObjectIdentifier: Connection] = [:]
        /// Connections by the client's address; those of loopback are not counted.
        var clients: [String: Int] = [:]
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
            let client = Self.client(of: channel)
            if let client {
                let count = state.clients[client, default: 0]
                guard count < limits.clientConnectionCountMax else { return false }
                state.clients[client] = count + 1
            }
            state.channels[ObjectIdentifier(channel)] = Connection(channel: channel, client: client)
            return true
        }
    }

    /// The address whose connections are counted together, unless it is loopback's.
    static func client(of channel: any Channel) -> String? {
        guard let address = channel.remoteAddress?.ipAddress, address != "::1",
            !address.hasPrefix("127."), !address.hasPrefix("::ffff:127.")
        else { return nil }
        return address
    }

    func remove(_ channel: any Channel) {
        let onEmpty = state.withLock { state -> (@Sendable () -> Void)? in
            guard let gone = state.channels.removeValue(forKey: ObjectIdentifier(channel)) else {
                return nil
            }
            if let client = gone.client, let count = state.clients[client] {
                state.clients[client] = count > 1 ? count - 1 : nil
            }
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
                return state.channels.values.map(\.channel)
            }
            if channels.isEmpty { return done.resume() }
            for channel in channels { channel.pipeline.fireUserInboundEventTriggered(DrainEvent()) }
            loop.scheduleTask(in: deadline) { [self] in
                for channel in state.withLock({ $0.channels.values.map(\.channel) }) {
                    channel.close(promise: nil)
                }
            }
        }
    }
}
