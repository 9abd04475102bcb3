import SiltModel

/// The description of `/v1` in OpenAPI 3.1, made from one table of operations.
enum OpenAPI {
    /// One method of a path.
    struct Operation: Sendable {
        let method: String
        let path: String
        let summary: String
        /// Parameters of the query, each with its JSON type.
        var query: [(name: String, type: String)] = []
        /// The body's media type and schema.
        var body: (type: String, schema: String)?
        /// Statuses of success with the answer's media type and schema; no type is no body.
        let success: (status: Int, type: String?, schema: String)
        /// Whether 200 means that what is asked for was there already.
        var alsoOK = false
        /// Statuses of refusals that the operation has of its own.
        var refusals: [Int] = []
    }

    private static let read = [
        ("columns", "string"), ("versions", "integer"), ("from", "integer"), ("to", "integer"),
    ]
    private static let write = [("durability", "string")]
    private static let json = "application/json"
    private static let lines = "application/x-ndjson"
    private static let bytes = "application/octet-stream"

    static let operations: [Operation] = [
        .init(
            method: "get", path: "/v1/openapi.json", summary: "This description.",
            success: (200, json, "Any")),
        .init(
            method: "get", path: "/v1/overview", summary: "The server, its tables and its jobs.",
            success: (200, json, "Overview")),
        .init(
            method: "get", path: "/v1/tables", summary: "The tables.",
            success: (200, json, "Tables")),
        .init(
            method: "get", path: "/v1/tables/{table}", summary: "A table's schema.",
            success: (200, json, "Table"), refusals: [404]),
        .init(
            method: "put", path: "/v1/tables/{table}", summary: "Creates a table.",
            body: (json, "NewTable"), success: (201, json, "Table"), refusals: [404, 409]),
        .init(
            method: "patch", path: "/v1/tables/{table}", summary: "Changes what is given.",
            body: (json, "TableChange"), success: (200, json, "Table"), refusals: [404]),
        .init(
            method: "delete", path: "/v1/tables/{table}", summary: "Drops a table.",
            success: (200, json, "Any"), refusals: [404, 409]),
        .init(
            method: "get", path: "/v1/tables/{table}/regions", summary: "The regions of a table.",
            success: (200, json, "Regions"), refusals: [404]),
        .init(
            method: "post", path: "/v1/tables/{table}/split",
            summary: "Cuts a region at a row, or about in its middle.", body: (json, "Split"),
            success: (200, json, "Any"), refusals: [404]),
        .init(
            method: "post", path: "/v1/tables/{table}/merge",
            summary: "Makes one region of two neighbours.", body: (json, "Merge"),
            success: (200, json, "Any"), refusals: [404]),
        .init(
            method: "post", path: "/v1/tables/{table}/flush", summary: "Writes memory to files.",
            success: (200, json, "Any"), refusals: [404]),
        .init(
            method: "post", path: "/v1/tables/{table}/compact", summary: "Merges files.",
            success: (200, json, "Any"), refusals: [404]),
        .init(
            method: "post", path: "/v1/tables/{table}/aggregate",
            summary: "Computes over rows where they lie.", body: (json, "Aggregation"),
            success: (200, json, "Groups"), refusals: [404]),
        .init(
            method: "get", path: "/v1/tables/{table}/indexes", summary: "The indexes of a table.",
            success: (200, json, "Indexes"), refusals: [404]),
        .init(
            method: "get", path: "/v1/tables/{table}/indexes/{column}",
            summary: "The index of a column.", success: (200, json, "Index"), refusals: [404]),
        .init(
            method: "put", path: "/v1/tables/{table}/indexes/{column}",
            summary: "Makes an index of a column.", body: (json, "NewIndex"),
            success: (201, json, "Index"), refusals: [404, 409]),
        .init(
            method: "delete", path: "/v1/tables/{table}/indexes/{column}",
            summary: "Drops the index of a column.", success: (200, json, "Any"),
            refusals: [404]),
        .init(
            method: "get", path: "/v1/tables/{table}/feed", summary: "The change feed of a table.",
            success: (200, json, "Any"), refusals: [404]),
        .init(
            method: "put", path: "/v1/tables/{table}/feed",
            summary: "Makes changes of a table be told, or changes for how long.",
            body: (json, "Any"), success: (200, json, "Any"), refusals: [404]),
        .init(
            method: "delete", path: "/v1/tables/{table}/feed",
            summary: "Ends the change feed of a table.", success: (200, json, "Any"),
            refusals: [404]),
        .init(
            method: "get", path: "/v1/tables/{table}/changes",
            summary: "Changes after a position, in the order of their commits.",
            query: [("after", "string"), ("limit", "integer"), ("wait", "integer")],
            success: (200, lines, "Text"), refusals: [404, 410]),
        .init(
            method: "get", path: "/v1/tables/{table}/rows", summary: "Scans rows.",
            query: read + [
                ("start", "string"), ("stop", "string"), ("prefix", "string"),
                ("limit", "integer"), ("reverse", "boolean"), ("filter", "string"),
                ("filter_b64", "string"), ("where", "string"),
            ], success: (200, lines, "Text"), refusals: [404]),
        .init(
            method: "post", path: "/v1/tables/{table}/rows",
            summary: "Writes and deletes rows, of bodies of any length while they arrive.",
            query: write + [("format", "string"), ("precision", "string"), ("family", "string")],
            body: (lines, "Text"), success: (200, lines, "Text"), refusals: [404]),
        .init(
            method: "get", path: "/v1/tables/{table}/rows/{row}", summary: "A row.", query: read,
            success: (200, json, "Columns"), refusals: [404]),
        .init(
            method: "put", path: "/v1/tables/{table}/rows/{row}", summary: "Writes a row.",
            query: write, body: (json, "Puts"), success: (204, nil, ""), refusals: [404]),
        .init(
            method: "delete", path: "/v1/tables/{table}/rows/{row}",
            summary: "Deletes a row, or columns of it.", query: write + [("columns", "string")],
            success: (204, nil, ""), refusals: [404]),
        .init(
            method: "post", path: "/v1/tables/{table}/rows/{row}/increment",
            summary: "Adds to counters.", query: write, body: (json, "Amounts"),
            success: (200, json, "Columns"), refusals: [404]),
        .init(
            method: "post", path: "/v1/tables/{table}/rows/{row}/append",
            summary: "Appends to values.", query: write, body: (json, "Suffixes"),
            success: (200, json, "Columns"), refusals: [404]),
        .init(
            method: "post", path: "/v1/tables/{table}/rows/{row}/check",
            summary: "Changes a row if a column has a value.", query: write, body: (json, "Check"),
            success: (200, json, "Applied"), refusals: [404]),
        .init(
            method: "get", path: "/v1/snapshots", summary: "The snapshots.",
            success: (200, json, "Snapshots")),
        .init(
            method: "get", path: "/v1/snapshots/{snapshot}", summary: "A snapshot.",
            success: (200, json, "Snapshot"), refusals: [404]),
        .init(
            method: "put", path: "/v1/snapshots/{snapshot}",
            summary: "Keeps a table as it is now.", body: (json, "TableName"),
            success: (201, json, "Snapshot"), refusals: [404, 409]),
        .init(
            method: "post", path: "/v1/snapshots/{snapshot}/clone",
            summary: "Makes a table that holds what a snapshot holds.",
            body: (json, "TableName"), success: (201, json, "Table"), refusals: [404, 409]),
        .init(
            method: "post", path: "/v1/snapshots/{snapshot}/restore",
            summary: "Puts a table back to what a snapshot of it holds.",
            success: (200, json, "Any"), refusals: [404, 409]),
        .init(
            method: "delete", path: "/v1/snapshots/{snapshot}", summary: "Deletes a snapshot.",
            success: (200, json, "Any"), refusals: [404, 409]),
        .init(
            method: "get", path: "/v1/backups",
            summary: "The backups in the directory that the server was given.",
            success: (200, json, "Backups"), refusals: [404]),
        .init(
            method: "post", path: "/v1/backups",
            summary: "Keeps what change feeds told since, for restores to a time.",
            success: (200, json, "Any"), refusals: [404, 409, 410]),
        .init(
            method: "put", path: "/v1/backups/{backup}",
            summary: "Keeps tables, or a snapshot, as a backup.", body: (json, "NewBackup"),
            success: (201, json, "Backup"), refusals: [404, 409]),
        .init(
            method: "post", path: "/v1/backups/restore",
            summary: "Makes a table of one in a backup, also as it was at a later time.",
            body: (json, "Restore"), success: (201, json, "Table"), refusals: [404, 409, 410]),
        .init(
            method: "delete", path: "/v1/backups/{backup}", summary: "Deletes a backup.",
            success: (200, json, "Any"), refusals: [404, 409]),
        .init(
            method: "get", path: "/v1/streams", summary: "The streams.",
            success: (200, json, "Any")),
        .init(
            method: "get", path: "/v1/streams/{stream}", summary: "A stream.",
            success: (200, json, "Any"), refusals: [404]),
        .init(
            method: "post", path: "/v1/streams/{stream}", summary: "Stores events.",
            body: (lines, "Text"), success: (200, json, "Any")),
        .init(method: "get", path: "/v1/jobs", summary: "The jobs.", success: (200, json, "Any")),
        .init(
            method: "get", path: "/v1/jobs/{job}", summary: "A job.", success: (200, json, "Any"),
            refusals: [404]),
        .init(
            method: "get", path: "/v1/jobs/{job}/windows",
            summary: "The latest windows that a job wrote, or with open=true those that are open.",
            query: [("limit", "integer"), ("open", "boolean"), ("prefix", "string")],
            success: (200, json, "Any"), refusals: [404]),
        .init(
            method: "post", path: "/v1/jobs/{job}/pause",
            summary: "Stops a job at a checkpoint until it is resumed.",
            success: (200, json, "Any"),
            refusals: [404, 409]),
        .init(
            method: "post", path: "/v1/jobs/{job}/resume",
            summary: "Lets a job go on that was paused or failed.", success: (200, json, "Any"),
            refusals: [404]),
        .init(
            method: "post", path: "/v1/jobs/{job}/drain",
            summary: "Ends a job and writes every open window.", success: (200, json, "Any"),
            refusals: [404]),
        .init(
            method: "post", path: "/v1/jobs/{job}/backfill",
            summary: "Computes the windows within a range of event time anew.",
            query: [("from", "string"), ("to", "string"), ("fresh", "boolean")],
            success: (200, json, "Any"), refusals: [404]),
        .init(
            method: "post", path: "/v1/jobs/{job}/replay-bad",
            summary: "Reads a job's bad records again.", query: [("all", "boolean")],
            success: (200, json, "Any"), refusals: [404, 409]),
        .init(
            method: "get", path: "/v1/jobs/{job}/report",
            summary: "The report of a job, HTML or CSV.", query: [("format", "report")],
            success: (200, "text/html text/csv", "Text"), refusals: [404]),
        .init(
            method: "put", path: "/v1/jobs/{job}", summary: "Keeps and runs a job.",
            query: [("replace", "boolean")], body: (json, "Job"), success: (201, json, "Any"),
            alsoOK: true, refusals: [404, 409]),
        .init(
            method: "delete", path: "/v1/jobs/{job}", summary: "Stops and forgets a job.",
            success: (200, json, "Any"), refusals: [404]),
        .init(
            method: "get", path: "/v1/alerts", summary: "The alerts that are pending or firing.",
            success: (200, json, "Alerts")),
        .init(
            method: "post", path: "/v1/jobs/{job}/partitions/{partition}/claim",
            summary: "Takes a partition of a job over Kafka over.", body: (bytes, "Binary"),
            success: (200, json, "Claim"), refusals: [404, 409, 412]),
        .init(
            method: "post", path: "/v1/jobs/{job}/partitions/{partition}/commit",
            summary: "Writes what came of a partition, with its checkpoint.",
            body: (bytes, "Binary"), success: (200, json, "Any"), refusals: [404, 409, 412]),
        .init(
            method: "get", path: "/v1/tokens", summary: "The tokens, without their secrets.",
            success: (200, json, "Any")),
        .init(
            method: "put", path: "/v1/tokens/{token}", summary: "Makes a token.",
            body: (json, "NewToken"), success: (201, json, "Any"), refusals: [409]),
        .init(
            method: "delete", path: "/v1/tokens/{token}", summary: "Makes a token useless.",
            success: (200, json, "Any"), refusals: [404, 409]),
    ]

    /// The whole description.
    static let document: JSONValue = {
        var paths: [JSONValue.Member] = []
        for operation in operations {
            let entry = JSONValue.Member(operation.method, describe(operation))
            if let index = paths.firstIndex(where: { $0.name == operation.path }) {
                paths[index].value = .object((paths[index].value.objectValue ?? []) + [entry])
            } else {
                paths.append(.init(operation.path, .object([entry])))
            }
        }
        return .object(
            ("openapi", "3.1.0"),
            (
                "info",
                .object(("title", "Siltstone"), ("version", .string(SiltstoneServer.version)))
            ),
            ("security", .array([.object([]), .object(("bearer", .array([])))])),
            ("paths", .object(paths)),
            (
                "components",
                .object(
                    ("schemas", schemas),
                    (
                        "securitySchemes",
                        .object(("bearer", .object(("type", "http"), ("scheme", "bearer"))))
                    ))
            ))
    }()

    private static func describe(_ operation: Operation) -> JSONValue {
        var parameters = operation.path.split(separator: "/").filter { $0.hasPrefix("{") }.map {
            parameter(String($0.dropFirst().dropLast()), "path", "string")
        }
        parameters += operation.query.map { parameter($0.name, "query", $0.type) }
        var members: [JSONValue.Member] = [
            .init("summary", .string(operation.summary)), .init("parameters", .array(parameters)),
        ]
        if let body = operation.body {
            members.append(
                .init(
                    "requestBody",
                    .object(("required", .bool(true)), ("content", content(body.type, body.schema)))
                ))
        }
        var responses: [JSONValue.Member] = []
        let success = operation.success
        var answer: [JSONValue.Member] = [.init("description", "Done.")]
        if let type = success.type {
            answer.append(.init("content", content(type, success.schema)))
        }
        responses.append(.init(String(success.status), .object(answer)))
        if operation.alsoOK { responses.append(.init("200", .object(answer))) }
        let refusals = Set(operation.refusals).union([400, 401, 403, 413, 429, 503, 507])
        for status in refusals.sorted() {
            responses.append(
                .init(
                    String(status),
                    .object(("description", "Refused."), ("content", content(json, "Error")))))
        }
        members.append(.init("responses", .object(responses)))
        return .object(members)
    }

    private static func parameter(_ name: String, _ place: String, _ type: String) -> JSONValue {
        .object(
            ("name", .string(name)), ("in", .string(place)), ("required", .bool(place == "path")),
            ("schema", words[type] ?? words[name] ?? .object(("type", .string(type)))))
    }

    /// Parameters that are one of a few words, by their names or types.
    private static let words: [String: JSONValue] = [
        "durability": oneOf(Durability.allCases.map(\.name)),
        "format": oneOf(["ndjson", "json", "csv", "line_protocol"]),
        "report": oneOf(["html", "csv"]),
        "precision": oneOf(["ns", "us", "ms", "s", "m", "h"]),
    ]

    /// A body of one of some types, with spaces between.
    private static func content(_ types: String, _ schema: String) -> JSONValue {
        let reference = JSONValue.object(("$ref", .string("#/components/schemas/\(schema)")))
        return .object(
            types.split(separator: " ").map {
                JSONValue.Member(String($0), .object(("schema", reference)))
            })
    }
}
