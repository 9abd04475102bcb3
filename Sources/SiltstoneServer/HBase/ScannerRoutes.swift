import NIOHTTP1
import SiltBytes
import SiltModel
import SiltTable

/// `/{table}/scanner` and `/{table}/scanner/{id}`: scans that go on from one request to the next.
struct ScannerRoutes {
    let router: Router
    let request: Request
    let table: String

    func reply() throws(SiltstoneError) -> Reply {
        if request.segments.count == 2 {
            switch request.method {
            case .PUT, .POST: return try open()
            default: return .now(HBaseRoutes.notAllowed)
            }
        }
        let id = request.segments[2]
        guard let scanner = router.scanners.find(id) else { return .now(HBaseRoutes.notFound) }
        guard scanner.owner == request.principal else {
            return .now(.text(.forbidden, "Not allowed\r\n"))
        }
        guard (try? router.table(table))?.id == scanner.table.id else {
            // The table was dropped, or it is another's.
            return .now(HBaseRoutes.notFound)
        }
        switch request.method {
        case .GET: return try next(of: scanner)
        case .HEAD: return .now(Response(.ok))
        case .DELETE:
            router.scanners.remove(id)
            return .now(Response(.ok))
        default: return .now(HBaseRoutes.notAllowed)
        }
    }

    private func open() throws(SiltstoneError) -> Reply {
        let stored = try router.table(table)
        guard let type = MediaType.ofBody(request) else { return .now(HBaseRoutes.unsupported) }
        let scanner: OpenScanner
        do throws(SiltstoneError) {
            guard let message = try ScannerMessage.decode(request.body, type) else {
                return .now(HBaseRoutes.unsupported)
            }
            scanner = try OpenScanner(table: stored, owner: request.principal, message)
        } catch {
            guard error.code == .invalidArgument else { throw error }
            // HBase says no more than this, and clients compare it; the reason stands in a header.
            var response = Response.text(.badRequest, "Bad request\r\n")
            response.headers.append(("X-Error", Self.headerText(error.message)))
            return .now(response)
        }
        let id = try router.scanners.add(scanner, from: request.address)
        let location = router.address("/\(request.segments[0])/scanner/\(id)", request)
        return .now(Response(.created, headers: [("Location", location)]))
    }

    /// A text that may stand in a header.
    private static func headerText(_ text: String) -> String {
        String(
            decoding: text.utf8.prefix(500).map { (0x20..<0x7f).contains($0) ? $0 : 0x3f },
            as: UTF8.self)
    }

    private func next(of scanner: OpenScanner) throws(SiltstoneError) -> Reply {
        guard let choice = MediaType.choice(request, [.binary, .xml, .json, .protobuf]) else {
            return .now(HBaseRoutes.notAcceptable)
        }
        let limit: CellLimit
        if let cells = try count("c") {
            limit = .cells(cells)
        } else {
            limit = scanner.batch.map { .columns($0) } ?? .none
        }
        let rows = try count("n") ?? .max
        return .work { () throws(SiltstoneError) in
            let none = Response(.noContent)
            guard let format = choice.type.cellSetFormat else {
                guard let row = try scanner.next(.cells(1)), let cell = row.cells.first else {
                    return none
                }
                return Self.binary(row.key, cell)
            }
            let feed = ScannerFeed(scanner, limit, rowCountMax: rows)
            return try RowSetSource(feed, format).reply(choice.name, orWhenEmpty: none)
        }
    }

    private static func binary(_ key: Bytes, _ cell: Cell) -> Response {
        Response(
            .ok,
            headers: [
                ("Content-Type", MediaType.binary.rawValue),
                ("X-Row", Base64.encode(key.array)),
                ("X-Column", Base64.encode(CellSetWriter.name(of: cell))),
                ("X-Timestamp", String(cell.timestamp)), RowSetSource.noCache,
            ], body: cell.value.array)
    }

    /// A number of rows or cells; none and what is not positive mean no limit.
    private func count(_ name: String) throws(SiltstoneError) -> Int? {
        guard let text = request.parameter(name) else { return nil }
        guard let number = Int(text) else {
            throw SiltstoneError(.invalidArgument, "\(name) is not a number value=\(text)")
        }
        return number > 0 ? number : nil
    }
}
