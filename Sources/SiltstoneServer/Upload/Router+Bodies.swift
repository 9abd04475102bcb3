import NIOHTTP1
import SiltModel

extension Router {
    /// What becomes of a request's body, told from its head; the rows of tables are written while they arrive.
    func bodyPlan(for head: Request) -> BodyPlan {
        let isInflux = InfluxRoutes.isWrite(head)
        let isRows =
            head.segments.count == 4 && head.segments[0] == "v1" && head.segments[1] == "tables"
            && head.segments[3] == "rows"
        guard head.method == .POST, isInflux || isRows else { return .collected }
        var request = head
        switch admit(request) {
        case .refused(let response): return .refused(response)
        case .admitted(let token):
            request.principal = token?.name
            request.rights = token?.rights
        }
        if let response = refusal(of: request) { return .refused(response) }
        do throws(SiltstoneError) {
            let sink: RowUpload
            if let version = InfluxRoutes.version(of: request) {
                sink = try InfluxRoutes(router: self, request: request).upload(version)
            } else {
                let name = String(decoding: Request.decode(request.segments[2]), as: UTF8.self)
                let routes = RowsRoutes(router: self, request: request, table: try table(name))
                sink = try routes.upload()
            }
            guard let unpacked = try request.unpacking(sink) else {
                return .refused(HBaseRoutes.unsupported)
            }
            return .streamed(unpacked)
        } catch {
            return .refused(Self.failure(error, for: request))
        }
    }
}
