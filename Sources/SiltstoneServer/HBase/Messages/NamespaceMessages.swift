import SiltModel

/// The list of name spaces.
struct NamespaceListMessage {
    let names: [String]

    func encode(_ type: MediaType) -> [UInt8] {
        switch type {
        case .text: return Array(names.map { $0 + "\n" }.joined().utf8)
        case .xml:
            var writer = XMLWriter()
            writer.open("Namespaces")
            for name in names { writer.element("Namespace", text: name) }
            writer.close("Namespaces")
            return writer.bytes
        case .protobuf:
            var writer = ProtobufWriter()
            for name in names { writer.write(1, name) }
            return writer.bytes
        case .json, .binary:
            return JSONValue.object(("Namespace", .array(names.map { .string($0) }))).bytes
        }
    }
}

/// The properties of a name space.
struct NamespaceMessage {
    var properties: [(name: String, value: String)] = []

    static func decode(_ body: [UInt8], _ type: MediaType) throws(SiltstoneError)
        -> NamespaceMessage?
    {
        switch type {
        case .json: try json(body)
        case .xml: try xml(body)
        case .protobuf: try protobuf(body)
        case .binary, .text: nil
        }
    }

    private static func json(_ body: [UInt8]) throws(SiltstoneError) -> NamespaceMessage {
        let document = try JSONBody.parse(body)
        guard document.objectValue != nil else {
            throw SiltstoneError(.invalidArgument, "a name space is an object with properties")
        }
        var message = NamespaceMessage()
        guard let properties = document["properties"], !properties.isNull else { return message }
        guard let members = properties.objectValue else {
            throw SiltstoneError(.invalidArgument, "properties is not an object")
        }
        for member in members {
            message.properties.append(
                (member.name, member.value.stringValue ?? member.value.text))
        }
        return message
    }

    private static func xml(_ body: [UInt8]) throws(SiltstoneError) -> NamespaceMessage {
        let root = try XMLElement.parse(body)
        guard root.name == "NamespaceProperties" else {
            throw SiltstoneError(
                .invalidArgument, "body is not a NamespaceProperties element=\(root.name)")
        }
        var message = NamespaceMessage()
        for entry in root.child("properties")?.children ?? [] where entry.name == "entry" {
            guard let key = entry.child("key") else {
                throw SiltstoneError(.invalidArgument, "a property has no key")
            }
            message.properties.append((key.text, entry.child("value")?.text ?? ""))
        }
        return message
    }

    private static func protobuf(_ body: [UInt8]) throws(SiltstoneError) -> NamespaceMessage {
        var message = NamespaceMessage()
        var reader = ProtobufReader(body)
        while let (field, value) = try reader.next() {
            guard field == 1 else { continue }
            var (name, text) = ("", "")
            var inner = ProtobufReader(value.slice)
            while let (field, value) = try inner.next() {
                if field == 1 { name = value.text }
                if field == 2 { text = value.text }
            }
            message.properties.append((name, text))
        }
        return message
    }

    func encode(_ type: MediaType, name: String) -> [UInt8] {
        switch type {
        case .text:
            let list = properties.map { ", \($0.name) => '\($0.value)'" }.joined()
            return Array("{NAME => '\(name)'\(list)}\n".utf8)
        case .xml:
            var writer = XMLWriter()
            writer.open("NamespaceProperties")
            writer.open("properties")
            for (name, value) in properties {
                writer.open("entry")
                writer.element("key", text: name)
                writer.element("value", text: value)
                writer.close("entry")
            }
            writer.close("properties")
            writer.close("NamespaceProperties")
            return writer.bytes
        case .protobuf:
            var writer = ProtobufWriter()
            for (name, value) in properties {
                writer.write(1) {
                    $0.write(1, name)
                    $0.write(2, value)
                }
            }
            return writer.bytes
        case .json, .binary:
            return JSONValue.object(
                ("properties", .object(properties.map { .init($0.name, .string($0.value)) }))
            ).bytes
        }
    }
}
