package import SiltModel
package import SiltTable

/// Backups in JSON: `{"backup", "made_ms", "files", "file_bytes", "copied_bytes", "tables": [{"table", "as_of_ms",
/// "restorable_until_ms"}]}`.
package enum BackupJSON {
    static func encode(_ info: BackupInfo) -> JSONValue {
        let members: [JSONValue.Member] = [
            .init("backup", .string(info.name)), .init("made_ms", .integer(info.milliseconds)),
            .init("files", .integer(Int64(info.fileCount))),
            .init("file_bytes", .integer(Int64(info.fileBytes))),
            .init("copied_bytes", .integer(Int64(info.copiedBytes))),
            .init("tables", .array(info.tables.map(encode))),
        ]
        return .object(members)
    }

    private static func encode(_ table: BackupInfo.Table) -> JSONValue {
        .object(
            ("table", .string(table.name)), ("as_of_ms", .integer(table.milliseconds)),
            ("restorable_until_ms", table.untilMilliseconds.map { .integer($0) } ?? .null))
    }

    /// The same read by a client; `nil` when it is something else.
    package static func decode(_ value: JSONValue) -> BackupInfo? {
        guard let name = value["backup"]?.stringValue, let made = value["made_ms"]?.integerValue,
            let files = value["files"]?.integerValue, let bytes = value["file_bytes"]?.integerValue,
            let copied = value["copied_bytes"]?.integerValue,
            let listed = value["tables"]?.arrayValue
        else { return nil }
        var tables: [BackupInfo.Table] = []
        for table in listed {
            guard let name = table["table"]?.stringValue,
                let milliseconds = table["as_of_ms"]?.integerValue
            else { return nil }
            tables.append(
                .init(
                    name: name, milliseconds: milliseconds,
                    untilMilliseconds: table["restorable_until_ms"]?.integerValue))
        }
        return BackupInfo(
            name: name, milliseconds: made, tables: tables, fileCount: Int(clamping: files),
            fileBytes: Int(clamping: bytes), copiedBytes: Int(clamping: copied))
    }
}
