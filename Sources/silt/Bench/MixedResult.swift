import SiltModel

/// What came of a mixed load.
struct MixedResult: Sendable {
    /// The kinds of operations.
    enum Kind: Int, CaseIterable, Sendable {
        case put, delete, get, scan
    }

    /// A phase: everything as fast as it goes, or paced.
    struct Phase: Sendable {
        var seconds = 0.0
        var histograms = Kind.allCases.map { _ in LatencyHistogram() }
        var refusedCount = 0
        /// Operations that took more than 100 ms.
        var over100Count = 0
        /// The longest operations: when, of what kind, how long, and when they ended on the monotonic clock.
        var longest: [(second: Double, kind: Kind, milliseconds: Double, endNanoseconds: UInt64)] =
            []
        private static let longestCountMax = 1000

        /// Adds one operation.
        mutating func record(
            _ kind: Kind, _ nanoseconds: UInt64, end: UInt64, second: @autoclosure () -> Double
        ) {
            histograms[kind.rawValue].record(nanoseconds)
            guard nanoseconds > 20_000_000 else { return }
            if nanoseconds > 100_000_000 { over100Count += 1 }
            longest.append((second(), kind, Double(nanoseconds) / 1e6, end))
            if longest.count >= Self.longestCountMax { keepLongest(Self.longestCountMax / 2) }
        }

        /// Adds another thread's.
        mutating func merge(_ other: Phase) {
            for index in histograms.indices { histograms[index].merge(other.histograms[index]) }
            refusedCount += other.refusedCount
            over100Count += other.over100Count
            longest += other.longest
            keepLongest(Self.longestCountMax)
        }

        private mutating func keepLongest(_ count: Int) {
            longest.sort { $0.milliseconds > $1.milliseconds }
            longest.removeLast(max(0, longest.count - count))
        }

        /// How many operations took more than 100 ms though the device answered meanwhile.
        func over100Count(beside waits: [DeviceProbe.Wait]) -> Int {
            let explained = longest.count {
                $0.milliseconds > 100
                    && waits.explain(
                        from: $0.endNanoseconds - UInt64($0.milliseconds * 1e6),
                        to: $0.endNanoseconds)
            }
            return over100Count - explained
        }

        /// All kinds together.
        var total: LatencyHistogram {
            var sum = LatencyHistogram()
            for histogram in histograms { sum.merge(histogram) }
            return sum
        }

        var json: JSONValue {
            var fields: [(String, JSONValue)] = [
                ("seconds", .number(seconds)),
                ("ops_per_second", .number(Double(total.count) / max(seconds, 0.001))),
                ("longest_ms", .number(Double(total.maxNanoseconds) / 1e6)),
                ("refused", .integer(Int64(refusedCount))),
                ("over_100_ms", .integer(Int64(over100Count))),
            ]
            for kind in Kind.allCases {
                let histogram = histograms[kind.rawValue]
                fields.append(
                    (
                        "\(kind)",
                        .object(
                            ("ops", .integer(Int64(histogram.count))),
                            ("p50_us", .number(histogram.percentileMicroseconds(0.5))),
                            ("p99_us", .number(histogram.percentileMicroseconds(0.99))),
                            ("p999_us", .number(histogram.percentileMicroseconds(0.999))),
                            ("max_us", .number(Double(histogram.maxNanoseconds) / 1000)))
                    ))
            }
            fields.append(
                (
                    "longest",
                    .array(
                        longest.prefix(8).map {
                            .string(
                                "\($0.kind) at \(Int($0.second)) s: \(Int($0.milliseconds)) ms")
                        })
                ))
            return .object(fields.map { JSONValue.Member($0.0, $0.1) })
        }
    }

    /// When the machine gave this process no processor for long.
    struct Pauses: Sendable {
        /// Shorter ones are not counted.
        static let millisecondsMin = 50.0
        var pacedCount = 0
        var pacedLongest = 0.0

        /// Adds one.
        mutating func note(_ milliseconds: Double, isPaced: Bool) {
            guard isPaced else { return }
            pacedCount += 1
            pacedLongest = max(pacedLongest, milliseconds)
        }
    }

    var peak = Phase()
    var paced = Phase()
    var modelBytes = 0
    /// How long it took until what the peak left was merged.
    var settleSeconds = 0.0
    var pauses = Pauses()
    /// How often a reader of its own file asked the device in the paced phase.
    var deviceReadCount = 0
    /// When the device kept a reader of its own file waiting in the paced phase.
    var deviceWaits: [DeviceProbe.Wait] = []
    var checkedRowCount = 0

    var json: JSONValue {
        .object(
            ("peak", peak.json), ("settle_seconds", .number(settleSeconds)),
            (
                "sustained_ops_per_second",
                .number(Double(peak.total.count) / max(peak.seconds + settleSeconds, 0.001))
            ),
            ("paced", paced.json),
            ("machine_pauses_over_50_ms", .integer(Int64(pauses.pacedCount))),
            ("longest_machine_pause_ms", .number(pauses.pacedLongest)),
            ("device_reads", .integer(Int64(deviceReadCount))),
            ("device_waits_over_50_ms", .integer(Int64(deviceWaits.count))),
            (
                "longest_device_wait_ms",
                .number(deviceWaits.map(\.milliseconds).max() ?? 0)
            ),
            (
                "over_100_ms_while_device_answered",
                .integer(Int64(paced.over100Count(beside: deviceWaits)))
            ),
            ("model_bytes", .integer(Int64(modelBytes))),
            ("rows_checked", .integer(Int64(checkedRowCount))))
    }
}
