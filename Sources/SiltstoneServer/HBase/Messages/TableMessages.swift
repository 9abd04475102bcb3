import SiltBytes
import SiltModel

/// The list of tables.
struct TableListMessage {
    let names: [String]

    func encode(_ type: MediaType) -> [UInt8] {
        switch type {
        case .text: return Array(names.map { $0 + "\n" }.joined().utf8)
        case .xml:
            var writer = XMLWriter()
            writer.open("TableList")
            for name in names { writer.open("table", [("name", name)], isEmpty: true) }
            writer.close("TableList")
            return writer.bytes
        case .protobuf:
            var writer = ProtobufWriter()
            for name in names { writer.write(1, name) }
            return writer.bytes
        case .json, .binary:
            return JSONValue.object(
                ("table", .array(names.map { .object(("name", .string($0))) }))
            ).bytes
        }
    }
}

/// A table's regions.
struct TableInfoMessage {
    struct Region {
        /// Written `table,start,id.encoded` and a full stop.
        let name: String
        let id: Int64
        let start: Bytes
        let end: Bytes
        /// `host:port`.
        let location: String
    }

    let table: String
    let regions: [Region]

    func encode(_ type: MediaType) -> [UInt8] {
        switch type {
        case .text:
            let lines = regions.map {
                "\($0.name) [\n  id=\($0.id)\n  startKey='\($0.start.description)'\n"
                    + "  endKey='\($0.end.description)'\n  location='\($0.location)'\n]\n"
            }
            return Array(lines.joined().utf8)
        case .xml:
            var writer = XMLWriter()
            writer.open("TableInfo", [("name", table)])
            for region in regions {
                writer.open(
                    "Region",
                    [
                        ("endKey", Base64.encode(region.end.array)), ("id", String(region.id)),
                        ("location", region.location), ("name", region.name),
                        ("startKey", Base64.encode(region.start.array)),
                    ], isEmpty: true)
            }
            writer.close("TableInfo")
            return writer.bytes
        case .protobuf:
            var writer = ProtobufWriter()
            writer.write(1, table)
            for region in regions {
                writer.write(2) {
                    $0.write(1, region.name)
                    $0.write(2, region.start)
                    $0.write(3, region.end)
                    $0.write(4, region.id)
                    $0.write(5, region.location)
                }
            }
            return writer.bytes
        case .json, .binary:
            let list = regions.map { region in
                JSONValue.object(
                    ("endKey", .string(Base64.encode(region.end.array))),
                    ("id", .integer(region.id)), ("location", .string(region.location)),
                    ("name", .string(region.name)),
                    ("startKey", .string(Base64.encode(region.start.array))))
            }
            return JSONValue.object(("name", .string(table)), ("Region", .array(list))).bytes
        }
    }
}

/// What the server is made of.
struct VersionMessage {
    /// In the order of their protobuf fields.
    private static let fields = [
        ("REST", "0.0.3"), ("JVM", "none (Swift)"), ("OS", "Linux"),
        ("Server", "Siltstone \(SiltstoneServer.version)"), ("Jersey", "none (SwiftNIO)"),
        ("Version", SiltstoneServer.version), ("Revision", "none"),
    ]

    func encode(_ type: MediaType) -> [UInt8] {
        switch type {
        case .text:
            return Array(Self.fields.map { "\($0.0): \($0.1)\n" }.joined().utf8)
        case .xml:
            var writer = XMLWriter()
            writer.open("Version", Self.fields, isEmpty: true)
            return writer.bytes
        case .protobuf:
            var writer = ProtobufWriter()
            for (index, field) in Self.fields.enumerated() { writer.write(index + 1, field.1) }
            return writer.bytes
        case .json, .binary:
            return JSONValue.object(Self.fields.map { .init($0.0, .string($0.1)) }).bytes
        }
    }
}
