import ArgumentParser
import Foundation
import SiltIngest
import SiltModel
import SiltstoneServer

/// Pipelines from events to window rows.
struct JobCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "job", abstract: "Check and run jobs: events in, window rows out.",
        subcommands: [
            JobCheckCommand.self, JobExplainCommand.self, JobTestCommand.self, JobRunCommand.self,
            JobAlertsCommand.self,
            JobPutCommand.self, JobListCommand.self, JobStatusCommand.self, JobPauseCommand.self,
            JobResumeCommand.self, JobDrainCommand.self, JobRemoveCommand.self,
            JobWindowsCommand.self, JobReplayBadCommand.self,
            JobBackfillCommand.self,
        ])
}

/// `silt job check`.
struct JobCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Say everything that is wrong with a job file.")

    @Argument(help: "The job file, YAML or JSON.")
    var file: String

    func run() throws {
        let job = try JobFile.read(file)
        JobFile.warn(job, file)
        Output.standard.write("\(file): job \(job.name) is in order\n")
        Output.standard.flush()
    }
}

/// Job files on disk.
enum JobFile {
    /// The job of a file; everything that is wrong with it is printed, a line each.
    static func read(_ path: String) throws -> JobDefinition {
        guard FileManager.default.fileExists(atPath: path) else {
            throw CommandFailure(.notFound, "there is no job file '\(path)'")
        }
        let text: String
        do { text = try String(contentsOfFile: path, encoding: .utf8) } catch {
            throw CommandFailure(.failed, "job file '\(path)' is not UTF-8 text or cannot be read")
        }
        do {
            return try JobDefinition(try YAMLDocument.parse(text))
        } catch {
            let lines = error.list.map { "\(path):\($0)" }.joined(separator: "\n      ")
            throw CommandFailure(.failed, "the job file is wrong\n      \(lines)")
        }
    }

    /// Prints what is legal but probably not meant.
    static func warn(_ job: JobDefinition, _ path: String) {
        for warning in job.warnings { Output.error.write("\(path): warning: \(warning)\n") }
        Output.error.flush()
    }
}
