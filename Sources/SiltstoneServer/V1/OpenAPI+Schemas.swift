import SiltModel

/// What bodies look like.
extension OpenAPI {
    static let schemas: JSONValue = [
        "Any": ["type": "object"], "Text": ["type": "string"],
        "Binary": ["type": "string", "format": "binary"],
        // Answers.
        "Columns": ["type": "object"],
        "Table": object(["name", "families", "durability", "read_only"]),
        "Tables": object(["tables"]), "Regions": object(["regions"]),
        "Groups": object(["groups"]),
        "Overview": object(["version", "time_ms", "requests", "tables"]),
        "Index": object(["column", "order"]), "Indexes": object(["indexes"]),
        "Snapshot": object(["snapshot", "table", "made_ms", "file_bytes"]),
        "Backup": object(["backup", "made_ms", "file_bytes", "copied_bytes", "tables"]),
        "Backups": object(["backups"]),
        "Snapshots": object(["snapshots"]), "Claim": object(["epoch", "checkpoint"]),
        "Applied": object(["applied"]),
        "Alerts": object(["alerts", "waiting", "delivered", "given_up"]),
        "Error": [
            "type": "object", "required": ["error"],
            "properties": ["error": object(["code", "message"])],
        ],
        // Parts of requests.
        "Bytes": [
            "description": "Text, or bytes in base 64.",
            "oneOf": [
                ["type": "string"],
                closed(["base64": ["type": "string", "contentEncoding": "base64"]], ["base64"]),
            ],
        ],
        "Value": [
            "oneOf": [
                ["type": "string"], ["type": "number"], ["type": "boolean"],
                closed([
                    "text": ["type": "string"],
                    "base64": ["type": "string", "contentEncoding": "base64"],
                    "ts": milliseconds, "ttl": ["type": "integer", "minimum": 1],
                ]),
            ]
        ],
        "Family": [
            "type": "object", "additionalProperties": false,
            "properties": [
                "versions": ["type": "integer", "minimum": 1, "maximum": 2_147_483_647],
                "min_versions": ["type": "integer", "minimum": 0, "maximum": 2_147_483_647],
                "ttl_ms": ["type": ["integer", "null"], "minimum": 1],
                "gc": ["type": ["string", "null"]],
                "compression": [
                    "type": "string", "pattern": "^(none|lz4|zstd(:([1-9]|1[0-9]))?)$",
                ],
                "block_bytes": ["type": "integer", "minimum": 1024, "maximum": 16_777_216],
                "bloom": oneOf(["none", "row", "row_column"]),
                "keep_deleted": oneOf(["false", "true", "ttl"]),
            ],
        ],
        // Requests.
        "NewBackup": closed([
            "tables": ["type": "array", "items": ["type": "string"]],
            "snapshot": ["type": "string"],
        ]),
        "Restore": closed(
            [
                "table": ["type": "string"], "backup": ["type": "string"],
                "as": ["type": "string"], "at_ms": milliseconds,
            ], ["table"]),
        "NewTable": closed(
            [
                "name": ["type": "string"],
                "families": [
                    "oneOf": [
                        ["type": "array", "items": ["type": "string"], "minItems": 1],
                        [
                            "type": "object", "minProperties": 1,
                            "additionalProperties": reference("Family"),
                        ],
                    ]
                ],
                "splits": ["type": "array", "items": reference("Bytes")],
                "hash": ["type": "integer", "minimum": 1],
                "durability": durability, "read_only": ["type": "boolean"],
                "feed": [
                    "oneOf": [
                        closed(
                            ["retention_ms": ["type": "integer", "minimum": 1]], ["retention_ms"]),
                        ["type": "null"],
                    ]
                ],
            ], ["families"]),
        "TableChange": closed([
            "families": [
                "type": "object",
                "additionalProperties": ["oneOf": [reference("Family"), ["type": "null"]]],
            ],
            "durability": durability, "read_only": ["type": "boolean"],
        ]),
        "Split": [
            "oneOf": [
                closed(["at": reference("Bytes")], ["at"]),
                closed(["region": ["type": "string"]], ["region"]),
            ]
        ],
        "Merge": closed(
            ["first": ["type": "string"], "second": ["type": "string"]], ["first", "second"]),
        "NewIndex": closed(["order": oneOf(ColumnIndex.Order.allCases.map(\.rawValue))]),
        "Puts": columns(reference("Value")), "Amounts": columns(["type": "integer"]),
        "Suffixes": columns(reference("Bytes")),
        "Check": closed(
            [
                "column": ["type": "string", "pattern": "^[^:]+:"],
                "equals": ["oneOf": [reference("Bytes"), ["type": "null"]]],
                "put": columns(reference("Value")),
                "delete": [
                    "oneOf": [
                        ["type": "array", "items": ["type": "string"]], ["const": true],
                    ]
                ],
            ], ["column", "equals"]),
        "Aggregation": closed(
            [
                "results": ["type": "object", "additionalProperties": ["type": "string"]],
                "group": [
                    "oneOf": [
                        ["const": "qualifier"],
                        closed(["prefix": count], ["prefix"]),
                        closed(["separator": reference("Bytes"), "parts": count], ["separator"]),
                    ]
                ],
                "values": oneOf(["text", "long", "bytes"]), "start": reference("Bytes"),
                "stop": reference("Bytes"), "prefix": reference("Bytes"), "from": milliseconds,
                "to": milliseconds, "filter": ["type": "string"], "where": ["type": "string"],
            ], ["results"]),
        "TableName": closed(["table": ["type": "string"]], ["table"]),
        "Job": [
            "type": "object", "required": ["job", "source"],
            "properties": [
                "job": ["type": "string"], "source": ["type": "object"],
                "time": ["type": "object"], "key": [:], "window": ["type": "object"],
                "output": ["type": "object"],
            ],
        ],
        "NewToken": closed(
            [
                "rights": oneOf(AccessRight.allCases.map(\.rawValue)),
                "tables": ["type": "array", "items": ["type": "string"]],
            ], ["rights"]),
    ]

    private static let milliseconds: JSONValue = ["type": "integer", "minimum": 0]
    private static let count: JSONValue = ["type": "integer", "minimum": 1, "maximum": 32_767]
    private static let durability = oneOf(Durability.allCases.map(\.name))

    /// One of a few words.
    static func oneOf(_ words: [String]) -> JSONValue {
        ["type": "string", "enum": .array(words.map { .string($0) })]
    }

    /// An object that has these members, and may have others.
    private static func object(_ names: [String]) -> JSONValue {
        ["type": "object", "required": .array(names.map { .string($0) })]
    }

    /// An object of these members and no others.
    private static func closed(_ members: JSONValue, _ required: [String] = []) -> JSONValue {
        [
            "type": "object", "properties": members, "additionalProperties": false,
            "required": .array(required.map { .string($0) }),
        ]
    }

    /// An object whose members are columns.
    private static func columns(_ value: JSONValue) -> JSONValue {
        [
            "type": "object", "minProperties": 1, "additionalProperties": value,
            "propertyNames": ["pattern": "^[^:]+:"],
        ]
    }

    private static func reference(_ name: String) -> JSONValue {
        ["$ref": .string("#/components/schemas/\(name)")]
    }
}
