import SiltModel

extension Pipeline {
    /// Where events come from.
    public struct Source: Sendable, Hashable {
        let members: [JSONValue.Member]

        /// A file, or with `*` and `?` in the last part of the path all files that match.
        ///
        /// - Parameters:
        ///   - path: the path or pattern.
        ///   - format: how events are written.
        ///   - tails: whether files are read on as they grow and are rotated, without end.
        public static func file(_ path: String, _ format: Format, tails: Bool = false) -> Source {
            let file = JSONValue.Member("file", .string(path))
            let tail: [JSONValue.Member] = tails ? [.init("tail", .bool(true))] : []
            return Source(members: [file] + format.members + tail)
        }

        /// The standard input.
        public static func standardInput(_ format: Format) -> Source {
            Source(members: [.init("stdin", .bool(true))] + format.members)
        }
    }

    /// How events are written.
    public struct Format: Sendable, Hashable {
        let members: [JSONValue.Member]

        private init(_ name: String, _ rest: [JSONValue.Member] = [], nulls: [String] = []) {
            var members = [JSONValue.Member("format", .string(name))] + rest
            if !nulls.isEmpty {
                members.append(.init("nulls", .array(nulls.map { .string($0) })))
            }
            self.members = members
        }

        /// A JSON object a line.
        public static let ndjson = Format("ndjson")

        /// Lines of InfluxDB's protocol.
        public static let lineProtocol = Format("line_protocol")

        /// Values between commas; the first row names the columns unless they are given.
        public static func csv(columns: [String]? = nil, nulls: [String] = []) -> Format {
            Format("csv", named(columns), nulls: nulls)
        }

        /// Values between tabs; the first row names the columns unless they are given.
        public static func tsv(columns: [String]? = nil, nulls: [String] = []) -> Format {
            Format("tsv", named(columns), nulls: nulls)
        }

        /// Lines that a regular expression matches whole; the fields are its named groups.
        public static func pattern(_ expression: String, nulls: [String] = []) -> Format {
            Format("regex", [.init("pattern", .string(expression))], nulls: nulls)
        }

        private static func named(_ columns: [String]?) -> [JSONValue.Member] {
            columns.map { [.init("columns", .array($0.map { .string($0) }))] } ?? []
        }
    }

    /// How event times are written.
    public struct TimeUnit: Sendable, Hashable {
        let text: String

        /// Seconds since 1970.
        public static let seconds = TimeUnit(text: "s")
        /// Milliseconds since 1970.
        public static let milliseconds = TimeUnit(text: "ms")
        /// Microseconds since 1970.
        public static let microseconds = TimeUnit(text: "us")
        /// Nanoseconds since 1970.
        public static let nanoseconds = TimeUnit(text: "ns")
        /// As in `2026-01-31T23:59:59.123+01:00`.
        public static let rfc3339 = TimeUnit(text: "rfc3339")

        /// As a pattern of `strptime` says.
        public static func pattern(_ pattern: String) -> TimeUnit { TimeUnit(text: pattern) }
    }

    /// The shape of a window.
    public struct Window: Sendable, Hashable {
        let members: [JSONValue.Member]

        private init(_ kind: String, _ value: JSONValue) { members = [.init(kind, value)] }

        /// Windows side by side.
        public static func tumbling(_ size: Duration) -> Window { Window("tumble", size.jobText) }

        /// Windows that overlap: one begins every so often.
        public static func hopping(_ size: Duration, every: Duration) -> Window {
            Window("hop", .object(("size", size.jobText), ("every", every.jobText)))
        }

        /// Windows of one beginning that end every step, up to a size.
        public static func cumulating(_ size: Duration, step: Duration) -> Window {
            Window("cumulate", .object(("size", size.jobText), ("step", step.jobText)))
        }

        /// Windows that end when a key was silent for so long.
        ///
        /// - Parameters:
        ///   - gap: the silence that ends one.
        ///   - maximum: how long one may become.
        public static func session(gap: Duration, maximum: Duration? = nil) -> Window {
            var members: [JSONValue.Member] = [.init("gap", gap.jobText)]
            if let maximum { members.append(.init("max", maximum.jobText)) }
            return Window("session", .object(members))
        }

        /// Days of a time zone, such as `Europe/Berlin`.
        public static func day(in timeZone: String = "UTC") -> Window {
            Window(
                "calendar",
                .object(("unit", .string("day")), ("timezone", .string(timeZone))))
        }

        /// Months of a time zone, such as `Europe/Berlin`.
        public static func month(in timeZone: String = "UTC") -> Window {
            Window(
                "calendar",
                .object(("unit", .string("month")), ("timezone", .string(timeZone))))
        }

        /// So many events of a key.
        public static func count(_ size: Int) -> Window {
            Window("count", .object(("size", .integer(Int64(clamping: size)))))
        }

        /// One window for all, which ends with the input.
        public static let global = Window("global", .bool(true))
    }

    /// What an aggregate computes.
    public struct Measure: Sendable, Hashable {
        let text: String

        /// A function as job files call it: `sum(bytes)`, `percentile(seconds, 0.99)`, `topk(url, 10)`.
        public init(_ call: String) { text = call }

        /// The number of events.
        public static let count = Measure("count()")

        /// The exact sum of an expression.
        public static func sum(_ expression: String) -> Measure { Measure("sum(\(expression))") }

        /// The mean of an expression.
        public static func average(_ expression: String) -> Measure {
            Measure("avg(\(expression))")
        }

        /// The least value of an expression.
        public static func minimum(_ expression: String) -> Measure {
            Measure("min(\(expression))")
        }

        /// The greatest value of an expression.
        public static func maximum(_ expression: String) -> Measure {
            Measure("max(\(expression))")
        }

        /// The value of the earliest event.
        public static func first(_ expression: String) -> Measure {
            Measure("first(\(expression))")
        }

        /// The value of the latest event.
        public static func last(_ expression: String) -> Measure { Measure("last(\(expression))") }

        /// The number of different values.
        public static func distinct(_ expression: String) -> Measure {
            Measure("distinct(\(expression))")
        }

        /// A quantile, from 0 to 1.
        public static func percentile(_ expression: String, _ quantile: Double) -> Measure {
            Measure("percentile(\(expression), \(quantile))")
        }
    }

    /// What becomes of events that come after their windows were closed.
    public struct LatePolicy: Sendable, Hashable {
        let value: JSONValue

        /// They are merged into the rows that are stored.
        public static let merge = LatePolicy(value: .string("merge"))
        /// They are only counted.
        public static let drop = LatePolicy(value: .string("drop"))

        /// They are kept in a table.
        public static func table(_ name: String) -> LatePolicy {
            LatePolicy(value: .object(("table", .string(name))))
        }
    }
}
