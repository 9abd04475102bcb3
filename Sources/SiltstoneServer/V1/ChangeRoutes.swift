import NIOHTTP1
import SiltBytes
import SiltModel
import SiltTable

/// `/v1/tables/{t}/changes` and `/v1/tables/{t}/feed`.
struct ChangeRoutes {
    private static let limitDefault = 1_000
    private static let limitMax = 100_000
    private static let waitMillisecondsMax = 60_000

    let router: Router
    let request: Request
    let table: StoredTable

    /// Changes as NDJSON; with `wait`, so many milliseconds at most until there are some.
    func changes() throws(SiltstoneError) -> Reply {
        guard request.isRead else { return V1Routes.methodNotAllowed("GET") }
        var position = ChangePosition.start
        if let text = request.parameter("after") {
            if text == "now" {
                position = try table.lastChange()
            } else if let known = ChangePosition(text) {
                position = known
            } else {
                throw SiltstoneError(
                    .invalidArgument, "after is neither a position nor now value=\(text)")
            }
        }
        let limit = try number("limit", Self.limitDefault, 1...Self.limitMax)
        let wait = try number("wait", 0, 0...Self.waitMillisecondsMax)
        let (table, request) = (table, request)
        let read: @Sendable () throws(SiltstoneError) -> (Response, isEmpty: Bool) = {
            [position] () throws(SiltstoneError) in
            let batch = try table.changes(after: position, limit: limit)
            return (Self.answer(batch), batch.changes.isEmpty)
        }
        if wait == 0 { return .work { () throws(SiltstoneError) in try read().0 } }
        let waits = router.changes
        return .later { answer in
            waits.answer(request, table, read, waitMilliseconds: wait, answer.send)
        }
    }

    /// Shows, makes, changes or ends the feed.
    func feed() throws(SiltstoneError) -> Reply {
        let (store, name, table) = (router.store, table.definition.name, table)
        switch request.method {
        case .GET, .HEAD:
            return .work { () throws(SiltstoneError) in try Self.describe(table) }
        case .PUT:
            guard let retention = try RowJSON.body(request)["retention_ms"]?.integerValue else {
                throw SiltstoneError(
                    .invalidArgument, "the body says for how long: {\"retention_ms\": N}")
            }
            return .work { () throws(SiltstoneError) in
                try store.enableFeed(name, retentionMilliseconds: retention)
                return try Self.describe(table)
            }
        case .DELETE:
            return .work { () throws(SiltstoneError) in
                try store.disableFeed(name)
                return .json(.ok, .object(("dropped", .string("feed"))))
            }
        default: return V1Routes.methodNotAllowed("GET, PUT, DELETE")
        }
    }

    private static func describe(_ table: StoredTable) throws(SiltstoneError) -> Response {
        let last = try table.lastChange()
        let retention = try table.feedRetentionMilliseconds
        return .json(
            .ok,
            .object(
                ("retention_ms", retention.map { .integer($0) } ?? .null),
                ("last", .string(last.description))))
    }

    private static func answer(_ batch: ChangeBatch) -> Response {
        var body: [UInt8] = []
        for change in batch.changes {
            body += ChangeJSON.encode(change).bytes
            body.append(UInt8(ascii: "\n"))
        }
        body += JSONValue.object(("next", .string(batch.next.description))).bytes
        body.append(UInt8(ascii: "\n"))
        return Response(
            .ok, headers: [("Content-Type", "application/x-ndjson")], body: body)
    }

    private func number(_ name: String, _ normal: Int, _ range: ClosedRange<Int>)
        throws(SiltstoneError) -> Int
    {
        guard let text = request.parameter(name) else { return normal }
        guard let number = Int(text), range.contains(number) else {
            throw SiltstoneError(
                .invalidArgument,
                "\(name) is a number from \(range.lowerBound) to \(range.upperBound) value=\(text)")
        }
        return number
    }
}
