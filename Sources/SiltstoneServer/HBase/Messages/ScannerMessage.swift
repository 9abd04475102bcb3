import SiltBytes
import SiltModel

/// What a scanner is asked to give.
struct ScannerMessage {
    var startRow = Bytes.empty
    var endRow = Bytes.empty
    var columns: [Bytes] = []
    /// Cells of an answer at most; `nil` for the whole rest.
    var batch: Int?
    var startTime: Int64 = 0
    var endTime = Int64.max
    var maxVersions = Int(Int32.max)
    /// The JSON form of a filter.
    var filter: String?
    /// Rows in all at most.
    var limit: Int?
    var includesStart = true
    var includesStop = false

    static func decode(_ body: [UInt8], _ type: MediaType) throws(SiltstoneError) -> ScannerMessage?
    {
        var message: ScannerMessage
        switch type {
        case .json: message = try json(body)
        case .xml: message = try xml(body)
        case .protobuf: message = try protobuf(body)
        case .binary, .text: return nil
        }
        if let batch = message.batch, batch <= 0 { message.batch = nil }
        if let limit = message.limit, limit <= 0 { message.limit = nil }
        if message.maxVersions < 1 { message.maxVersions = 1 }
        guard message.startTime >= 0, message.startTime <= message.endTime else {
            throw SiltstoneError(.invalidArgument, "the scanner's times are not in order")
        }
        return message
    }

    /// The rows to scan.
    var range: RowRange {
        RowRange(
            start: startRow, stop: endRow, includesStart: includesStart, includesStop: includesStop)
    }

    /// The cells to show.
    func projection() throws(SiltstoneError) -> Projection {
        var wanted: Filter?
        if let filter, !filter.isEmpty {
            wanted = try Filter(json: JSONBody.parse(Array(filter.utf8)))
        }
        return Projection(
            columns.map(RowSpec.selector), maxVersions: maxVersions,
            timeRange: TimeRange(min: startTime, max: endTime), filter: wanted)
    }

    private static func json(_ body: [UInt8]) throws(SiltstoneError) -> ScannerMessage {
        // Some clients send nothing, or an empty text, for a scanner of everything.
        let document = body.isEmpty ? .object([]) : try JSONBody.parse(body)
        guard document.objectValue != nil || document == .string("") else {
            throw SiltstoneError(.invalidArgument, "a scanner is an object")
        }
        func count(_ name: String) throws(SiltstoneError) -> Int? {
            try JSONBody.integer(document[name], name).map { Int(clamping: $0) }
        }
        var message = ScannerMessage()
        message.startRow = try JSONBody.bytes(document["startRow"], "startRow") ?? .empty
        message.endRow = try JSONBody.bytes(document["endRow"], "endRow") ?? .empty
        for column in try JSONBody.list(document["column"], "column") {
            message.columns.append(try JSONBody.bytes(column, "column") ?? .empty)
        }
        message.batch = try count("batch")
        message.startTime = try JSONBody.integer(document["startTime"], "startTime") ?? 0
        message.endTime = try JSONBody.integer(document["endTime"], "endTime") ?? .max
        message.maxVersions = try count("maxVersions") ?? message.maxVersions
        message.limit = try count("limit")
        if let filter = document["filter"], !filter.isNull {
            message.filter = filter.stringValue ?? filter.text
        }
        message.includesStart =
            try JSONBody.bool(document["includeStartRow"], "includeStartRow") ?? true
        message.includesStop =
            try JSONBody.bool(document["includeStopRow"], "includeStopRow") ?? false
        return message
    }

    private static func xml(_ body: [UInt8]) throws(SiltstoneError) -> ScannerMessage {
        let root = try XMLElement.parse(body)
        guard root.name == "Scanner" else {
            throw SiltstoneError(.invalidArgument, "body is not a Scanner element=\(root.name)")
        }
        func wrong(_ name: String) -> SiltstoneError {
            SiltstoneError(.invalidArgument, "\(name) is wrong in the scanner")
        }
        func bytes(_ text: String, _ name: String) throws(SiltstoneError) -> Bytes {
            guard let bytes = Base64.decode(text.utf8.filter { $0 > 0x20 }) else {
                throw wrong(name)
            }
            return Bytes(bytes)
        }
        func number(_ name: String) throws(SiltstoneError) -> Int64? {
            guard let text = root[name] else { return nil }
            guard let number = Int64(text) else { throw wrong(name) }
            return number
        }
        func bool(_ name: String) throws(SiltstoneError) -> Bool? {
            guard let text = root[name] else { return nil }
            guard let flag = Bool(text.lowercased()) else { throw wrong(name) }
            return flag
        }
        var message = ScannerMessage()
        message.startRow = try bytes(root["startRow"] ?? "", "startRow")
        message.endRow = try bytes(root["endRow"] ?? "", "endRow")
        message.batch = try number("batch").map { Int(clamping: $0) }
        message.startTime = try number("startTime") ?? 0
        message.endTime = try number("endTime") ?? .max
        message.maxVersions =
            try number("maxVersions").map { Int(clamping: $0) } ?? message.maxVersions
        message.limit = try number("limit").map { Int(clamping: $0) }
        message.includesStart = try bool("includeStartRow") ?? true
        message.includesStop = try bool("includeStopRow") ?? false
        message.filter = root.child("filter")?.text
        for column in root.children where column.name == "column" {
            message.columns.append(try bytes(column.text, "column"))
        }
        return message
    }

    private static func protobuf(_ body: [UInt8]) throws(SiltstoneError) -> ScannerMessage {
        var message = ScannerMessage()
        var reader = ProtobufReader(body)
        while let (field, value) = try reader.next() {
            switch field {
            case 1: message.startRow = value.bytes
            case 2: message.endRow = value.bytes
            case 3: message.columns.append(value.bytes)
            case 4: message.batch = Int(clamping: value.integer)
            case 5: message.startTime = value.integer
            case 6: message.endTime = value.integer
            case 7: message.maxVersions = Int(clamping: value.integer)
            case 8: message.filter = value.text
            case 12: message.limit = Int(clamping: value.integer)
            case 13: message.includesStart = value.bool
            case 14: message.includesStop = value.bool
            default: break
            }
        }
        return message
    }
}
