import NIOCore
import NIOHTTP1
import SiltLSM
import SiltModel
import SiltTable
import Synchronization

/// Counts of requests, and the text that Prometheus scrapes.
final class ServerMetrics: Sendable {
    /// A request in progress.
    struct Started: Sendable {
        let at: NIODeadline
    }

    private struct Key: Hashable {
        let method: Int
        let api: Int
        let status: UInt
    }

    /// Anything unusual counts as one, so that clients cannot grow the set of series.
    private static let methods = [
        "GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "OTHER",
    ]
    private static let apis = ["v1", "operations", "influx", "hbase"]

    private struct Series {
        var buckets = [Int](repeating: 0, count: ServerMetrics.boundsSeconds.count)
        var count = 0
        var seconds = 0.0

        mutating func add(_ seconds: Double) {
            count += 1
            self.seconds += seconds
            for index in buckets.indices where seconds <= ServerMetrics.boundsSeconds[index] {
                buckets[index] += 1
            }
        }
    }

    private struct State {
        var inFlight = 0
        var series: [Key: Series] = [:]
        /// Requests refused before they were read whole, by status.
        var refusals: [UInt: Int] = [:]
        var tlsFailures = 0
    }

    /// Upper bounds of the latency histogram, in seconds.
    static let boundsSeconds = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5]

    private let state = Mutex(State())

    /// Requests answered so far.
    var requestCount: Int {
        state.withLock { $0.series.values.reduce(0) { $0 + $1.count } }
    }

    func begin() -> Started {
        state.withLock { $0.inFlight += 1 }
        return Started(at: .now())
    }

    /// Forgets a request in progress whose client went away or was refused.
    func abandon() { state.withLock { $0.inFlight -= 1 } }

    func end(_ started: Started, request: Request, status: HTTPResponseStatus) {
        let seconds = Double((NIODeadline.now() - started.at).nanoseconds) / 1e9
        let api =
            switch request.segments.first {
            case "v1": 0
            case "metrics", "healthz", "readyz", "ui": 1
            case "write", "api", "query", "ping": 2
            default: 3
            }
        let key = Key(method: Self.index(of: request.method), api: api, status: status.code)
        state.withLock { state in
            state.inFlight -= 1
            // In place: the buckets are not copied.
            state.series[key, default: Series()].add(seconds)
        }
    }

    /// Counts a request that was refused before it was read whole.
    func refused(_ status: HTTPResponseStatus) {
        state.withLock { $0.refusals[status.code, default: 0] += 1 }
    }

    /// Counts a connection that failed before, or under, its encryption.
    func failedTLS() { state.withLock { $0.tlsFailures += 1 } }

    private static func index(of method: HTTPMethod) -> Int {
        switch method {
        case .GET: 0
        case .HEAD: 1
        case .PUT: 2
        case .POST: 3
        case .DELETE: 4
        case .PATCH: 5
        case .OPTIONS: 6
        default: 7
        }
    }

    /// The metrics in Prometheus text exposition format 0.0.4.
    func exposition(store: TableStore, jobs: Jobs) -> String {
        var text = MetricsText()
        let (inFlight, series, refusals, tlsFailures) = state.withLock {
            ($0.inFlight, $0.series, $0.refusals, $0.tlsFailures)
        }
        text.family("siltstone_http_requests_in_flight", "gauge", "Requests being answered.")
        text.sample("siltstone_http_requests_in_flight", [], Double(inFlight))
        let ordered = series.sorted {
            ($0.key.api, $0.key.method, $0.key.status) < ($1.key.api, $1.key.method, $1.key.status)
        }
        let name = "siltstone_http_request_duration_seconds"
        text.family(name, "histogram", "Time from a whole request to the head of its answer.")
        for (key, series) in ordered {
            let labels = [
                ("api", Self.apis[key.api]), ("method", Self.methods[key.method]),
                ("status", String(key.status)),
            ]
            for (index, bound) in Self.boundsSeconds.enumerated() {
                text.sample(
                    name + "_bucket", labels + [("le", "\(bound)")], Double(series.buckets[index]))
            }
            text.sample(name + "_bucket", labels + [("le", "+Inf")], Double(series.count))
            text.sample(name + "_sum", labels, series.seconds)
            text.sample(name + "_count", labels, Double(series.count))
        }
        let refused = "siltstone_http_requests_refused_total"
        text.family(refused, "counter", "Requests refused before they were read whole.")
        for (status, count) in refusals.sorted(by: { $0.key < $1.key }) {
            text.sample(refused, [("status", String(status))], Double(count))
        }
        let failures = "siltstone_tls_failures_total"
        text.family(failures, "counter", "Connections whose TLS failed.")
        text.sample(failures, [], Double(tlsFailures))
        appendEngine(store.engine.metrics, to: &text)
        appendLatencies(store.engine.latencies, to: &text)
        appendJobs(jobs.all, to: &text)
        appendTables(store, to: &text)
        return text.text
    }

    private func appendTables(_ store: TableStore, to text: inout MetricsText) {
        let tables = store.tables().map { (name: $0.definition.name, regions: $0.regions()) }
        let columns: [(String, String, (RegionInfo) -> Int)] = [
            ("siltstone_table_file_bytes", "Bytes of the table's files.", { $0.fileBytes }),
            (
                "siltstone_table_memtable_bytes", "Bytes of the table's memtables.",
                { $0.memtableBytes }
            ),
            ("siltstone_table_files", "Files of the table.", { $0.fileCount }),
            (
                "siltstone_table_cells", "Cells and markers stored, overwritten ones included.",
                { $0.cellCount }
            ),
        ]
        for (name, help, value) in columns {
            text.family(name, "gauge", help)
            for table in tables {
                let sum = table.regions.reduce(0) { $0 + value($1) }
                text.sample(name, [("table", table.name)], Double(sum))
            }
        }
        text.family("siltstone_table_regions", "gauge", "Regions of the table.")
        for table in tables {
            text.sample(
                "siltstone_table_regions", [("table", table.name)], Double(table.regions.count))
        }
    }
}

/// Builds exposition text.
struct MetricsText {
    private(set) var text = ""

    /// Begins a metric family, once a name and before its samples.
    mutating func family(_ name: String, _ type: String, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    mutating func sample(_ name: String, _ labels: [(String, String)], _ value: Double) {
        text += name
        if !labels.isEmpty {
            let pairs = labels.map { "\($0.0)=\"\(Self.escape($0.1))\"" }
            text += "{" + pairs.joined(separator: ",") + "}"
        }
        let whole = Int64(exactly: value)
        text += " " + (whole.map { String($0) } ?? String(value)) + "\n"
    }

    private static func escape(_ value: String) -> String {
        var result = ""
        for character in value {
            switch character {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.append(character)
            }
        }
        return result
    }
}
