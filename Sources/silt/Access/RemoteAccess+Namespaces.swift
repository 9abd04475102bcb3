import SiltBytes
import SiltModel

/// Namespaces of a server, through HBase's REST API, which has them.
extension RemoteAccess {
    func namespaces() throws -> [String] {
        let answer = try json(client.get("/namespaces"))
        return (answer["Namespace"]?.arrayValue ?? []).compactMap(\.stringValue)
    }

    func createNamespace(_ namespace: String) throws { try change("POST", namespace) }

    func dropNamespace(_ namespace: String) throws { try change("DELETE", namespace) }

    private func change(_ method: String, _ namespace: String) throws {
        let path = "/namespaces/\(HTTPClient.escape(Bytes(namespace)))"
        let answer = try client.request(method, path)
        // Refusals are two lines of text, and the second says why.
        let lines = String(decoding: answer.body, as: UTF8.self).split(separator: "\r\n")
        guard [400, 403, 404, 503].contains(answer.status), lines.count > 1 else {
            _ = try client.checked(answer, path)
            return
        }
        let exit: CommandFailure.Exit =
            switch answer.status {
            case 400: .usage
            case 404: .notFound
            default: .failed
            }
        throw CommandFailure(exit, String(lines[1]))
    }
}
