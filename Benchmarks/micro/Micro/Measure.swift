import SiltIO
import SiltModel

/// Runs benchmarks and prints a line of JSON for each.
struct Measure {
    /// Only benchmarks with this in their names run.
    let word: String
    /// How long each runs, in nanoseconds.
    let nanoseconds: UInt64

    private let clock = SystemClock()

    init(word: String, seconds: Double) {
        self.word = word
        nanoseconds = UInt64(seconds * 1e9)
    }

    /// Whether a benchmark was asked for: what it needs is made only then.
    func wants(_ name: String) -> Bool { word.isEmpty || name.contains(word) }

    /// Measures rounds of `operations` operations until the time is up, at least three; `body` returns something that
    /// depends on all its work, so that none of it can be left out.
    func run(_ name: String, operations: Int, _ body: () throws -> UInt64) rethrows {
        guard wants(name) else { return }
        var sink = try body()
        var rounds: [Double] = []
        let begin = clock.monotonicNanoseconds
        while rounds.count < 3 || clock.monotonicNanoseconds - begin < nanoseconds {
            let start = clock.monotonicNanoseconds
            sink &+= try body()
            rounds.append(Double(clock.monotonicNanoseconds - start) / Double(operations))
        }
        rounds.sort()
        let line = JSONValue.object(
            ("name", .string(name)), ("operations", .integer(Int64(operations))),
            ("rounds", .integer(Int64(rounds.count))), ("min_ns", .number(Self.rounded(rounds[0]))),
            ("median_ns", .number(Self.rounded(rounds[rounds.count / 2]))),
            ("check", .string(String(sink, radix: 16))))
        print(line.text)
    }

    private static func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }
}
