import SiltBytes
package import SiltModel

/// Changes of tables as `/v1` and `silt table changes` write them, one a line.
///
/// `{"position", "time", "row", "changes": [{"type", "column", "ts", "ttl", "value"}, …]}`, or
/// `{"position", "time", "restored": "snapshot"}`.
package enum ChangeJSON {
    /// A change.
    package static func encode(_ change: TableChange) -> JSONValue {
        var members: [JSONValue.Member] = [
            .init("position", .string(change.position.description)),
            .init("time", .integer(change.timestamp)),
        ]
        switch change.kind {
        case .row(let mutation):
            members.append(.init("row", RowJSON.encode(mutation.row)))
            members.append(.init("changes", .array(mutation.changes.map { encode($0) })))
        case .restored(let snapshot): members.append(.init("restored", .string(snapshot)))
        }
        return .object(members)
    }

    /// What a change of a cell does, in a word.
    package static func type(_ change: CellMutation) -> String {
        switch change.action {
        case .put: "put"
        case .deleteVersion: "delete_version"
        case .deleteColumn: "delete_column"
        case .deleteFamily: "delete_family"
        case .deleteFamilyVersion: "delete_family_version"
        }
    }

    private static func encode(_ change: CellMutation) -> JSONValue {
        let column = change.column
        let name = Bytes(Array((column.family + ":").utf8) + column.qualifier.array)
        var members: [JSONValue.Member] = [
            .init("type", .string(type(change))), .init("column", RowJSON.encode(name)),
            .init("ts", change.timestamp.map { .integer($0) } ?? .null),
        ]
        if case .put(let value, let life) = change.action {
            if let life { members.append(.init("ttl", .integer(life))) }
            members.append(.init("value", RowJSON.encode(value)))
        }
        return .object(members)
    }

    /// Reads a line with a change; `nil` when it is the last line, which says where to go on.
    package static func decode(_ line: JSONValue) throws(SiltstoneError) -> TableChange? {
        if line["next"] != nil { return nil }
        guard let position = line["position"]?.stringValue.flatMap({ ChangePosition($0) }),
            let time = line["time"]?.integerValue
        else { throw strange(line) }
        if let snapshot = line["restored"]?.stringValue {
            return TableChange(
                position: position, timestamp: time, kind: .restored(snapshot: snapshot))
        }
        guard let row = line["row"], let changes = line["changes"]?.arrayValue else {
            throw strange(line)
        }
        var cells: [CellMutation] = []
        for change in changes { cells.append(try decodeCell(change)) }
        return TableChange(
            position: position, timestamp: time,
            kind: .row(RowMutation(row: try RowJSON.decode(row), changes: cells)))
    }

    private static func decodeCell(_ change: JSONValue) throws(SiltstoneError) -> CellMutation {
        guard let name = change["column"] else { throw strange(change) }
        let column = Column(parsing: try RowJSON.decode(name).array[...])
        let action: CellMutation.Action
        switch change["type"]?.stringValue {
        case "put":
            guard let value = change["value"] else { throw strange(change) }
            action = .put(
                value: try RowJSON.decode(value),
                timeToLiveMilliseconds: change["ttl"]?.integerValue)
        case "delete_version": action = .deleteVersion
        case "delete_column": action = .deleteColumn
        case "delete_family": action = .deleteFamily
        case "delete_family_version": action = .deleteFamilyVersion
        default: throw strange(change)
        }
        return CellMutation(column, action, timestamp: change["ts"]?.integerValue)
    }

    private static func strange(_ value: JSONValue) -> SiltstoneError {
        SiltstoneError(.invalidArgument, "this is no change of a table: \(value.text)")
    }
}
