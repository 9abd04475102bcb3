import SiltIngest
public import SiltModel

/// What a job file says, said in Swift: a source of events, windows, aggregates, and the table that takes the rows.
///
/// A pipeline is plain data; nothing is checked before ``job()``. Expressions such as `bytes > 0` are those of job files.
public struct Pipeline: Sendable, Hashable {
    /// The name of the job.
    public let name: String
    private var source: [JSONValue.Member]
    private var time: [JSONValue.Member] = []
    private var filter: String?
    private var mappings: [JSONValue.Member] = []
    private var key: [String] = []
    private var windows: [JSONValue] = []
    private var aggregates: [JSONValue.Member] = []
    private var rest: [JSONValue.Member] = []
    private var functions: [OwnFunction] = []

    /// A pipeline that has a source only.
    ///
    /// - Parameters:
    ///   - name: the job's name, unique within a database: under it the job remembers how far it came.
    ///   - source: where events come from.
    public init(_ name: String, from source: Source) {
        self.name = name
        self.source = source.members
    }

    /// Says which field tells when an event was, and how long the job waits for events that come late.
    ///
    /// - Parameters:
    ///   - field: the field; `a.b` is a nested one.
    ///   - unit: how times are written.
    ///   - outOfOrder: how far events may be behind the latest one before they are late.
    ///   - allowedLateness: how long a window that was written takes more events.
    ///   - idle: after which silence a file that is tailed holds nobody back.
    public func eventTime(
        _ field: String, unit: TimeUnit = .milliseconds, outOfOrder: Duration = .zero,
        allowedLateness: Duration = .zero, idle: Duration? = nil
    ) -> Pipeline {
        changed {
            $0.time = [
                .init("field", .string(field)), .init("unit", .string(unit.text)),
                .init("out_of_order", outOfOrder.jobText),
                .init("allowed_lateness", allowedLateness.jobText),
            ]
            if let idle { $0.time.append(.init("idle", idle.jobText)) }
        }
    }

    /// Leaves out the events for which an expression is not true; a second one must be true as well.
    public func filter(_ expression: String) -> Pipeline {
        changed { $0.filter = $0.filter.map { "(\($0)) and (\(expression))" } ?? expression }
    }

    /// Gives events a field more, which is computed of the others.
    public func computing(_ field: String, _ expression: String) -> Pipeline {
        changed { $0.mappings.append(.init(field, .string(expression))) }
    }

    /// Says which fields make the key: each has rows of its own.
    public func keyed(by fields: String...) -> Pipeline { changed { $0.key += fields } }

    /// Adds windows; all windows are fed by one pass.
    public func window(_ name: String, _ shape: Window) -> Pipeline {
        changed {
            $0.windows.append(.object([.init("name", .string(name))] + shape.members))
        }
    }

    /// Adds an aggregate of every window.
    ///
    /// - Parameters:
    ///   - name: the qualifier of its cells.
    ///   - measure: what is computed.
    ///   - condition: an expression; only events for which it is true count.
    public func aggregate(_ name: String, _ measure: Measure, where condition: String? = nil)
        -> Pipeline
    {
        let text = measure.text + (condition.map { " where \($0)" } ?? "")
        return changed { $0.aggregates.append(.init(name, .string(text))) }
    }

    /// Adds an aggregate of one's own of every window.
    ///
    /// - Parameters:
    ///   - name: the qualifier of its cells.
    ///   - type: what is computed.
    ///   - expression: of which value of the events.
    ///   - condition: an expression; only events for which it is true count.
    public func aggregate<Own: OwnAggregate>(
        _ name: String, _ type: Own.Type, of expression: String, where condition: String? = nil
    ) -> Pipeline {
        let measure = Measure("\(Own.functionName)(\(expression))")
        return changed { $0.functions.append(OwnFunction(type)) }
            .aggregate(name, measure, where: condition)
    }

    /// Says what becomes of events that come after their windows were closed; without it they are merged.
    public func late(_ policy: LatePolicy) -> Pipeline {
        changed { $0.rest.append(.init("late", policy.value)) }
    }

    /// Keeps records that cannot be read in a table; without it they are only counted.
    public func badRecords(into table: String) -> Pipeline {
        changed { $0.rest.append(.init("bad_records", .object(("table", .string(table))))) }
    }

    /// Says which table takes the rows; it is made when missing.
    ///
    /// - Parameters:
    ///   - table: the table.
    ///   - row: the template of the row keys.
    ///   - family: the family, or the template of its name.
    public func write(
        to table: String, row: String = "{key}#{window.start}", family: String = "{window.name}"
    ) -> Pipeline {
        changed {
            $0.rest.append(
                .init(
                    "into",
                    .object(
                        ("table", .string(table)), ("row", .string(row)),
                        ("family", .string(family)))))
        }
    }

    private func changed(_ body: (inout Pipeline) -> Void) -> Pipeline {
        var pipeline = self
        body(&pipeline)
        return pipeline
    }

    /// The pipeline as a job file in JSON, which servers and `silt job` take when it has no aggregates of one's own.
    public var json: String {
        var members: [JSONValue.Member] = [
            .init("job", .string(name)), .init("source", .object(source)),
            .init("time", .object(time)),
        ]
        if let filter { members.append(.init("where", .string(filter))) }
        if !mappings.isEmpty { members.append(.init("map", .object(mappings))) }
        if !key.isEmpty { members.append(.init("key", .array(key.map { .string($0) }))) }
        members.append(.init("windows", .array(windows)))
        members.append(.init("aggregates", .object(aggregates)))
        return JSONValue.object(members + rest).text
    }

    /// The pipeline as a job.
    ///
    /// - Throws: `invalidArgument` with everything that is wrong with it.
    public func job() throws(SiltstoneError) -> Job {
        do throws(JobDiagnostics) {
            let document = try DocumentNode(json: Array(json.utf8))
            return Job(try JobDefinition(document, functions: functions))
        } catch {
            // Places in a text that nobody wrote say nothing.
            throw SiltstoneError(
                .invalidArgument,
                "pipeline is wrong: \(error.list.map(\.message).joined(separator: "; ")) pipeline=\(name)"
            )
        }
    }
}

extension Database {
    /// Runs a pipeline as a job: see ``run(_:input:startsAfresh:)``.
    public func run(_ pipeline: Pipeline, input path: String? = nil, startsAfresh: Bool = false)
        async throws(SiltstoneError) -> JobResult
    {
        try await run(try pipeline.job(), input: path, startsAfresh: startsAfresh)
    }
}

extension Duration {
    /// As job files write it, in whole milliseconds; of less than one, the next one.
    var jobText: JSONValue {
        let (seconds, rest) = components
        let more = (rest + 999_999_999_999_999) / 1_000_000_000_000_000
        return .string("\(Int64(clamping: Int128(seconds) * 1000 + Int128(more)))ms")
    }
}
