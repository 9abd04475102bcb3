import SiltBytes
import SiltModel

/// A table's descriptor as HBase's clients send and get it: every attribute is a text.
struct SchemaMessage {
    /// A column family.
    struct Column {
        var name: String
        var attributes: [(name: String, value: String)] = []
    }

    var name = ""
    var attributes: [(name: String, value: String)] = []
    var columns: [Column] = []

    // MARK: Reading

    static func decode(_ body: [UInt8], _ type: MediaType) throws(SiltstoneError) -> SchemaMessage?
    {
        switch type {
        case .json: try decode(try JSONBody.parse(body))
        case .xml: try decode(try XMLElement.parse(body))
        case .protobuf: try decode(ProtobufReader(body))
        case .binary, .text: nil
        }
    }

    private static func decode(_ document: JSONValue) throws(SiltstoneError) -> SchemaMessage {
        guard let members = document.objectValue else {
            throw SiltstoneError(.invalidArgument, "a schema is an object")
        }
        var schema = SchemaMessage()
        for member in members {
            switch member.name {
            case "name": schema.name = text(member.value)
            case "ColumnSchema":
                for family in try JSONBody.list(member.value, "ColumnSchema") {
                    guard let name = family["name"]?.stringValue else {
                        throw SiltstoneError(.invalidArgument, "a column family has no name")
                    }
                    var column = Column(name: name)
                    for member in family.objectValue ?? [] where member.name != "name" {
                        column.attributes.append((member.name, text(member.value)))
                    }
                    schema.columns.append(column)
                }
            default: schema.attributes.append((member.name, text(member.value)))
            }
        }
        return schema
    }

    private static func text(_ value: JSONValue) -> String { value.stringValue ?? value.text }

    private static func decode(_ root: XMLElement) throws(SiltstoneError) -> SchemaMessage {
        guard root.name == "TableSchema" else {
            throw SiltstoneError(.invalidArgument, "body is not a TableSchema element=\(root.name)")
        }
        var schema = SchemaMessage()
        schema.name = root["name"] ?? ""
        schema.attributes = root.attributes.filter { $0.name != "name" && $0.name != "xmlns" }
        for family in root.children where family.name == "ColumnSchema" {
            guard let name = family["name"] else {
                throw SiltstoneError(.invalidArgument, "a column family has no name")
            }
            schema.columns.append(
                Column(name: name, attributes: family.attributes.filter { $0.name != "name" }))
        }
        return schema
    }

    private static func decode(_ message: ProtobufReader) throws(SiltstoneError) -> SchemaMessage {
        var schema = SchemaMessage()
        var reader = message
        while let (field, value) = try reader.next() {
            switch field {
            case 1: schema.name = value.text
            case 2: schema.attributes.append(try attribute(value.slice))
            case 3: schema.columns.append(try column(value.slice))
            case 5: schema.attributes.append(("READONLY", value.bool ? "true" : "false"))
            default: break
            }
        }
        return schema
    }

    private static func column(_ message: ArraySlice<UInt8>) throws(SiltstoneError) -> Column {
        var column = Column(name: "")
        var later: [(name: String, value: String)] = []
        var reader = ProtobufReader(message)
        while let (field, value) = try reader.next() {
            switch field {
            case 1: column.name = value.text
            case 2: column.attributes.append(try attribute(value.slice))
            // These stand above the attributes of the same meaning.
            case 3: later.append(("TTL", String(value.integer)))
            case 4: later.append(("VERSIONS", String(value.integer)))
            case 5: later.append(("COMPRESSION", value.text))
            default: break
            }
        }
        column.attributes += later
        return column
    }

    private static func attribute(_ message: ArraySlice<UInt8>) throws(SiltstoneError)
        -> (name: String, value: String)
    {
        var (name, text) = ("", "")
        var reader = ProtobufReader(message)
        while let (field, value) = try reader.next() {
            switch field {
            case 1: name = value.text
            case 2: text = value.text
            default: break
            }
        }
        return (name, text)
    }

    // MARK: Writing

    func encode(_ type: MediaType) -> [UInt8] {
        switch type {
        case .xml: xml
        case .protobuf: protobuf
        case .text: Array((json.text + "\n").utf8)
        case .json, .binary: json.bytes
        }
    }

    private var json: JSONValue {
        func members(_ attributes: [(name: String, value: String)]) -> [JSONValue.Member] {
            attributes.map { .init($0.name, .string($0.value)) }
        }
        let families = columns.map {
            JSONValue.object([.init("name", .string($0.name))] + members($0.attributes))
        }
        return .object(
            [.init("name", .string(name))] + members(attributes)
                + [.init("ColumnSchema", .array(families))])
    }

    private var xml: [UInt8] {
        // What is no name cannot be an attribute.
        func valid(_ attributes: [(name: String, value: String)]) -> [(String, String)] {
            attributes.filter { XMLWriter.isName($0.name) }
        }
        var writer = XMLWriter()
        writer.open("TableSchema", [("name", name)] + valid(attributes))
        for column in columns {
            writer.open(
                "ColumnSchema", [("name", column.name)] + valid(column.attributes), isEmpty: true)
        }
        writer.close("TableSchema")
        return writer.bytes
    }

    private var protobuf: [UInt8] {
        func write(_ attributes: [(name: String, value: String)], to writer: inout ProtobufWriter) {
            for (name, value) in attributes {
                writer.write(2) {
                    $0.write(1, name)
                    $0.write(2, value)
                }
            }
        }
        var writer = ProtobufWriter()
        writer.write(1, name)
        write(attributes, to: &writer)
        for column in columns {
            func value(_ name: String) -> String? {
                column.attributes.last { $0.name == name }?.value
            }
            writer.write(3) {
                $0.write(1, column.name)
                write(column.attributes, to: &$0)
                if let ttl = value("TTL").flatMap({ Int64($0) }) { $0.write(3, ttl) }
                if let versions = value("VERSIONS").flatMap({ Int64($0) }) { $0.write(4, versions) }
                if let compression = value("COMPRESSION") { $0.write(5, compression) }
            }
        }
        writer.write(5, attributes.contains { $0.name == "READONLY" && $0.value == "true" })
        return writer.bytes
    }
}
