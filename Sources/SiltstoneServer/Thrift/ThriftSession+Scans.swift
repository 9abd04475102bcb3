import SiltBytes
import SiltModel
import SiltTable

extension ThriftSession {
    /// The bytes of values in one answer, roughly: then it ends early, and the client asks again.
    private static let answerBytes = 4 << 20

    /// Calls about scanners; `nil` when it is another's.
    func runScans(_ name: String, _ arguments: ThriftValue) throws -> Result? {
        var scan = ScannerMessage()
        scan.maxVersions = 1
        switch name {
        case "scannerOpenWithScan": return try openWithScan(arguments)
        case "scannerOpen", "scannerOpenTs":
            scan.startRow = try bytes(arguments, 2)
            scan.columns = names(arguments[3])
            if name == "scannerOpenTs" { setTime(&scan, arguments[4]?.integer) }
        case "scannerOpenWithStop", "scannerOpenWithStopTs":
            scan.startRow = try bytes(arguments, 2)
            scan.endRow = try bytes(arguments, 3)
            scan.columns = names(arguments[4])
            if name == "scannerOpenWithStopTs" { setTime(&scan, arguments[5]?.integer) }
        case "scannerOpenWithPrefix":
            let rows = RowRange(prefix: try bytes(arguments, 2))
            (scan.startRow, scan.endRow) = (rows.start, rows.stop)
            scan.columns = names(arguments[3])
        case "scannerGet": return try next(arguments, 1)
        case "scannerGetList": return try next(arguments, arguments[2]?.integer ?? 1)
        case "scannerClose":
            _ = try scanner(arguments)
            scanners[Int32(truncatingIfNeeded: arguments[1]?.integer ?? 0)] = nil
            return Result()
        default: return nil
        }
        return try open(
            OpenScanner(
                table: try table(arguments), range: scan.range, projection: try scan.projection()))
    }

    private func names(_ value: ThriftValue?) -> [Bytes] {
        (value?.elements ?? []).compactMap(\.bytes)
    }

    private func setTime(_ scan: inout ScannerMessage, _ timestamp: Int64?) {
        if let timestamp { scan.endTime = max(0, timestamp) }
    }

    private func openWithScan(_ arguments: ThriftValue) throws -> Result {
        guard let scan = arguments[2] else { throw Fault.ioError("an argument is missing") }
        var projection = Projection(selectors(scan[4]), timeRange: before(scan[3]?.integer))
        if let filter = scan[6]?.bytes, !filter.isEmpty {
            projection.filter = try Filter(parsing: filter)
        }
        let range = RowRange(
            start: scan[1]?.bytes ?? .empty, stop: scan[2]?.bytes ?? .empty,
            isReversed: scan[9]?.bool ?? false)
        let batch = scan[7]?.integer.flatMap { $0 > 0 ? Int(clamping: $0) : nil }
        return try open(
            OpenScanner(
                table: try table(arguments), range: range, projection: projection, batch: batch,
                isSorted: scan[8]?.bool ?? false))
    }

    private func open(_ scanner: OpenScanner) throws -> Result {
        guard scanners.count < Self.scannerCountMax else {
            throw Fault.ioError("too many scanners are open max=\(Self.scannerCountMax)")
        }
        let id = nextScanner
        nextScanner = id == .max ? 1 : id + 1
        scanners[id] = scanner
        return Result(value: .i32(id))
    }

    func scanner(_ arguments: ThriftValue) throws -> OpenScanner {
        guard let id = arguments[1]?.integer, let scanner = scanners[Int32(truncatingIfNeeded: id)]
        else { throw Fault.illegalArgument("scanner ID is invalid") }
        return scanner
    }

    private func next(_ arguments: ThriftValue, _ count: Int64) throws -> Result {
        let scanner = try scanner(arguments)
        var rows: [Row] = []
        var bytes = 0
        while rows.count < count, bytes < Self.answerBytes,
            let row = try scanner.next(scanner.batch.map { .cells($0) } ?? .none)
        {
            rows.append(row)
            bytes += row.cells.reduce(row.key.count) { $0 + $1.value.count + 32 }
        }
        return Self.results(rows, isSorted: scanner.isSorted)
    }
}
