import SiltModel
import SiltstoneServer

extension RemoteAccess {
    func feed(of table: String) throws -> (retentionMilliseconds: Int64, last: ChangePosition) {
        let answer = try json(client.get(path(table) + "/feed"))
        guard let retention = answer["retention_ms"]?.integerValue,
            let last = answer["last"]?.stringValue.flatMap({ ChangePosition($0) })
        else { throw strange(answer.text) }
        return (retention, last)
    }

    func enableFeed(of table: String, retentionMilliseconds: Int64) throws {
        let body = JSONValue.object(("retention_ms", .integer(retentionMilliseconds)))
        _ = try client.send("PUT", path(table) + "/feed", body.bytes)
    }

    func disableFeed(of table: String) throws {
        _ = try client.send("DELETE", path(table) + "/feed")
    }

    func changes(
        of table: String, after position: ChangePosition, limit: Int, waitMilliseconds: Int
    ) throws -> (changes: [TableChange], next: ChangePosition) {
        var query = "/changes?limit=\(limit)&wait=\(waitMilliseconds)"
        if position > .start { query += "&after=\(position)" }
        let body = try client.get(path(table) + query)
        var changes: [TableChange] = []
        var next = position
        for line in body.split(separator: UInt8(ascii: "\n")) {
            let value = try json(Array(line))
            if let change = try ChangeJSON.decode(value) {
                changes.append(change)
            } else if let text = value["next"]?.stringValue, let known = ChangePosition(text) {
                next = known
            }
        }
        return (changes, next)
    }
}
