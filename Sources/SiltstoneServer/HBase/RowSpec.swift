import SiltBytes
import SiltModel

/// What a row path of HBase's gateway names: `row[,end][/columns[/timestamp or start,end]]`.
///
/// The raw path is cut at `/` and `,` first and each piece decoded after, so `%2F` and `%2C` stay in a key.
struct RowSpec {
    enum Rows: Equatable {
        case one(Bytes)
        case range(start: Bytes, end: Bytes)
        case prefix(Bytes)
    }

    enum Times: Equatable {
        case all
        case exactly(Int64)
        case range(TimeRange)
    }

    let rows: Rows
    /// The columns asked for; `f` is a whole family, `f:` the empty qualifier.
    private(set) var selectors: [Projection.Selector] = []
    /// Their names as written.
    private(set) var names: [Bytes] = []
    let times: Times

    /// - Parameter pieces: the path's segments after the table.
    init(_ pieces: ArraySlice<Substring>, _ request: Request) throws(SiltstoneError) {
        let decode = try KeyDecoder(request)
        guard let first = pieces.first, pieces.count <= 3 else {
            throw SiltstoneError(.invalidArgument, "the path names no row")
        }
        let keys = first.utf8.split(
            separator: UInt8(ascii: ","), omittingEmptySubsequences: false
        ).map { Substring($0) }
        if keys.count == 1 {
            if first.utf8.last == UInt8(ascii: "*") {
                rows = .prefix(try decode(first.dropLast()))
            } else {
                rows = .one(try decode(first))
            }
        } else if keys.count == 2 {
            rows = .range(start: try decode(keys[0]), end: try decode(keys[1]))
        } else {
            throw SiltstoneError(.invalidArgument, "a row range has a start and an end")
        }
        times = pieces.count > 2 ? try Self.times(pieces[pieces.startIndex + 2]) : .all
        if pieces.count > 1 { try addColumns(pieces[pieces.startIndex + 1], request) }
    }

    /// Adds the columns of a list; one that is named again counts once in reads.
    mutating func addColumns(_ text: Substring, _ request: Request) throws(SiltstoneError) {
        let decode = try KeyDecoder(request)
        for piece in text.utf8.split(separator: UInt8(ascii: ",")) {
            let name = try decode(Substring(piece))
            names.append(name)
            selectors.append(Self.selector(name))
        }
    }

    /// The name of the path's column that stands for a cell of the body without one.
    func name(ofColumn index: Int) -> Bytes? {
        names.indices.contains(index) ? names[index] : nil
    }

    /// `f:q` is a column, `f:` the column without a qualifier, `f` a family.
    static func selector(_ name: Bytes) -> Projection.Selector {
        let column = Column(parsing: name.array[...])
        return name.array.contains(UInt8(ascii: ":")) ? .column(column) : .family(column.family)
    }

    private static func times(_ text: Substring) throws(SiltstoneError) -> Times {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false).map { Int64($0) }
        switch parts.count {
        case 1 where text.isEmpty: return .all
        case 1:
            if let time = parts[0], time >= 0 { return .exactly(time) }
        case 2:
            if let min = parts[0], let max = parts[1], min >= 0, max >= min {
                return .range(TimeRange(min: min, max: max))
            }
        default: break
        }
        throw SiltstoneError(
            .invalidArgument, "the time stamps of the path are not numbers in order")
    }

    /// The projection of a read with these columns and times.
    func projection(maxVersions: Int) -> Projection {
        let range =
            switch times {
            case .all: TimeRange.all
            case .exactly(let time): TimeRange(min: time, max: time == .max ? .max : time + 1)
            case .range(let range): range
            }
        var seen: Set<Projection.Selector> = []
        let wanted = selectors.filter { seen.insert($0).inserted }
        return Projection(wanted, maxVersions: maxVersions, timeRange: range)
    }
}

/// Decodes keys and columns of a path: percent-decoding, then base 64 when the request asks for it.
struct KeyDecoder {
    private let isBase64: Bool

    init(_ request: Request) throws(SiltstoneError) {
        switch request.parameter("e") ?? request.header("Encoding") {
        case nil: isBase64 = false
        case "b64", "base64", "b64url", "base64url", "b64basic", "base64basic": isBase64 = true
        case let name?:
            throw SiltstoneError(.invalidArgument, "key encoding is unknown encoding=\(name)")
        }
    }

    func callAsFunction(_ text: Substring) throws(SiltstoneError) -> Bytes {
        let raw = Request.decode(text)
        guard isBase64 else { return Bytes(raw) }
        // A plus sign of the basic alphabet may come unescaped: it is no space here.
        guard
            let bytes = Base64.decode(raw.map { $0 == UInt8(ascii: " ") ? UInt8(ascii: "+") : $0 })
        else { throw SiltstoneError(.invalidArgument, "key is not base 64") }
        return Bytes(bytes)
    }
}
