import ArgumentParser
import Foundation
import SiltIO
import SiltIngest
import SiltKafka
import SiltLSM
import SiltModel
import SiltTable
import SiltWebHDFS
import SiltstoneServer
import Synchronization

/// `silt job run`.
struct JobRunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run a job until its input ends and every window is written.",
        discussion: """
            A job that was stopped or killed goes on where its last checkpoint was made. One that has completed \
            says so and does nothing. Paths in a job file are relative to the current directory.
            """)

    @Argument(help: "The job file, YAML or JSON.")
    var file: String

    @Option(help: "The data directory; made when missing.")
    var data = "silt-data"

    @Option(
        help: ArgumentHelp(
            "The server that keeps rows and state, for jobs over Kafka: any number of processes may run one job."
        ))
    var server: String?

    @Option(
        help:
            "A file with the authorities that sign the server's certificate (default: the system's)."
    )
    var ca: String?

    @Option(help: "Read this file instead of the job's source; - is the standard input.")
    var input: String?

    @Flag(help: "Forget an earlier run's checkpoint and begin again.")
    var fresh = false

    @Flag(
        help: ArgumentHelp(
            "Go on with the open windows of an earlier definition where windows, aggregates, key and event time are the same."
        ))
    var replace = false

    @Flag(help: "Read no more: write every open window as it is, and end the job.")
    var drain = false

    @Flag(
        name: .customLong("dry-run"),
        help: "Write nothing: read at most 64 MiB of input and print what the rows would be.")
    var isDryRun = false

    @Option(name: .customLong("checkpoint-bytes"), help: "Make a checkpoint after so much input.")
    var checkpointBytes = 64 << 20

    @Option(
        name: .customLong("checkpoint-interval"),
        help: "Make a checkpoint after so long, such as 5s.")
    var checkpointInterval = "5s"

    @Flag(
        name: .customLong("read-ahead"), inversion: .prefixedNo,
        help: "Decode the next block of a file on another thread meanwhile.")
    var readsAhead = true

    @Option(name: .customLong("block-bytes"), help: "Read so much at once.")
    var blockBytes = 128 << 10

    @Option(help: "Bytes of one budget for all memory of the store, instead of its usual sizes.")
    var memory: Int?

    @Option(
        name: .customLong("alert-wait"),
        help: "How long to wait in the end for receivers of alerts that do not answer.")
    var alertWait = "10s"

    @OptionGroup var durability: DurabilityOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if ca != nil, server == nil { throw ValidationError("--ca is for --server") }
        if checkpointBytes < 1 { throw ValidationError("--checkpoint-bytes is at least 1") }
        if (memory ?? 16 << 20) < 16 << 20 {
            throw ValidationError("--memory is at least 16777216")
        }
        if blockBytes < 1 { throw ValidationError("--block-bytes is at least 1") }
        _ = try DurationText.milliseconds(checkpointInterval, as: "--checkpoint-interval")
        _ = try DurationText.milliseconds(alertWait, as: "--alert-wait")
    }

    func run() throws {
        let job = try JobFile.read(file)
        JobFile.warn(job, file)
        var options = JobRunner.Options()
        options.isFresh = fresh
        options.takesChanges = replace
        if drain { options.drains = { true } }
        options.makeSinks = { () throws(SiltstoneError) in try Self.sinks(of: job) }
        options.checkpointBytes = checkpointBytes
        options.checkpointMilliseconds = try DurationText.milliseconds(
            checkpointInterval, as: "--checkpoint-interval")
        options.blockBytes = blockBytes
        options.readsAhead = readsAhead
        options.durability = try durability.level()
        if isDryRun { return try dryRun(job, options) }
        // From here on: opening the store takes a while.
        let stop = StopRequest()
        if case .kafka(let settings) = job.source, input == nil {
            return try runKafka(job, settings, options, stop)
        }
        if server != nil {
            throw CommandFailure(.usage, "--server is for jobs whose source is kafka")
        }
        if job.tails, input == nil { return try runTail(job, options, stop) }
        // The input is opened before the directory: a missing file must not leave an empty database behind.
        let source = try openInput(of: job)
        let store = try EmbeddedAccess.open(data, creates: true, memory: memory)
        let summary: JobSummary
        do {
            summary = try tellingAlerts(store, options) { options in
                let runner = JobRunner(
                    store: store, job: job, input: source,
                    clock: store.engine.environment.clock, options: options)
                return try run(stop) { try runner.run(progress: $0, isCancelled: $1) }
            }
        } catch {
            try? store.closeWithEnvironment()
            throw error
        }
        try store.closeWithEnvironment()
        print(summary, job)
        if summary.outcome == .stopped {
            throw CommandFailure(
                .failed, "stopped before the end of the input", advice: "run it again to go on")
        }
    }

    /// Runs while the job's alerts are told, and waits in the end for those that are not told yet.
    private func tellingAlerts(
        _ store: TableStore, _ options: JobRunner.Options,
        _ body: (JobRunner.Options) throws -> JobSummary
    ) throws -> JobSummary {
        let alerts = AlertService(
            store,
            transport: WebhookTransport { line in
                Output.standard.write(line + "\n")
                Output.standard.flush()
            }, allows: { _ in true })
        var options = options
        options.didQueueAlerts = { alerts.wake() }
        alerts.start()
        defer { alerts.stop() }
        let summary = try body(options)
        let wait = try DurationText.milliseconds(alertWait, as: "--alert-wait")
        warn(
            of: alerts.drain(seconds: summary.outcome == .stopped ? 0 : Double(wait) / 1000),
            alerts)
        return summary
    }

    private func warn(of waiting: Int, _ alerts: AlertService) {
        let (status, error) = alerts.status
        guard waiting > 0 || status.givenUp > 0 || error != nil else { return }
        let cause = (error ?? status.lastError).map { ": \($0)" } ?? ""
        Output.error.write(
            "warning: \(waiting) alerts are not delivered yet, \(status.givenUp) were given up\(cause); the next run goes on with them\n"
        )
        Output.error.flush()
    }

    private func dryRun(_ job: JobDefinition, _ options: JobRunner.Options) throws {
        let source = try openInput(of: job)
        let store = try JobTrial.store(clock: SystemClock())
        defer { try? store.closeWithEnvironment() }
        let readBytes = Mutex(Int64(0))
        let summary = try JobRunner(
            store: store, job: job.withoutSinks, input: source, clock: SystemClock(),
            options: options
        ).run(
            progress: { summary in readBytes.withLock { $0 = summary.bytes } },
            isCancelled: { readBytes.withLock { $0 > 64 << 20 } })
        let printer = try store.table(job.table).scan()
        var shown = 0
        while shown < 20, let row = try printer.next() {
            let cells = row.cells.map { "\($0.column)=\($0.value)" }.joined(separator: " ")
            Output.standard.write("\(row.key) \(cells)\n")
            shown += 1
        }
        Output.standard.write(
            "nothing was written; the first \(shown) rows of table \(job.table) are above\n")
        print(summary, job)
    }

    private func runTail(
        _ job: JobDefinition, _ options: JobRunner.Options, _ stop: StopRequest
    ) throws {
        var options = options
        var habits = TailRunner.Habits()
        let files: any InputFiles
        let pattern: String
        switch job.source {
        case .webhdfs(let settings):
            files = try Self.files(settings, readAheadBytes: 0)
            pattern = settings.path
            // A request and a redirect a block: they should be worth it.
            options.blockBytes = max(blockBytes, Self.remoteBlockBytes)
            habits.pollMilliseconds = 1000
            habits.endsSettled = true
        case .file(let path):
            files = PosixInputFiles()
            pattern = path
        default: throw CommandFailure(.usage, "tail is for file and webhdfs only")
        }
        let store = try EmbeddedAccess.open(data, creates: true, memory: memory)
        let summary: JobSummary
        do {
            summary = try tellingAlerts(store, options) { options in
                let runner = TailRunner(
                    store: store, job: job, pattern: pattern, files: files, clock: store.clock,
                    options: options, habits: habits)
                return try run(stop) { try runner.run(progress: $0, isCancelled: $1) }
            }
        } catch {
            try? store.closeWithEnvironment()
            throw error
        }
        try store.closeWithEnvironment()
        // It has no end of its own: being asked to stop is how it ends well.
        print(summary, job)
    }

    private func runKafka(
        _ job: JobDefinition, _ settings: KafkaSettings, _ options: JobRunner.Options,
        _ stop: StopRequest
    ) throws {
        let document = try Data(contentsOf: URL(fileURLWithPath: file))
        let run = KafkaJob(
            job: job, settings: settings, options: options, document: Array(document))
        let line = Mutex(Progress())
        let progress = { (summary: JobSummary) in
            line.withLock { $0.show("\(summary.records) records, \(summary.bytes >> 20) MiB read") }
        }
        let summary =
            if let server {
                try run.run(
                    server: ServerAddress(url: server, ca: ca), progress: progress,
                    isCancelled: { stop.isAsked })
            } else {
                try run.run(data: data, progress: progress, isCancelled: { stop.isAsked }) {
                    try tellingAlerts($0, options, $1)
                }
            }
        line.withLock { $0.end() }
        // It has no end of its own: being asked to stop is how it ends well.
        print(summary, job)
    }

    /// Ways to the job's sinks.
    private static func sinks(of job: JobDefinition) throws(SiltstoneError) -> [any RowSink] {
        var sinks: [any RowSink] = []
        for sink in job.sinks {
            switch sink {
            case .kafka(let settings): sinks.append(try KafkaSink(settings, job: job.name))
            case .webhdfs(let settings):
                sinks.append(
                    try WebHDFSSink(
                        withToken(settings), clock: SystemClock(), random: SystemRandom()))
            }
        }
        return sinks
    }

    private static let remoteBlockBytes = 4 << 20

    /// Settings whose token may come from the environment, where other users of the machine do not see it.
    private static func withToken(_ settings: WebHDFSSettings) -> WebHDFSSettings {
        var settings = settings
        if settings.token == nil {
            settings.token = ProcessInfo.processInfo.environment["SILT_WEBHDFS_TOKEN"]
        }
        return settings
    }

    private static func files(_ settings: WebHDFSSettings, readAheadBytes: Int) throws
        -> WebHDFSFiles
    {
        try WebHDFSFiles(
            withToken(settings), readAheadBytes: readAheadBytes, clock: SystemClock(),
            random: SystemRandom())
    }

    private func openInput(of job: JobDefinition) throws -> JobInput {
        let files = PosixInputFiles()
        switch input {
        case nil:
            if case .file(let path) = job.source { try requireFile(path) }
            if case .webhdfs(let settings) = job.source {
                return try JobInput(
                    path: settings.path,
                    files: try Self.files(settings, readAheadBytes: Self.remoteBlockBytes),
                    kind: "webhdfs")
            }
            return try JobInput(job.source, files: files)
        case "-": return JobInput(standardInputOf: files)
        case .some(let path):
            try requireFile(path)
            return try JobInput(path: path, files: files)
        }
    }

    private func requireFile(_ path: String) throws {
        if NamePattern.isPattern(path) || FileManager.default.fileExists(atPath: path) { return }
        throw CommandFailure(
            .notFound, "there is no input file '\(path)'",
            advice: "paths are relative to the current directory; --input names another file")
    }

    /// Runs until the end, or until a signal asks to stop: then a last checkpoint is made.
    private func run(
        _ stop: StopRequest, _ body: (((JobSummary) -> Void)?, (() -> Bool)?) throws -> JobSummary
    ) throws -> JobSummary {
        let progress = Mutex(Progress())
        defer { progress.withLock { $0.end() } }
        return try body(
            { summary in
                progress.withLock { line in
                    line.show(
                        "\(summary.records) records, \(summary.rows) rows, \(summary.bytes >> 20) MiB read"
                    )
                }
            }, { drain || stop.isAsked })
    }

    private func print(_ summary: JobSummary, _ job: JobDefinition) {
        switch output.format {
        case .ndjson: Output.standard.write(summary.json.text + "\n")
        case .csv, .table:
            if summary.outcome == .alreadyCompleted {
                Output.standard.write(
                    "job \(job.name) has completed before; --fresh runs it again\n")
            } else {
                Output.standard.write(
                    "job \(job.name) \(summary.outcome.rawValue)\(summary.isResumed ? " (resumed)" : ""):"
                        + " \(summary.records) records, \(summary.rows) rows into \(job.table),"
                        + " \(summary.late) late, \(summary.bad) bad\n")
            }
            if let bad = summary.firstBad {
                Output.standard.write("the first bad record: \(bad)\n")
            }
        }
        Output.standard.flush()
    }
}

/// Notices SIGTERM and SIGINT, for work that looks now and then whether it should stop.
private final class StopRequest {
    private let flag: Flag
    private let sources: [any DispatchSourceSignal]

    private final class Flag: Sendable {
        let isSet = Atomic(false)
    }

    init() {
        let flag = Flag()
        self.flag = flag
        sources = [SIGTERM, SIGINT].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { flag.isSet.store(true, ordering: .relaxed) }
            source.resume()
            return source
        }
    }

    var isAsked: Bool { flag.isSet.load(ordering: .relaxed) }
}
