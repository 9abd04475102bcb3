import Foundation
import Synchronization
import Testing

/// Runs programs as people do: as processes, with their output and exit code.
enum Program {
    /// What a process said and how it ended.
    struct Outcome: Sendable {
        let status: Int32
        let output: String
        let errors: String

        /// The lines of the output.
        var lines: [String] { output.split(separator: "\n").map(String.init) }
    }

    /// The folder of Package.swift.
    static let root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// The `silt` to test: `SILT_EXECUTABLE`, or the one built beside these tests.
    static let silt: URL = {
        if let path = ProcessInfo.processInfo.environment["SILT_EXECUTABLE"] {
            return URL(fileURLWithPath: path)
        }
        let test = ProcessInfo.processInfo.arguments.first { $0.contains(".xctest") }
        let folder = URL(fileURLWithPath: test ?? CommandLine.arguments[0])
            .deletingLastPathComponent()
        let beside = folder.appendingPathComponent("silt")
        if FileManager.default.isExecutableFile(atPath: beside.path) { return beside }
        return root.appendingPathComponent(".build/debug/silt")
    }()

    /// A number from the environment, for longer runs.
    static func number(_ name: String, default value: Int) -> Int {
        ProcessInfo.processInfo.environment[name].flatMap { Int($0) } ?? value
    }

    /// Runs `silt` with arguments in the package's folder.
    static func silt(_ arguments: String..., input: String? = nil) throws -> Outcome {
        try run(silt, arguments, input: input)
    }

    /// Runs `silt`, which must succeed, and returns its output.
    @discardableResult
    static func succeed(
        _ arguments: String..., input: String? = nil, at location: SourceLocation = #_sourceLocation
    ) throws -> Outcome {
        let outcome = try run(silt, arguments, input: input)
        #expect(
            outcome.status == 0, "silt \(arguments.joined(separator: " ")): \(outcome.errors)",
            sourceLocation: location)
        return outcome
    }

    /// Runs a program to its end; its output goes through files, so that no pipe can fill up.
    static func run(
        _ program: URL, _ arguments: [String], input: String? = nil, folder: URL = root
    ) throws -> Outcome {
        let scratch = Scratch()
        let process = try start(program, arguments, input: input, folder: folder, scratch)
        process.waitUntilExit()
        return Outcome(
            status: process.terminationStatus, output: scratch.text("output"),
            errors: scratch.text("errors"))
    }

    /// Starts a program whose output goes to the files `output` and `errors` of `scratch`.
    static func start(
        _ program: URL, _ arguments: [String], input: String? = nil, folder: URL = root,
        _ scratch: Scratch
    ) throws -> Process {
        let process = Process()
        process.executableURL = program
        process.arguments = arguments
        process.currentDirectoryURL = folder
        process.standardInput = FileHandle.nullDevice
        if let input {
            try Data(input.utf8).write(to: scratch.url("input"))
            process.standardInput = try FileHandle(forReadingFrom: scratch.url("input"))
        }
        process.standardOutput = try scratch.create("output")
        process.standardError = try scratch.create("errors")
        try process.run()
        return process
    }
}

/// A folder of its own for one test, gone afterwards.
final class Scratch: Sendable {
    let folder: URL

    init() {
        let id = UUID().uuidString
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("silt-test-\(id)")
        try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// The path of a file or folder in it.
    func path(_ name: String) -> String { url(name).path }

    func url(_ name: String) -> URL { folder.appendingPathComponent(name) }

    /// The text of a file in it; empty when there is none.
    func text(_ name: String) -> String {
        (try? String(contentsOf: url(name), encoding: .utf8)) ?? ""
    }

    func create(_ name: String) throws -> FileHandle {
        try Data().write(to: url(name))
        return try FileHandle(forWritingTo: url(name))
    }
}

/// A running `silt serve` on a port of its own.
final class Server {
    let process: Process
    let url: String
    private let scratch: Scratch

    /// Starts a server on a directory and waits until it says that it is ready.
    init(data: String, _ options: String...) throws {
        scratch = Scratch()
        process = try Program.start(
            Program.silt, ["serve", "--data", data, "--listen", "127.0.0.1:0"] + options, scratch)
        let deadline = Date().addingTimeInterval(60)
        while !scratch.text("output").contains("\n") {
            guard process.isRunning, Date() < deadline else {
                throw ServerFailure(text: scratch.text("errors"))
            }
            usleep(10_000)
        }
        let line = scratch.text("output").split(separator: "\n")[0]
        url = String(line.split(separator: " ").last ?? "")
    }

    /// Ends the server as a service supervisor does.
    ///
    /// - Returns: its exit code.
    func stop() -> Int32 {
        process.terminate()
        process.waitUntilExit()
        return process.terminationStatus
    }

    /// Ends the server as a crash does.
    func kill() {
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }
}

/// A server that did not come up.
struct ServerFailure: Error {
    let text: String
}
