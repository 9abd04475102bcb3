import ArgumentParser
import SiltIO
import SiltIngest

/// `silt job test`.
struct JobTestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test", abstract: "Run the cases of a job file: events in, rows out.",
        discussion: """
            A case is `{name: …, events: […], rows: [{row: KEY, family:name: value, …}], late: N, bad: N}`. Events \
            are lines of the job's format; of NDJSON, maps too. When rows are given, there may be no others; of a \
            row, the cells that are given are compared. Without rows only the counts are. Nothing is kept.
            """)

    @Argument(help: "The job file, YAML or JSON.")
    var file: String

    func run() throws {
        let job = try JobFile.read(file)
        JobFile.warn(job, file)
        var failed = 0
        for test in job.tests {
            let failures = try JobTrial.failures(of: test, job, clock: SystemClock())
            failed += failures.isEmpty ? 0 : 1
            Output.standard.write("\(failures.isEmpty ? "ok" : "FAILED")  \(test.name)\n")
            for failure in failures {
                Output.standard.write("        \(file): \(failure)\n")
            }
        }
        Output.standard.write("\(job.tests.count - failed) passed, \(failed) failed\n")
        Output.standard.flush()
        if failed > 0 { throw CommandFailure(.failed, "a case of the job file failed") }
    }
}
