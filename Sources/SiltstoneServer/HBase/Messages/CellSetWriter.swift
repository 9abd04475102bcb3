import SiltBytes
import SiltModel

/// Writes rows in one representation, piece by piece.
struct CellSetWriter {
    /// How rows are written.
    enum Format {
        case json
        case xml
        case protobuf
        /// Messages of some rows each, each after its length in two bytes, big-endian.
        case protobufStream
    }

    /// Clients read the length of a message of the stream as a signed number.
    private static let messageBytesMax = 32_767
    /// As many rows as HBase puts in a message.
    private static let messageRowsMax = 10

    let format: Format
    /// What was written and not taken yet.
    private(set) var bytes: [UInt8] = []
    private var isFirst = true
    private var message = ProtobufWriter()
    private var messageRows = 0

    init(_ format: Format) { self.format = format }

    /// Begins the set.
    mutating func begin() {
        switch format {
        case .json: bytes.append(contentsOf: #"{"Row":["#.utf8)
        case .xml:
            bytes = XMLWriter().bytes
            bytes.append(contentsOf: "<CellSet>".utf8)
        case .protobuf, .protobufStream: break
        }
    }

    /// Appends a row, or a part of one.
    ///
    /// - Throws: when a cell is too large for a message of the stream.
    mutating func append(key: Bytes, cells: ArraySlice<Cell>) throws(SiltstoneError) {
        switch format {
        case .json: appendJSON(key, cells)
        case .xml: appendXML(key, cells)
        case .protobuf:
            var writer = ProtobufWriter()
            writer.write(1, Self.message(key, cells))
            bytes.append(contentsOf: writer.bytes)
        case .protobufStream: try appendToStream(key, cells)
        }
        isFirst = false
    }

    /// Ends the set.
    mutating func finish() {
        switch format {
        case .json: bytes.append(contentsOf: "]}".utf8)
        case .xml: bytes.append(contentsOf: "</CellSet>".utf8)
        case .protobuf: break
        case .protobufStream: endMessage()
        }
    }

    /// Takes what was written so far.
    mutating func take() -> [UInt8] {
        defer { bytes = [] }
        return bytes
    }

    // MARK: Text

    private mutating func appendJSON(_ key: Bytes, _ cells: ArraySlice<Cell>) {
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        bytes.append(contentsOf: #"{"key":""#.utf8)
        Base64.encode(key.array, into: &bytes)
        bytes.append(contentsOf: #"","Cell":["#.utf8)
        for (index, cell) in cells.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes.append(contentsOf: #"{"column":""#.utf8)
            Base64.encode(Self.name(of: cell), into: &bytes)
            bytes.append(contentsOf: #"","timestamp":"#.utf8)
            JSONWriter.append(cell.timestamp, to: &bytes)
            bytes.append(contentsOf: #","$":""#.utf8)
            Base64.encode(cell.value.array, into: &bytes)
            bytes.append(contentsOf: #""}"#.utf8)
        }
        bytes.append(contentsOf: "]}".utf8)
    }

    private mutating func appendXML(_ key: Bytes, _ cells: ArraySlice<Cell>) {
        bytes.append(contentsOf: #"<Row key=""#.utf8)
        Base64.encode(key.array, into: &bytes)
        bytes.append(contentsOf: #"">"#.utf8)
        for cell in cells {
            bytes.append(contentsOf: #"<Cell column=""#.utf8)
            Base64.encode(Self.name(of: cell), into: &bytes)
            bytes.append(contentsOf: #"" timestamp=""#.utf8)
            JSONWriter.append(cell.timestamp, to: &bytes)
            bytes.append(contentsOf: #"">"#.utf8)
            Base64.encode(cell.value.array, into: &bytes)
            bytes.append(contentsOf: "</Cell>".utf8)
        }
        bytes.append(contentsOf: "</Row>".utf8)
    }

    /// `family:qualifier`.
    static func name(of cell: Cell) -> [UInt8] {
        Array(cell.column.family.utf8) + [UInt8(ascii: ":")] + cell.column.qualifier.array
    }

    // MARK: Protocol Buffers

    private static func message(_ key: Bytes, _ cells: ArraySlice<Cell>) -> [UInt8] {
        var row = ProtobufWriter()
        row.write(1, key)
        for cell in cells { row.write(2, message(cell)) }
        return row.bytes
    }

    private static func message(_ cell: Cell) -> [UInt8] {
        var writer = ProtobufWriter()
        writer.write(2, name(of: cell))
        writer.write(3, cell.timestamp)
        writer.write(4, cell.value)
        return writer.bytes
    }

    /// Adds a row to the message under way; a row too large for one goes over several, under the same key.
    private mutating func appendToStream(_ key: Bytes, _ cells: ArraySlice<Cell>)
        throws(SiltstoneError)
    {
        var part: [Cell] = []
        // Tags and lengths of the row, its key and a cell take less than this.
        var size = key.count + 16
        for cell in cells {
            let cost = Self.message(cell).count + 8
            if size + cost > Self.messageBytesMax, !part.isEmpty {
                addToMessage(Self.message(key, part[...]))
                (part, size) = ([], key.count + 16)
            }
            guard size + cost <= Self.messageBytesMax else {
                throw SiltstoneError(
                    .invalidArgument,
                    "cell is too large for a protobuf stream: use JSON or XML bytes=\(cell.value.count)"
                )
            }
            part.append(cell)
            size += cost
        }
        addToMessage(Self.message(key, part[...]))
    }

    private mutating func addToMessage(_ row: [UInt8]) {
        if messageRows == Self.messageRowsMax
            || message.bytes.count + row.count + 8 > Self.messageBytesMax
        {
            endMessage()
        }
        message.write(1, row)
        messageRows += 1
    }

    private mutating func endMessage() {
        guard messageRows > 0 else { return }
        let count = message.bytes.count
        bytes.append(UInt8(truncatingIfNeeded: count >> 8))
        bytes.append(UInt8(truncatingIfNeeded: count))
        bytes.append(contentsOf: message.bytes)
        (message, messageRows) = (ProtobufWriter(), 0)
    }
}

extension MediaType {
    /// How rows are written in this representation; `nil` when they are not.
    var cellSetFormat: CellSetWriter.Format? {
        switch self {
        case .json: .json
        case .xml: .xml
        case .protobuf: .protobuf
        case .binary, .text: nil
        }
    }
}
