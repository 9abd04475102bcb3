import NIOHTTP1
import SiltIngest
import SiltModel
import SiltTable

/// `/v1/alerts`: what is pending or firing, and how telling others of it goes.
struct AlertRoutes {
    let router: Router
    let request: Request

    func reply() -> Reply {
        guard request.isRead else { return V1Routes.methodNotAllowed("GET") }
        let router = router
        return .work { () throws(SiltstoneError) in
            var members: [JSONValue.Member] = [
                .init("alerts", .array(try AlertTables(in: router.store).active()))
            ]
            members += Self.delivery(router)
            return .json(.ok, .object(members))
        }
    }

    private static func delivery(_ router: Router) -> [JSONValue.Member] {
        let (status, error) = router.alerts.status
        var members: [JSONValue.Member] = [
            .init("waiting", .integer(Int64(status.waiting))),
            .init("delivered", .integer(Int64(status.delivered))),
            .init("given_up", .integer(Int64(status.givenUp))),
        ]
        if let error = error ?? status.lastError {
            members.append(.init("last_error", .string(error.description)))
        }
        return members
    }
}
