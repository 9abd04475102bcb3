import ArgumentParser
import SiltBytes
import SiltModel
import SiltstoneServer

/// `silt table feed`.
struct TableFeedCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "feed", abstract: "Keep a table's changes to be read, or end that.",
        discussion: """
            With --retention changes are kept from now on, each for so long; with --off they are not any more. Without \
            either the retention and the position of the last change are shown.
            """)

    @Argument(help: "The table's name.")
    var table: String

    @Option(help: "How long each change is kept: 7d, 12h, 30m.")
    var retention: String?

    @Flag(help: "End the feed and forget what it holds.")
    var off = false

    @OptionGroup var location: LocationOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if off, retention != nil {
            throw ValidationError("give --retention or --off, not both")
        }
    }

    func run() throws {
        if off { return try location.withTables { try $0.disableFeed(of: table) } }
        if let retention {
            let milliseconds = try DurationText.milliseconds(retention, as: "--retention")
            return try location.withTables {
                try $0.enableFeed(of: table, retentionMilliseconds: milliseconds)
            }
        }
        let feed = try location.withTables { try $0.feed(of: table) }
        let length = DurationText.print(milliseconds: feed.retentionMilliseconds)
        LinePrinter.print(
            ["retention", "last"], [[length, feed.last.description]], output.format)
    }
}

/// `silt table changes`.
struct TableChangesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "changes", abstract: "Show a table's changes in the order of their commits.",
        discussion: """
            Each change has a position; --after shows those behind one. A program that keeps the last position it \
            has dealt with misses none and sees none twice. The table needs a feed: silt table feed.
            """)

    /// How many changes are asked for at a time.
    private static let batchCount = 1_000
    /// How long a server is asked to wait for more, in milliseconds.
    private static let waitMilliseconds = 20_000

    @Argument(help: "The table's name.")
    var table: String

    @Option(help: "A position, or now; without it from the first change that is kept.")
    var after: String?

    @Option(help: "So many changes at most.")
    var limit: Int?

    @Flag(help: "Go on with changes as they come, from a server.")
    var follow = false

    @OptionGroup var location: LocationOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var text: TextFormOptions

    func validate() throws {
        if let after, after != "now", ChangePosition(after) == nil {
            throw ValidationError("--after is a position of 32 hex digits, or now, not '\(after)'")
        }
        if let limit, limit < 1 { throw ValidationError("--limit is a number from 1") }
    }

    func run() throws {
        try location.withTables { tables in
            var position = after.flatMap { ChangePosition($0) } ?? .start
            if after == "now" { position = try tables.feed(of: table).last }
            var left = limit ?? .max
            var showsHeadings = true
            while left > 0 {
                let (changes, next) = try tables.changes(
                    of: table, after: position, limit: min(left, Self.batchCount),
                    waitMilliseconds: follow ? Self.waitMilliseconds : 0)
                if changes.isEmpty, !follow { break }
                show(changes, &showsHeadings)
                left -= changes.count
                position = next
            }
        }
    }

    private func show(_ changes: [TableChange], _ showsHeadings: inout Bool) {
        if output.format == .ndjson {
            for change in changes {
                Output.standard.write(ChangeJSON.encode(change).text + "\n")
            }
            return Output.standard.flush()
        }
        let headings = ["position", "time", "row", "change", "column", "timestamp", "value"]
        let lines = changes.flatMap { fields($0) }
        if output.format == .csv {
            if showsHeadings { Output.standard.write(CSV.line(headings)) }
            for line in lines { Output.standard.write(CSV.line(line)) }
            showsHeadings = false
            return Output.standard.flush()
        }
        if !lines.isEmpty { LinePrinter.print(headings, lines, .table) }
    }

    private func fields(_ change: TableChange) -> [[String]] {
        let place = [change.position.description, Moment.text(change.timestamp)]
        switch change.kind {
        case .restored(let snapshot): return [place + ["", "restored", "", "", snapshot]]
        case .row(let mutation):
            return mutation.changes.map { cell in
                var value = ""
                if case .put(let bytes, _) = cell.action { value = text.form.encode(bytes) }
                return place + [
                    text.form.encode(mutation.row), ChangeJSON.type(cell),
                    "\(cell.column.family):\(text.form.encode(cell.column.qualifier))",
                    cell.timestamp.map(String.init) ?? "", value,
                ]
            }
        }
    }
}
