import ArgumentParser
import Foundation
import SiltBytes
import SiltIO
import SiltIngest
import SiltModel
import SiltTable

/// Where the server is.
struct JobServerOptions: ParsableArguments {
    @Option(help: "The server; its token, if it wants one, is taken from SILT_TOKEN.")
    var server = "http://127.0.0.1:8080"

    @Option(
        help:
            "A file with the authorities that sign the server's certificate (default: the system's)."
    )
    var ca: String?

    /// Sends a request about a job, or about all without a name.
    func send(_ method: String, _ job: String?, _ action: String = "", _ body: [UInt8] = [])
        throws -> JSONValue
    {
        let client = HTTPClient(try ServerAddress(url: server, ca: ca))
        defer { client.close() }
        let path = "/v1/jobs" + (job.map { "/" + HTTPClient.escape(Bytes($0)) } ?? "") + action
        return try JSONValue(parsing: client.send(method, path, body))
    }

    /// Prints what is known of a job, a line.
    static func show(_ job: JSONValue) {
        var line = "\(job["job"]?.stringValue ?? "?")  \(job["state"]?.stringValue ?? "?")"
        if let counters = job["counters"] {
            for name in ["records", "rows", "late", "bad"] {
                line += "  \(name) \(counters[name]?.integerValue ?? 0)"
            }
        }
        if let error = job["error"]?.stringValue { line += "  \(error)" }
        Output.standard.write(line + "\n")
        Output.standard.flush()
    }
}

/// `silt job list`.
struct JobListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Show the jobs of a server.")

    @OptionGroup var location: JobServerOptions

    func run() throws {
        for job in try location.send("GET", nil)["jobs"]?.arrayValue ?? [] {
            JobServerOptions.show(job)
        }
    }
}

/// `silt job status`.
struct JobStatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show a job of a server: its state and counters.")

    @Argument(help: "The job's name.")
    var job: String

    @OptionGroup var location: JobServerOptions

    func run() throws { JobServerOptions.show(try location.send("GET", job)) }
}

/// `silt job put`.
struct JobPutCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "put", abstract: "Give a server a job file to keep and run.",
        discussion: """
            With --replace a changed file takes the place of the job of its name, which goes on with its open windows. \
            That is refused when windows, aggregates, key or event time differ.
            """)

    @Argument(help: "The job file, YAML or JSON.")
    var file: String

    @Flag(help: "Change the job of that name if there is one.")
    var replace = false

    @OptionGroup var location: JobServerOptions

    func run() throws {
        let job = try JobFile.read(file)
        JobFile.warn(job, file)
        let document = try Data(contentsOf: URL(fileURLWithPath: file))
        JobServerOptions.show(
            try location.send(
                "PUT", job.name, replace ? "?replace=true" : "", Array(document)))
    }
}

/// `silt job pause`.
struct JobPauseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Stop a job of a server at a checkpoint until it is resumed.")

    @Argument(help: "The job's name.")
    var job: String

    @OptionGroup var location: JobServerOptions

    func run() throws { JobServerOptions.show(try location.send("POST", job, "/pause")) }
}

/// `silt job resume`.
struct JobResumeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Let a job of a server go on that was paused or failed.")

    @Argument(help: "The job's name.")
    var job: String

    @OptionGroup var location: JobServerOptions

    func run() throws { JobServerOptions.show(try location.send("POST", job, "/resume")) }
}

/// `silt job drain`.
struct JobDrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain",
        abstract: "End a job of a server: it reads no more, and every open window is written.")

    @Argument(help: "The job's name.")
    var job: String

    @OptionGroup var location: JobServerOptions

    func run() throws { JobServerOptions.show(try location.send("POST", job, "/drain")) }
}

/// `silt job remove`.
struct JobRemoveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove",
        abstract: "Stop a job of a server and forget its file; its rows stay.")

    @Argument(help: "The job's name.")
    var job: String

    @OptionGroup var location: JobServerOptions

    func run() throws {
        _ = try location.send("DELETE", job)
        Output.standard.write("job \(job) removed\n")
        Output.standard.flush()
    }
}

/// `silt job windows`.
struct JobWindowsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "windows",
        abstract: "Show the open windows of a job, as of its newest checkpoint.",
        discussion: "With --data the argument is the job's file, with --server its name.")

    @Argument(help: "The job's name, or its file with --data.")
    var job: String

    @Option(help: "Only rows whose keys begin with this.")
    var prefix = ""

    @Option(help: "Show at most so many.")
    var limit = 100

    @OptionGroup var location: LocationOptions

    func validate() throws {
        if !(1...1000).contains(limit) { throw ValidationError("--limit is 1 to 1000") }
    }

    func run() throws {
        if let server = location.server {
            var options = JobServerOptions()
            options.server = server
            options.ca = location.ca
            let query = "?open=true&limit=\(limit)&prefix=\(HTTPClient.escape(Bytes(prefix)))"
            let answer = try options.send("GET", job, "/windows" + query)
            for window in answer["windows"]?.arrayValue ?? [] {
                let values = (window["values"]?.objectValue ?? []).map {
                    "\($0.name)=\(Self.text($0.value))"
                }
                show(
                    Self.text(window["row"]), window["window"]?.stringValue ?? "",
                    window["start"]?.integerValue ?? 0, window["end"]?.integerValue ?? 0, values)
            }
            return Output.standard.flush()
        }
        let definition = try JobFile.read(job)
        let store = try EmbeddedAccess.open(location.directory, creates: false)
        defer { try? store.closeWithEnvironment() }
        let open = try OpenWindows(
            definition, in: store, prefix: Bytes(prefix), limit: limit)
        for window in open.windows {
            show(
                "\(window.row)", window.name, window.start, window.end,
                window.values.map { "\($0.qualifier)=\($0.value)" })
        }
        Output.standard.flush()
    }

    private func show(
        _ row: String, _ name: String, _ start: Int64, _ end: Int64, _ values: [String]
    ) {
        Output.standard.write(
            "\(row)  \(name) \(start)..<\(end)  \(values.joined(separator: " "))\n")
    }

    /// Bytes as JSON gives them: as text, or in base64.
    private static func text(_ value: JSONValue?) -> String {
        value?.stringValue ?? value?["base64"]?.stringValue ?? ""
    }
}

/// `silt job replay-bad`.
struct JobReplayBadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay-bad",
        abstract: "Read a job's bad records again, after its file or what it reads was mended.",
        discussion: """
            With --data the argument is the job's file, as it is now; with --server the job's name, after the mended \
            file was put with --replace. Records that are good now count in their windows as if they had come late. \
            Their rows stay, marked `replayed`.
            """)

    @Argument(help: "The job's file, or its name with --server.")
    var job: String

    @Flag(help: "Take records too that were replayed before, as after a run with --fresh.")
    var all = false

    @OptionGroup var location: LocationOptions

    func run() throws {
        var outcome = BadRecordReplay.Outcome()
        if let server = location.server {
            var options = JobServerOptions()
            options.server = server
            options.ca = location.ca
            let answer = try options.send("POST", job, "/replay-bad" + (all ? "?all=true" : ""))
            outcome.replayed = Int(answer["replayed"]?.integerValue ?? 0)
            outcome.stillBad = Int(answer["bad"]?.integerValue ?? 0)
            outcome.cut = Int(answer["cut"]?.integerValue ?? 0)
            outcome.firstReason = answer["reason"]?.stringValue
        } else {
            let definition = try JobFile.read(job)
            let store = try EmbeddedAccess.open(location.directory, creates: false)
            defer { try? store.closeWithEnvironment() }
            outcome = try BadRecordReplay(
                store: store, job: definition, clock: store.clock, includesMarked: all
            ).run()
        }
        var line = "\(outcome.replayed) records replayed, \(outcome.stillBad) still bad"
        if outcome.cut > 0 { line += ", \(outcome.cut) not kept whole" }
        if let reason = outcome.firstReason { line += "; the first: \(reason)" }
        Output.standard.write(line + "\n")
        Output.standard.flush()
    }
}
