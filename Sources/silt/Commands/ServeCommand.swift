import ArgumentParser
import Foundation
import SiltIngest
import SiltModel
import Siltstone
import SiltstoneServer
import Synchronization

/// `silt serve`.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serve a data directory over HTTP.",
        discussion: """
            Prints one line with the address when ready. SIGTERM and SIGINT let running requests end, \
            close the database and exit with 0.
            """)

    @Option(help: "The data directory; made when missing.")
    var data = "silt-data"

    @Option(help: "HOST:PORT to listen on; port 0 lets the system choose.")
    var listen = "127.0.0.1:8080"

    @Option(
        name: .customLong("thrift-listen"),
        help: "HOST:PORT for HBase's Thrift clients; the host is that of --listen.")
    var thriftListen: String?

    @Option(
        name: .customLong("thrift-token"),
        help:
            "The name of the token whose rights Thrift clients have; needed once there are tokens.")
    var thriftToken: String?

    @Option(
        name: .customLong("audit-log"),
        help:
            "The file to which acts of administration are appended; standard error when not given.")
    var auditLog: String?

    @Flag(help: "Accept an address that others can reach, although there is no TLS.")
    var insecure = false

    @Flag(name: .customLong("read-only"), help: "Refuse every change.")
    var readOnly = false

    @Flag(help: "Refuse changes that a browser may send without the header X-XSRF-HEADER.")
    var csrf = false

    @Option(name: .customLong("memtable-bytes"), help: "Memory for what is not in table files yet.")
    var memtableBytes = 128 << 20

    @Option(name: .customLong("cache-bytes"), help: "Memory for blocks of table files.")
    var cacheBytes = 256 << 20

    @Option(help: "Bytes of one budget for all memory of the store, instead of those two.")
    var memory: Int?

    @Flag(
        help: "Read every table file again, and compare it with what was written, before it counts."
    )
    var paranoid = false

    @Option(
        name: .customLong("allow-webhook"),
        help: ArgumentHelp(
            "A receiver that jobs may post alerts to, and what is below it; may be given more than once.",
            valueName: "url"))
    var allowedWebhooks: [String] = []

    @Option(
        name: .customLong("report-dir"),
        help: "A directory that reports of jobs are written to, as often as their files say.")
    var reportDirectory: String?

    func validate() throws {
        for url in allowedWebhooks where WebhookURL(url) == nil {
            throw ValidationError("--allow-webhook is http://HOST:PORT/PATH, not '\(url)'")
        }
        if (memory ?? 16 << 20) < 16 << 20 {
            throw ValidationError("--memory is at least 16777216")
        }
        if memtableBytes < 1 << 20 { throw ValidationError("--memtable-bytes is at least 1048576") }
        if cacheBytes < 0 { throw ValidationError("--cache-bytes is not negative") }
        let http = try address()
        if let thrift = try thriftAddress(), thrift.host != http.host {
            throw ValidationError("--thrift-listen has the host of --listen")
        }
    }

    func run() async throws {
        // From here on the signals are waited for, not obeyed at once.
        let stop = StopSignals()
        var settings = Configuration()
        settings.memtableBytesMax = memtableBytes
        settings.cacheBytes = cacheBytes
        settings.memoryBudgetBytes = memory
        settings.verifiesFiles = paranoid
        let database = try await Database.open(at: data, settings)
        do {
            var configuration = SiltstoneServer.Configuration()
            (configuration.host, configuration.port) = try address()
            configuration.thriftPort = try thriftAddress()?.port
            configuration.thriftToken = thriftToken
            configuration.isInsecure = insecure
            let audit = try AuditLog(path: auditLog)
            configuration.auditLog = { audit.append($0) }
            configuration.alertWebhooks = allowedWebhooks
            configuration.alertOutput = { line in
                Output.standard.write(line + "\n")
                Output.standard.flush()
            }
            if let reportDirectory {
                try FileManager.default.createDirectory(
                    atPath: reportDirectory, withIntermediateDirectories: true)
                configuration.reportDirectory = reportDirectory
            }
            configuration.isReadOnly = readOnly
            configuration.requiresBrowserHeader = csrf
            let server = try await SiltstoneServer.start(database, configuration)
            Output.standard.write("listening on http://\(configuration.host):\(server.port)\n")
            if let port = server.thriftPort {
                Output.standard.write("listening on thrift://\(configuration.host):\(port)\n")
            }
            Output.standard.flush()
            await stop.wait()
            await server.shutDown()
        } catch {
            try? await database.close()
            throw error
        }
        try await database.close()
    }

    private func address() throws -> (host: String, port: Int) {
        try Self.parse(listen, "--listen")
    }

    private func thriftAddress() throws -> (host: String, port: Int)? {
        try thriftListen.map { try Self.parse($0, "--thrift-listen") }
    }

    private static func parse(_ text: String, _ option: String) throws -> (host: String, port: Int)
    {
        guard let colon = text.lastIndex(of: ":"), colon != text.startIndex,
            let port = Int(text[text.index(after: colon)...]), (0...65_535).contains(port)
        else { throw ValidationError("\(option) is HOST:PORT, not '\(text)'") }
        let host = text[..<colon].trimmingPrefix("[")
        return (host.hasSuffix("]") ? String(host.dropLast()) : String(host), port)
    }
}

/// Where acts of administration are noted: a file that only grows, or standard error.
private final class AuditLog: Sendable {
    private let handle: FileHandle
    /// Held while a line is written; whether the handle is a file.
    private let isFile: Mutex<Bool>

    init(path: String?) throws {
        guard let path else {
            handle = FileHandle.standardError
            isFile = Mutex(false)
            return
        }
        let files = FileManager.default
        if !files.fileExists(atPath: path) {
            _ = files.createFile(
                atPath: path, contents: nil, attributes: [.posixPermissions: 0o600])
        }
        guard let file = FileHandle(forWritingAtPath: path) else {
            throw CommandFailure(.failed, "cannot write to '\(path)'")
        }
        handle = file
        isFile = Mutex(true)
    }

    /// Appends a line in one write.
    func append(_ line: String) {
        isFile.withLock { isFile in
            if isFile { _ = try? handle.seekToEnd() }
            try? handle.write(contentsOf: Data((line + "\n").utf8))
        }
    }
}

/// Waits for SIGTERM or SIGINT.
private struct StopSignals {
    private let stream: AsyncStream<Void>
    private let sources: [any DispatchSourceSignal]

    init() {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        self.stream = stream
        sources = [SIGTERM, SIGINT].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number)
            source.setEventHandler { continuation.yield() }
            source.resume()
            return source
        }
    }

    /// Returns with the first signal.
    func wait() async {
        for await _ in stream { break }
        for source in sources { source.cancel() }
    }
}
