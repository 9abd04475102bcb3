import NIOHTTP1
import SiltBytes
import SiltModel
import SiltTable

/// Gives rows one after the other.
protocol RowFeed: AnyObject {
    /// The next row; `nil` at the end.
    func next() throws(SiltstoneError) -> Row?
}

extension RowScanner: RowFeed {}

/// Rows that were read one by one, in the order asked.
final class RowListFeed: RowFeed {
    private let table: StoredTable
    private var wanted: ArraySlice<(key: Bytes, projection: Projection)>

    init(_ table: StoredTable, _ wanted: [(key: Bytes, projection: Projection)]) {
        self.table = table
        self.wanted = wanted[...]
    }

    func next() throws(SiltstoneError) -> Row? {
        while let (key, projection) = wanted.popFirst() {
            if let row = try table.get(key, projection) { return row }
        }
        return nil
    }
}

/// Streams rows in one representation, about 64 KiB a piece.
final class RowSetSource: BodySource {
    private static let pieceBytes = 64 << 10

    /// Rows may change at any moment.
    static let noCache = ("Cache-Control", "no-cache")

    private(set) var isDone = false

    private let feed: any RowFeed
    private let cellsPerRow: Int
    private var rowsLeft: Int
    private var writer: CellSetWriter
    private var hasBegun = false
    private var first: Row?

    init(
        _ feed: any RowFeed, _ format: CellSetWriter.Format, rowLimit: Int = .max,
        cellsPerRow: Int = .max
    ) {
        self.feed = feed
        self.cellsPerRow = cellsPerRow
        rowsLeft = rowLimit
        writer = CellSetWriter(format)
    }

    func nextPiece() throws(SiltstoneError) -> [UInt8]? {
        guard !isDone else { return nil }
        if !hasBegun {
            writer.begin()
            hasBegun = true
        }
        while writer.bytes.count < Self.pieceBytes {
            guard let row = try nextRow() else {
                writer.finish()
                isDone = true
                break
            }
            var cells = row.cells[...]
            while !cells.isEmpty {
                try writer.append(key: row.key, cells: cells.prefix(cellsPerRow))
                cells = cells.dropFirst(cellsPerRow)
            }
        }
        return writer.take()
    }

    private func nextRow() throws(SiltstoneError) -> Row? {
        if let row = first {
            first = nil
            return row
        }
        guard rowsLeft > 0, let row = try feed.next() else { return nil }
        rowsLeft -= 1
        return row
    }

    /// The answer that streams the rows; `empty` when there are none.
    func reply(_ name: String, orWhenEmpty empty: Response) throws(SiltstoneError) -> Response {
        first = try nextRow()
        guard first != nil else { return empty }
        return try answer(name)
    }

    /// The answer that streams the rows, however few.
    func answer(_ name: String) throws(SiltstoneError) -> Response {
        var response = try Response.stream(.ok, contentType: name, self)
        response.headers.append(Self.noCache)
        return response
    }
}
