import NIOHTTP1
import SiltIngest
import SiltModel
import SiltTable

/// `/v1/jobs/{j}/report`: the report of a job as it is now, HTML or (`?format=csv`) CSV.
struct ReportRoutes {
    let store: TableStore
    let request: Request
    let job: RunningJob

    func reply() throws(SiltstoneError) -> Reply {
        guard request.isRead else { return V1Routes.methodNotAllowed("GET") }
        let format = request.parameter("format") ?? "html"
        guard format == "html" || format == "csv" else {
            throw SiltstoneError(.invalidArgument, "format is html or csv")
        }
        let (store, definition) = (store, job.definition)
        return .work { () throws(SiltstoneError) in
            let report = try Report(definition, in: store)
            return format == "csv"
                ? Response(
                    .ok, headers: [("Content-Type", "text/csv; charset=utf-8")],
                    body: Array(report.csv.utf8))
                : Response(
                    .ok,
                    headers: [
                        ("Content-Type", "text/html; charset=utf-8"),
                        (
                            "Content-Security-Policy",
                            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
                        ),
                    ], body: Array(report.html.utf8))
        }
    }
}
