import ArgumentParser
import Foundation
import SiltModel

/// Why a command ends without success: words for standard error, and the exit code.
struct CommandFailure: Error {
    /// How a command ended, as scripts see it.
    enum Exit: Int32 {
        case failed = 1
        case usage = 2
        case notFound = 3
        case conditionFailed = 4
    }

    let exit: Exit
    let message: String
    /// What to do next.
    let advice: String?

    init(_ exit: Exit, _ message: String, advice: String? = nil) {
        self.exit = exit
        self.message = message
        self.advice = advice
    }

    /// What an error of the store means to who typed the command.
    init(_ error: SiltstoneError) {
        let place = error.location.map { " \($0)" } ?? ""
        let message = error.message + place
        switch error.code {
        case .invalidArgument: self.init(.usage, message)
        case .notFound: self.init(.notFound, message)
        case .conditionFailed: self.init(.conditionFailed, message)
        case .corrupted:
            self.init(
                .failed, message,
                advice: "`silt check --data DIR` looks at every file of the directory")
        case .conflict:
            self.init(
                .failed, message,
                advice: "a running server is reached with --server URL instead of --data DIR")
        case .storageFull: self.init(.failed, message, advice: "free space, then run it again")
        case .overloaded: self.init(.failed, message, advice: "wait a little, then run it again")
        case .unknownOutcome:
            self.init(
                .failed, message,
                advice: "the write may or may not have happened: read the row before writing again")
        default: self.init(.failed, message)
        }
    }

    /// Prints what went wrong, or the help that was asked for, and ends the process.
    static func report(_ error: any Error) -> Never {
        let failure: CommandFailure
        switch error {
        case let known as CommandFailure: failure = known
        case let known as SiltstoneError: failure = CommandFailure(known)
        default:
            let code = Silt.exitCode(for: error)
            let text = Silt.fullMessage(for: error)
            if code == .success {
                Output.standard.write(text + "\n")
                Output.standard.flush()
                Foundation.exit(0)
            }
            Output.error.write(text + "\n")
            Output.error.flush()
            Foundation.exit(
                code == .validationFailure ? Exit.usage.rawValue : Exit.failed.rawValue)
        }
        Output.standard.flush()
        Output.error.write("silt: \(failure.message)\n")
        if let advice = failure.advice { Output.error.write("      \(advice)\n") }
        Output.error.flush()
        Foundation.exit(failure.exit.rawValue)
    }
}
