package import SiltModel

/// Something wrong in a job file: where, and a sentence.
package struct JobDiagnostic: Hashable, Sendable, CustomStringConvertible {
    /// Where it stands.
    package let mark: DocumentMark
    /// What is wrong.
    package let message: String

    /// A finding.
    package init(_ mark: DocumentMark, _ message: String) {
        self.mark = mark
        self.message = message
    }

    /// `line:column: message`.
    package var description: String { "\(mark): \(message)" }
}

/// All that is wrong in a job file.
package struct JobDiagnostics: Error, Sendable, CustomStringConvertible {
    /// The findings in the order of the file; never empty.
    package let list: [JobDiagnostic]

    /// Findings, put in the order of the file.
    package init(_ list: [JobDiagnostic]) {
        self.list = list.sorted { ($0.mark.line, $0.mark.column) < ($1.mark.line, $1.mark.column) }
    }

    /// One line a finding.
    package var description: String { list.map(\.description).joined(separator: "\n") }

    /// The findings as one error.
    package var error: SiltstoneError {
        SiltstoneError(
            .invalidArgument,
            "job file is wrong: " + list.map(\.description).joined(separator: "; "))
    }
}
