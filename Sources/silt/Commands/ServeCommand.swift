import ArgumentParser
import Foundation
import SiltIngest
import SiltModel
import Siltstone
import SiltstoneServer

/// `silt serve`.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serve a data directory over HTTP.",
        discussion: """
            Prints one line with the address when ready. SIGTERM and SIGINT let running requests end, \
            close the database and exit with 0. SIGHUP opens the log files anew, and reads the certificates of \
            TLS and the keys of web tokens again.

            Each setting may also stand in the file of --config, as YAML (read_only: true), or in the \
            environment (SILT_READ_ONLY=true): flags come first, then the environment, then the file. \
            docs/configuration.md lists them all.
            """)

    @Option(help: "A file of settings, in YAML.")
    var config: String?

    @Flag(help: "Say what is wrong with the settings, each with its place, and end: with 2 if any.")
    var checkConfig = false

    @OptionGroup var options: ServeOptions

    func run() async throws {
        let settings = try options.settings(file: config)
        if checkConfig {
            Output.standard.write("the settings are right\n")
            Output.standard.flush()
            return
        }
        // From here on the signals are waited for, not obeyed at once.
        let stop = StopSignals()
        let logs = try Logs(settings)
        let hangUp = HangUp(logs.files)
        defer { hangUp.cancel() }
        let database = try await Database.open(at: settings.data, settings.database)
        do {
            var configuration = settings.server
            logs.connect(&configuration)
            configuration.alertOutput = { line in
                Output.standard.write(line + "\n")
                Output.standard.flush()
            }
            if let directory = configuration.reportDirectory {
                try FileManager.default.createDirectory(
                    atPath: directory, withIntermediateDirectories: true)
            }
            let server = try await SiltstoneServer.start(database, configuration)
            hangUp.renew(server, settings, logs)
            let scheme = configuration.certificates == nil ? "http" : "https"
            Output.standard.write(
                "listening on \(scheme)://\(configuration.host):\(server.port)\n")
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
}

/// The logs of a server.
private struct Logs {
    private let audit: LogFile
    private let errors: LogFile
    private let access: LogFile?
    private let format: ServerSettings.LogFormat

    init(_ settings: ServerSettings) throws {
        audit = try LogFile(path: settings.auditLog)
        errors = try LogFile(path: settings.errorLog)
        access = try settings.accessLog.map { try LogFile(path: $0 == "-" ? nil : $0) }
        format = settings.accessLogFormat
    }

    /// Makes a server write to them.
    func connect(_ configuration: inout SiltstoneServer.Configuration) {
        let (audit, errors, format) = (audit, errors, format)
        configuration.auditLog = { audit.append($0) }
        configuration.errorLog = { errors.append($0) }
        guard let access else { return }
        configuration.accessLog = { record in
            access.append(format == .json ? record.json.text : record.text)
        }
    }

    /// The files.
    var files: [LogFile] { [audit, errors, access].compactMap { $0 } }

    /// Notes a failure.
    func note(_ text: String) { errors.append(text) }
}

/// What SIGHUP does.
private struct HangUp {
    private let source: any DispatchSourceSignal
    private let files: [LogFile]

    /// Opens log files anew, until cancelled.
    init(_ files: [LogFile]) {
        self.files = files
        signal(SIGHUP, SIG_IGN)
        source = DispatchSource.makeSignalSource(signal: SIGHUP)
        source.setEventHandler { for file in files { file.reopen() } }
        source.resume()
    }

    /// Also gives a server the certificates, and the secret and keys of web tokens, that are in the files then; what is wrong
    /// changes nothing.
    func renew(_ server: SiltstoneServer, _ settings: ServerSettings, _ logs: Logs) {
        let files = files
        source.setEventHandler {
            for file in files { file.reopen() }
            do throws(SiltstoneError) {
                if let new = try settings.certificates(contents: ServeOptions.contents) {
                    try server.replace(new)
                }
            } catch {
                logs.note("certificates stay as they were: \(error.message)")
            }
            do throws(SiltstoneError) {
                let secret = try settings.webTokenSecret(contents: ServeOptions.contents)
                let keys = try settings.webTokenKeys(contents: ServeOptions.contents)
                if secret == nil, keys == nil { return }
                try server.replaceWebTokens(secret: secret, keys: keys)
            } catch {
                logs.note("keys of web tokens stay as they were: \(error.message)")
            }
        }
    }

    func cancel() { source.cancel() }
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
