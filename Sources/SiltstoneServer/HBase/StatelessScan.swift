import NIOHTTP1
import SiltBytes
import SiltModel
import SiltTable

/// `/{table}/{prefix}*?startrow&endrow&column&limit&…`: a scan in one streamed answer.
struct StatelessScan {
    let request: Request
    let table: StoredTable
    /// The part of the path before the star, still percent-encoded.
    let prefix: Substring

    func reply() throws(SiltstoneError) -> Reply {
        guard MediaType.accepted(request, [.json]) != nil else {
            return .now(HBaseRoutes.notAcceptable)
        }
        for name in ["filter", "filter_b64"] where request.parameter(name) != nil {
            throw SiltstoneError(
                .invalidArgument, "filters are not supported yet parameter=\(name)")
        }
        let range = try self.range()
        let projection = Projection(
            request.parameters("column").map { RowSpec.selector(Bytes($0)) },
            maxVersions: try number("maxversions", 1...Int.max) ?? 1,
            timeRange: TimeRange(
                min: Int64(try number("starttime", 0...Int.max) ?? 0),
                max: Int64(try number("endtime", 0...Int.max) ?? Int.max)))
        guard projection.timeRange.min <= projection.timeRange.max else {
            throw SiltstoneError(.invalidArgument, "endtime is before starttime")
        }
        let rowLimit = try number("limit", 1...Int.max) ?? .max
        let batch = try number("batchsize", 1...Int.max) ?? .max
        let table = table
        return .work { () throws(SiltstoneError) in
            let source = RowSetSource(
                try table.scan(range, projection), rowLimit: rowLimit, cellsPerRow: batch)
            return try .stream(.ok, contentType: MediaType.json.rawValue, source)
        }
    }

    private func range() throws(SiltstoneError) -> RowRange {
        let isReversed = request.parameter("reversed") == "true"
        let prefix = Bytes(Request.decode(prefix))
        var range = RowRange(
            start: Bytes(request.parameter("startrow") ?? ""),
            stop: Bytes(request.parameter("endrow") ?? ""),
            includesStart: request.parameter("includeStartRow") != "false",
            includesStop: request.parameter("includeStopRow") == "true", isReversed: isReversed)
        guard !prefix.isEmpty else { return range }
        // Narrow the range to the rows of the prefix; the tighter bound of each side wins.
        let end = prefix.prefixSuccessor ?? .empty
        if isReversed {
            if range.start.isEmpty || (!end.isEmpty && range.start >= end) {
                range.start = end
                range.includesStart = end.isEmpty
            }
            if range.stop < prefix {
                range.stop = prefix
                range.includesStop = true
            }
        } else {
            if range.start < prefix {
                range.start = prefix
                range.includesStart = true
            }
            if range.stop.isEmpty || (!end.isEmpty && range.stop >= end) {
                range.stop = end
                range.includesStop = false
            }
        }
        return range
    }

    private func number(_ name: String, _ range: ClosedRange<Int>) throws(SiltstoneError) -> Int? {
        guard let text = request.parameter(name) else { return nil }
        guard let value = Int(text), range.contains(value) else {
            throw SiltstoneError(.invalidArgument, "\(name) is not a number in range value=\(text)")
        }
        return value
    }
}

/// Streams `{"Row":[…]}` from a scanner, about 64 KiB a piece.
final class RowSetSource: BodySource {
    private enum State { case start, rows, done }

    private static let pieceBytes = 64 << 10

    var isDone: Bool { state == .done }

    private let scanner: RowScanner
    private let cellsPerRow: Int
    private var rowsLeft: Int
    private var state = State.start
    private var isFirstRow = true

    init(_ scanner: RowScanner, rowLimit: Int, cellsPerRow: Int) {
        self.scanner = scanner
        self.cellsPerRow = cellsPerRow
        rowsLeft = rowLimit
    }

    func nextPiece() throws(SiltstoneError) -> [UInt8]? {
        guard state != .done else { return nil }
        var text: [UInt8] = []
        text.reserveCapacity(Self.pieceBytes + 4096)
        if state == .start {
            text.append(contentsOf: #"{"Row":["#.utf8)
            state = .rows
        }
        while text.count < Self.pieceBytes {
            guard rowsLeft > 0, let row = try scanner.next() else {
                text.append(contentsOf: "]}".utf8)
                state = .done
                return text
            }
            rowsLeft -= 1
            var cells = row.cells[...]
            while !cells.isEmpty {
                if !isFirstRow { text.append(UInt8(ascii: ",")) }
                isFirstRow = false
                CellSet.append(key: row.key, cells: cells.prefix(cellsPerRow), to: &text)
                cells = cells.dropFirst(cellsPerRow)
            }
        }
        return text
    }
}
