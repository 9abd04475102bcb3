import ArgumentParser
import SiltModel

/// `silt stats`.
struct StatsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats", abstract: "Show what a store did and holds.",
        discussion: """
            Amplification of writes, reads and space, hits of cache and filters, stalls and their causes, bytes that \
            wait to be merged, latencies, snapshots held for long. Counts begin when the store is opened: a running \
            server (--server) has much to tell, a directory (--data) what it holds.
            """)

    @OptionGroup var location: LocationOptions

    @Flag(help: "One JSON object, with histograms of the latencies.")
    var json = false

    func run() throws {
        let statistics = try location.withTables { try $0.statistics() }
        if json {
            Output.standard.write(statistics.text + "\n")
        } else {
            StatisticsText(statistics).print()
        }
        Output.standard.flush()
    }
}

/// Statistics as lines for people.
struct StatisticsText {
    private let statistics: JSONValue

    init(_ statistics: JSONValue) { self.statistics = statistics }

    /// Prints a line for each figure, then the latencies and the snapshots that are old.
    func print() {
        guard case .object(let members) = statistics else { return }
        var figures = TextTable(["statistic", "value"])
        var latencies = TextTable(["calls", "timed", "p50 us", "p99 us", "p99.9 us", "longest us"])
        for member in members {
            switch member.value {
            case .integer(let number): figures.add([member.name, String(number)])
            case .number(let number): figures.add([member.name, Self.rounded(number)])
            case .object:
                latencies.add(
                    [member.name, String(member.value["samples"]?.integerValue ?? 0)]
                        + ["p50_ns", "p99_ns", "p999_ns", "max_ns"].map {
                            Self.microseconds(member.value[$0]?.integerValue ?? 0)
                        })
            default: break
            }
        }
        figures.print()
        Output.standard.write("\n")
        latencies.print()
        for old in statistics["old_snapshot_list"]?.arrayValue ?? [] {
            let seconds = (old["age_ms"]?.integerValue ?? 0) / 1000
            Output.standard.write(
                "snapshot held for \(seconds) s: \(old["purpose"]?.stringValue ?? "") of table"
                    + " \(old["table"]?.stringValue ?? ""), region"
                    + " \(old["region"]?.stringValue ?? "")\n")
        }
    }

    /// Three digits after the point.
    private static func rounded(_ number: Double) -> String {
        String((number * 1000).rounded() / 1000)
    }

    private static func microseconds(_ nanoseconds: Int64) -> String {
        String((Double(nanoseconds) / 100).rounded() / 10)
    }
}
