import ArgumentParser
import Foundation
import SiltIO
import SiltIngest
import SiltLSM
import SiltModel
import SiltTable
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
        name: .customLong("dry-run"),
        help: "Write nothing: read at most 64 MiB of input and print what the rows would be.")
    var isDryRun = false

    @Option(name: .customLong("checkpoint-bytes"), help: "Make a checkpoint after so much input.")
    var checkpointBytes = 16 << 20

    @Option(
        name: .customLong("checkpoint-interval"),
        help: "Make a checkpoint after so long, such as 5s.")
    var checkpointInterval = "5s"

    @Option(name: .customLong("block-bytes"), help: "Read so much at once.")
    var blockBytes = 1 << 20

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
        options.checkpointBytes = checkpointBytes
        options.checkpointMilliseconds = try DurationText.milliseconds(
            checkpointInterval, as: "--checkpoint-interval")
        options.blockBytes = blockBytes
        options.durability = try durability.level()
        if isDryRun { return try dryRun(job, options) }
        if case .kafka(let settings) = job.source, input == nil {
            return try runKafka(job, settings, options)
        }
        if server != nil {
            throw CommandFailure(.usage, "--server is for jobs whose source is kafka")
        }
        // The input is opened before the directory: a missing file must not leave an empty database behind.
        let source = try openInput(of: job)
        let store = try EmbeddedAccess.open(data, creates: true, memory: memory)
        let summary: JobSummary
        let alerts = AlertService(
            store,
            transport: WebhookTransport { line in
                Output.standard.write(line + "\n")
                Output.standard.flush()
            }, allows: { _ in true })
        do {
            options.didQueueAlerts = { alerts.wake() }
            alerts.start()
            let runner = JobRunner(
                store: store, job: job, input: source, clock: store.engine.environment.clock,
                options: options)
            summary = try run(runner)
            let wait = try DurationText.milliseconds(alertWait, as: "--alert-wait")
            warn(
                of: alerts.drain(seconds: summary.outcome == .stopped ? 0 : Double(wait) / 1000),
                alerts)
            alerts.stop()
        } catch {
            alerts.stop()
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
            store: store, job: job, input: source, clock: SystemClock(), options: options
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

    private func runKafka(
        _ job: JobDefinition, _ settings: KafkaSettings, _ options: JobRunner.Options
    ) throws {
        let document = try Data(contentsOf: URL(fileURLWithPath: file))
        let run = KafkaJob(
            job: job, settings: settings, options: options, document: Array(document))
        let stop = StopRequest()
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
                try run.run(data: data, progress: progress, isCancelled: { stop.isAsked })
            }
        line.withLock { $0.end() }
        // It has no end of its own: being asked to stop is how it ends well.
        print(summary, job)
    }

    private func openInput(of job: JobDefinition) throws -> JobInput {
        let files = PosixInputFiles()
        switch input {
        case nil:
            if case .file(let path) = job.source { try requireFile(path) }
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
    private func run(_ runner: JobRunner) throws -> JobSummary {
        let stop = StopRequest()
        let progress = Mutex(Progress())
        defer { progress.withLock { $0.end() } }
        return try runner.run(
            progress: { summary in
                progress.withLock { line in
                    line.show(
                        "\(summary.records) records, \(summary.rows) rows, \(summary.bytes >> 20) MiB read"
                    )
                }
            }, isCancelled: { stop.isAsked })
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
