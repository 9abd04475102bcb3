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
        guard let choice = MediaType.choice(request, [.xml, .json, .protobuf]) else {
            return .now(HBaseRoutes.notAcceptable)
        }
        let format: CellSetWriter.Format =
            choice.type == .protobuf ? .protobufStream : choice.type.cellSetFormat ?? .xml
        let range = try self.range()
        let projection = Projection(
            request.bytes("column").map { RowSpec.selector($0) },
            maxVersions: try number("maxversions", 1...Int.max) ?? 1,
            timeRange: TimeRange(
                min: Int64(try number("starttime", 0...Int.max) ?? 0),
                max: Int64(try number("endtime", 0...Int.max) ?? Int.max)),
            filter: try request.filter())
        guard projection.timeRange.min <= projection.timeRange.max else {
            throw SiltstoneError(.invalidArgument, "endtime is before starttime")
        }
        let rowLimit = try number("limit", Int.min...Int.max).map { max(0, $0) } ?? .max
        let batch = try number("batchsize", Int.min...Int.max).flatMap { $0 > 0 ? $0 : nil } ?? .max
        let (table, cancellation) = (table, request.cancellation)
        return .work { () throws(SiltstoneError) in
            let scanner = try table.scan(range, projection)
            if let cancellation { scanner.isCancelled = { cancellation.isCancelled } }
            let source = RowSetSource(
                scanner, format, rowLimit: rowLimit, cellsPerRow: batch)
            return try source.answer(choice.name)
        }
    }

    private func range() throws(SiltstoneError) -> RowRange {
        let isReversed = request.parameter("reversed") == "true"
        let prefix = Bytes(Request.decode(prefix))
        var range = RowRange(
            start: request.bytes("startrow").first ?? .empty,
            stop: request.bytes("endrow").first ?? .empty,
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
