import NIOHTTP1
import SiltModel

/// `/namespaces`, `/namespaces/{name}` and `/namespaces/{name}/tables`.
struct NamespaceRoutes {
    let router: Router
    let request: Request

    private var namespaces: Namespaces { router.namespaces }

    func reply() throws(SiltstoneError) -> Reply {
        let words = request.segments.dropFirst().map {
            String(decoding: Request.decode($0), as: UTF8.self)
        }
        switch words.count {
        case 0:
            let names = try namespaces.names()
            return HBaseRoutes.answer(request) { NamespaceListMessage(names: names).encode($0) }
        case 1:
            switch request.method {
            case .GET, .HEAD: return try show(words[0])
            case .PUT, .POST: return try change(words[0])
            case .DELETE: return remove(words[0])
            default: return .now(HBaseRoutes.notAllowed)
            }
        case 2 where words[1] == "tables":
            guard try namespaces.properties(of: words[0]) != nil else {
                return .now(HBaseRoutes.notFound)
            }
            let start = words[0] == "default" ? "" : words[0] + ":"
            let names = namespaces.tables(of: words[0]).filter {
                router.shows(start + $0, to: request)
            }
            return HBaseRoutes.answer(request) { TableListMessage(names: names).encode($0) }
        default: return .now(HBaseRoutes.notFound)
        }
    }

    private func show(_ name: String) throws(SiltstoneError) -> Reply {
        guard let properties = try namespaces.properties(of: name) else {
            return .now(HBaseRoutes.notFound)
        }
        return HBaseRoutes.answer(request) {
            NamespaceMessage(properties: properties).encode($0, name: name)
        }
    }

    /// POST makes a name space, PUT changes one.
    private func change(_ name: String) throws(SiltstoneError) -> Reply {
        var message = NamespaceMessage()
        let hasType = request.header("Content-Type") != nil
        let type = MediaType.ofBody(request)
        guard !hasType && request.body.isEmpty || [.xml, .json, .protobuf].contains(type) else {
            return .now(HBaseRoutes.unsupported)
        }
        if !request.body.isEmpty, let type {
            message = try NamespaceMessage.decode(request.body, type) ?? message
        }
        let (namespaces, creates, properties) = (
            namespaces, request.method == .POST, message.properties
        )
        let location = router.address("/namespaces/\(request.segments[1])", request)
        return .work { () throws(SiltstoneError) in
            let exists = try namespaces.properties(of: name) != nil
            guard exists != creates, !namespaces.isBuiltIn(name) else {
                return .text(
                    .forbidden,
                    "Forbidden\r\nNamespace '\(name)' \(exists ? "already exists" : "does not exist").\r\n"
                )
            }
            try namespaces.put(name, properties)
            return Response(creates ? .created : .ok, headers: [("Location", location)])
        }
    }

    private func remove(_ name: String) -> Reply {
        let namespaces = namespaces
        return .work { () throws(SiltstoneError) in
            guard try namespaces.properties(of: name) != nil else {
                return .text(
                    .notFound, "Not found\r\nNamespace '\(name)' does not exist.\r\n")
            }
            guard !namespaces.isBuiltIn(name) else {
                return .text(.forbidden, "Forbidden\r\nNamespace '\(name)' is reserved.\r\n")
            }
            guard namespaces.tables(of: name).isEmpty else {
                return .text(.forbidden, "Forbidden\r\nNamespace '\(name)' has tables.\r\n")
            }
            try namespaces.remove(name)
            return Response(.ok)
        }
    }
}
