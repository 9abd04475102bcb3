import Foundation
import NIOCore
import NIOPosix
import SiltTLS
import Synchronization
import Testing

@testable import SiltstoneServer

/// The certificates of data/tls.
enum TestCertificates {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("data/tls")

    static func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: folder.appendingPathComponent(name)))
    }

    /// A server's, with its clients' authority if it asks for certificates.
    static func server(_ name: String = "server", asksClients: Bool = false) throws
        -> SiltstoneServer.Certificates
    {
        SiltstoneServer.Certificates(
            chain: try bytes("\(name).pem"), key: try bytes("\(name).key"),
            clientAuthorities: asksClients ? try bytes("authority.pem") : [])
    }
}

/// A client over TLS that sends any text and sees all that comes back.
struct TLSClient {
    var host = "localhost"
    var authority = "authority"
    /// The client's own certificate.
    var certificate: String?

    /// Sends a text and reads until the server ends.
    ///
    /// - Parameter pause: called before anything is read, once the handshake is over.
    /// - Throws: what is wrong with TLS.
    func ask(
        _ port: Int, _ text: String, pause: (() async throws -> Void)? = nil
    ) async throws -> String {
        let context = try TLSContext(
            authorities: TestCertificates.bytes("\(authority).pem"),
            certificates: try certificate.map { try TestCertificates.bytes("\($0).pem") } ?? [],
            key: try certificate.map { try TestCertificates.bytes("\($0).key") } ?? [])
        let host = host
        let group = MultiThreadedEventLoopGroup.singleton
        let answer = group.next().makePromise(of: String.self)
        let stops = pause != nil
        let channel = try await ClientBootstrap(group: group)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers([
                        TLSHandler(client: context, host: host), Gatherer(answer, stops: stops),
                    ])
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        channel.writeAndFlush(ByteBuffer(string: text), promise: nil)
        if let pause {
            try await pause()
            try await channel.setOption(.autoRead, value: true).get()
        }
        let result = try await answer.futureResult.get()
        try? await channel.close().get()
        return result
    }

    /// Asks for a path and gives back the answer's status line and all that follows.
    func get(_ port: Int, _ path: String, headers: String = "") async throws -> String {
        try await ask(
            port, "GET \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\(headers)\r\n")
    }
}

/// Gathers what comes until the connection ends or fails.
private final class Gatherer: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let answer: EventLoopPromise<String>
    /// Whether to read no more once the handshake is over.
    private let stops: Bool
    private var bytes = ByteBuffer()
    private var isDone = false

    init(_ answer: EventLoopPromise<String>, stops: Bool) {
        self.answer = answer
        self.stops = stops
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if stops, event is TLSEstablished {
            context.channel.setOption(.autoRead, value: false).whenFailure { _ in }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        bytes.writeImmutableBuffer(unwrapInboundIn(data))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if !isDone { answer.fail(error) }
        isDone = true
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if !isDone { answer.succeed(String(buffer: bytes)) }
        isDone = true
    }
}

/// Runs curl with arguments; its status and what it printed.
func curl(_ arguments: String...) throws -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/curl")
    process.arguments = ["--silent", "--max-time", "20"] + arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: output, as: UTF8.self))
}
