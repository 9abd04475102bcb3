import SiltModel

/// What one workload came to.
struct BenchResult: Sendable {
    var workload: Workload
    var operationCount = 0
    var seconds = 0.0
    var histogram = LatencyHistogram()
    var cpuSeconds = 0.0
    var peakBytes = 0
    var readBytes = 0
    var writtenBytes = 0
    var spaceBytes = 0
    /// The table files that the manifests name.
    var tableBytes = 0
    /// The bytes of the keys and values put.
    var userBytes = 0
    /// Rows found by reads.
    var foundCount = 0
    /// Puts by a thread that is not measured.
    var backgroundCount = 0
    var stallSeconds = 0.0
    /// The phases of a mixed load.
    var mixed: MixedResult?

    var operationsPerSecond: Double { seconds > 0 ? Double(operationCount) / seconds : 0 }

    /// One line of JSON; the first keys are a contract with scripts.
    func line(_ settings: BenchSettings) -> String {
        var fields: [(String, JSONValue)] = [
            ("workload", .string(workload.rawValue)), ("ops", .integer(Int64(operationCount))),
            ("seconds", rounded(seconds)), ("ops_per_second", rounded(operationsPerSecond)),
            ("p50_us", rounded(histogram.percentileMicroseconds(0.5))),
            ("p99_us", rounded(histogram.percentileMicroseconds(0.99))),
            ("p999_us", rounded(histogram.percentileMicroseconds(0.999))),
            ("max_us", rounded(Double(histogram.maxNanoseconds) / 1000)),
            ("cpu_seconds", rounded(cpuSeconds)), ("peak_bytes", .integer(Int64(peakBytes))),
            ("read_bytes", .integer(Int64(readBytes))),
            ("written_bytes", .integer(Int64(writtenBytes))),
            ("space_bytes", .integer(Int64(spaceBytes))),
            ("table_bytes", .integer(Int64(tableBytes))),
            (
                "write_amplification",
                rounded(userBytes > 0 ? Double(writtenBytes) / Double(userBytes) : 0)
            ),
            ("found", .integer(Int64(foundCount))),
            ("background_ops", .integer(Int64(backgroundCount))),
            ("stall_seconds", rounded(stallSeconds)),
            ("threads", .integer(Int64(settings.threadCount))),
            ("durability", .string(settings.durability(of: workload).name)),
            ("interface", .string(settings.interface.rawValue)),
            ("checked", .bool(settings.checks)),
            ("seed", .integer(Int64(clamping: settings.keys.seed))),
        ]
        if let mixed { fields.append(("mixed", mixed.json)) }
        return JSONValue.object(fields.map { JSONValue.Member($0.0, $0.1) }).text
    }

    private func rounded(_ value: Double) -> JSONValue {
        .number((value * 1_000_000).rounded() / 1_000_000)
    }
}
