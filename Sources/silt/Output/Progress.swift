import Glibc

/// One line on a terminal that says how far a command has come; nothing when there is no terminal.
struct Progress {
    private let isShown = isatty(STDERR_FILENO) == 1
    private var lastMark: ContinuousClock.Instant?
    private var wasShown = false

    /// Shows a text, at most ten times a second.
    mutating func show(_ text: @autoclosure () -> String) {
        guard isShown else { return }
        let now = ContinuousClock.now
        if let lastMark, now - lastMark < .milliseconds(100) { return }
        lastMark = now
        wasShown = true
        Output.error.write("\r\u{1b}[K\(text())")
        Output.error.flush()
    }

    /// Takes the line away.
    mutating func end() {
        guard wasShown else { return }
        wasShown = false
        Output.error.write("\r\u{1b}[K")
        Output.error.flush()
    }
}
