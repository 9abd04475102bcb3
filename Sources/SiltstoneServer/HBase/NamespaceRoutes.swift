import NIOHTTP1
import SiltModel
import SiltTable

/// `/namespaces`, `/namespaces/{name}` and `/namespaces/{name}/tables`.
struct NamespaceRoutes {
    let router: Router
    let request: Request

    private var store: TableStore { router.store }

    func reply() throws(SiltstoneError) -> Reply {
        let words = request.segments.dropFirst().map {
            String(decoding: Request.decode($0), as: UTF8.self)
        }
        switch words.count {
        case 0:
            let names = try store.namespaces()
            return HBaseRoutes.answer(request) { NamespaceListMessage(names: names).encode($0) }
        case 1:
            switch request.method {
            case .GET, .HEAD: return try show(words[0])
            case .PUT, .POST: return try change(words[0])
            case .DELETE: return remove(words[0])
            default: return .now(HBaseRoutes.notAllowed)
            }
        case 2 where words[1] == "tables":
            guard try store.namespaceProperties(words[0]) != nil else {
                return .now(HBaseRoutes.notFound)
            }
            let start = words[0] == "default" ? "" : words[0] + ":"
            let names = store.tables(in: words[0]).filter {
                router.shows(start + $0, to: request)
            }
            return HBaseRoutes.answer(request) { TableListMessage(names: names).encode($0) }
        default: return .now(HBaseRoutes.notFound)
        }
    }

    private func show(_ name: String) throws(SiltstoneError) -> Reply {
        guard let properties = try store.namespaceProperties(name) else {
            return .now(HBaseRoutes.notFound)
        }
        let message = NamespaceMessage(
            properties: properties.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
        return HBaseRoutes.answer(request) { message.encode($0, name: name) }
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
        let properties = Dictionary(
            message.properties.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
        let (store, creates) = (store, request.method == .POST)
        let location = router.address("/namespaces/\(request.segments[1])", request)
        return .work { () throws(SiltstoneError) in
            do throws(SiltstoneError) {
                if creates {
                    try store.createNamespace(name, properties: properties)
                } else {
                    try store.alterNamespace(name, properties: properties)
                }
            } catch {
                switch error.code {
                case .alreadyExists: return Self.forbidden(name, "already exists")
                case .notFound: return Self.forbidden(name, "does not exist")
                case .conflict: return Self.forbidden(name, "is reserved")
                default: throw error
                }
            }
            return Response(creates ? .created : .ok, headers: [("Location", location)])
        }
    }

    private static func forbidden(_ name: String, _ reason: String) -> Response {
        .text(.forbidden, "Forbidden\r\nNamespace '\(name)' \(reason).\r\n")
    }

    private func remove(_ name: String) -> Reply {
        let store = store
        return .work { () throws(SiltstoneError) in
            do throws(SiltstoneError) {
                try store.dropNamespace(name)
            } catch {
                switch error.code {
                case .notFound:
                    return .text(
                        .notFound, "Not found\r\nNamespace '\(name)' does not exist.\r\n")
                // As HBase does for what is reserved or not empty.
                case .conflict:
                    return .text(.serviceUnavailable, "Unavailable\r\n\(error.message)\r\n")
                default: throw error
                }
            }
            return Response(.ok)
        }
    }
}
