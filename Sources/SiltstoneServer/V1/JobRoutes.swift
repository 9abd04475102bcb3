import NIOHTTP1
import SiltBytes
import SiltIngest
import SiltModel
import Synchronization

/// `/v1/jobs` and `/v1/jobs/{j}`.
struct JobRoutes {
    let jobs: Jobs
    let request: Request

    func list() -> Reply {
        guard request.method == .GET || request.method == .HEAD else {
            return V1Routes.methodNotAllowed("GET")
        }
        let list = jobs.all.map { Self.describe($0, withDocument: false) }
        return .now(.json(.ok, .object(("jobs", .array(list)))))
    }

    func reply(_ name: String) throws(SiltstoneError) -> Reply {
        let (jobs, document) = (jobs, request.body)
        let replaces = request.parameter("replace") == "true"
        switch request.method {
        case .GET, .HEAD:
            guard let job = jobs.job(name) else {
                throw SiltstoneError(.notFound, "no such job job=\(name)")
            }
            return .now(.json(.ok, Self.describe(job, withDocument: true)))
        case .PUT:
            return .work { () throws(SiltstoneError) in
                let definition: JobDefinition
                do throws(JobDiagnostics) {
                    definition = try JobRecord.definition(document)
                } catch {
                    return Self.refusal(error)
                }
                guard definition.name == name else {
                    throw SiltstoneError(
                        .invalidArgument,
                        "the file's job has another name path=\(name) job=\(definition.name)")
                }
                let (job, isNew) = try jobs.put(
                    definition, document: document, replaces: replaces)
                return .json(isNew ? .created : .ok, Self.describe(job, withDocument: true))
            }
        case .DELETE:
            return .work { () throws(SiltstoneError) in
                try jobs.remove(name)
                return .json(.ok, .object(("removed", .string(name))))
            }
        default: return V1Routes.methodNotAllowed("GET, PUT, DELETE")
        }
    }

    /// All that is wrong with a job file, with line and column.
    private static func refusal(_ diagnostics: JobDiagnostics) -> Response {
        let list = diagnostics.list.map { finding in
            JSONValue.object(
                ("line", .integer(Int64(finding.mark.line))),
                ("column", .integer(Int64(finding.mark.column))),
                ("message", .string(finding.message)))
        }
        return .json(
            .badRequest,
            .object(
                (
                    "error",
                    .object(
                        ("code", "invalidArgument"), ("message", "job file is wrong"),
                        ("detail", .array(list)))
                )))
    }

    static func describe(_ job: RunningJob, withDocument: Bool) -> JSONValue {
        let status = job.currentStatus
        var members: [JSONValue.Member] = [
            .init("job", .string(job.record.name)), .init("state", .string(status.state.rawValue)),
            .init("table", .string(job.definition.table)),
        ]
        if let summary = status.summary?.json.objectValue {
            members.append(
                .init(
                    "counters",
                    .object(summary.filter { $0.name != "watermark" && $0.name != "outcome" })))
            members.append(.init("watermark", status.summary?.json["watermark"] ?? .null))
        }
        let report = job.reportStatus.withLock { $0 }
        if report.triedMilliseconds != nil {
            members.append(
                .init(
                    "report",
                    .object(
                        ("written_ms", report.writtenMilliseconds.map { .integer($0) } ?? .null),
                        ("error", report.error.map { .string($0) } ?? .null))))
        }
        if let error = status.error { members.append(.init("error", .string(error.description))) }
        if !job.definition.warnings.isEmpty {
            members.append(
                .init("warnings", .array(job.definition.warnings.map { .string($0) })))
        }
        if withDocument {
            members.append(.init("definition", RowJSON.encode(Bytes(job.record.document))))
        }
        return .object(members)
    }
}
