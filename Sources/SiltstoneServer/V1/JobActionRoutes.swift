import NIOHTTP1
import SiltBytes
import SiltIngest
import SiltModel
import SiltTable

/// `/v1/jobs/{j}/pause`, `…/resume`, `…/drain`, `…/replay-bad`, `…/backfill`.
struct JobActionRoutes {
    let jobs: Jobs
    let request: Request

    /// `nil` when there is no such action.
    func reply(_ name: String, _ action: String) throws(SiltstoneError) -> Reply? {
        guard ["pause", "resume", "drain", "replay-bad", "backfill"].contains(action) else {
            return nil
        }
        guard request.method == .POST else { return V1Routes.methodNotAllowed("POST") }
        let jobs = jobs
        let includesMarked = request.parameter("all") == "true"
        let isFresh = request.parameter("fresh") == "true"
        var range: (from: Int64, to: Int64) = (0, 0)
        if action == "backfill" { range = (try time("from"), try time("to")) }
        return .work { [range] () throws(SiltstoneError) in
            let job: RunningJob
            switch action {
            case "pause": job = try jobs.pause(name)
            case "resume": job = try jobs.resume(name)
            case "drain": job = try jobs.drain(name)
            case "backfill":
                job = try jobs.backfill(name, from: range.from, to: range.to, isFresh: isFresh)
            default:
                let outcome = try jobs.replayBad(name, includesMarked: includesMarked)
                var members: [JSONValue.Member] = [
                    .init("replayed", .integer(Int64(outcome.replayed))),
                    .init("bad", .integer(Int64(outcome.stillBad))),
                    .init("cut", .integer(Int64(outcome.cut))),
                ]
                if let reason = outcome.firstReason {
                    members.append(.init("reason", .string(reason)))
                }
                return .json(.ok, .object(members))
            }
            return .json(.ok, JobRoutes.describe(job, withDocument: false))
        }
    }

    private func time(_ name: String) throws(SiltstoneError) -> Int64 {
        guard let time = request.parameter(name).flatMap({ JobDefinition.time($0) }) else {
            throw SiltstoneError(
                .invalidArgument, "\(name) is a time in milliseconds or as RFC 3339 says")
        }
        return time
    }
}
