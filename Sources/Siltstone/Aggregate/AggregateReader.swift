import SiltBytes
import SiltModel
import SiltStream
import SiltTable

/// Adds up the rows of one part of an aggregation.
///
/// 1. The cells come in row order, where they lie; of each row those that are arguments are kept.
/// 2. A row that ends becomes an event; or each cell does, when grouping by qualifier.
/// 3. Events are added in batches, to the slots of their groups.
struct AggregateReader {
    /// How many events are added at a time.
    private static let batchCount = 1024
    /// More groups than this are refused.
    private static let groupCountMax = 1_000_000

    private(set) var groups: GroupedAggregates
    private let aggregation: Aggregation
    private let arguments: [Column]
    private let groupsByQualifier: Bool
    private var batch: EventBatch
    private var slots: [UInt32] = []
    /// The row whose cells come now.
    private var row: Bytes?
    /// Its arguments so far.
    private var found: [ArgumentValue]
    private var lastGroup: [UInt8] = []
    private var lastSlot: UInt32 = 0

    init(_ aggregation: Aggregation, _ specs: [AggregateSpec]) {
        self.aggregation = aggregation
        groups = GroupedAggregates(specs)
        arguments = aggregation.arguments
        groupsByQualifier = aggregation.grouping == .qualifier
        batch = EventBatch(columnCount: arguments.count)
        found = Array(repeating: .null, count: arguments.count)
    }

    /// Adds all rows of a part.
    mutating func read(_ part: ScanPart) throws(SiltstoneError) {
        let scanner = try part.open()
        var failure: SiltstoneError?
        do {
            try scanner.forEachCell { row, column, _, value in
                do throws(SiltstoneError) {
                    try add(row, column, value)
                } catch {
                    failure = error
                    return false
                }
                return true
            }
        } catch let error as SiltstoneError {
            throw error
        } catch {
            throw SiltstoneError(.unavailable, "\(error)")
        }
        if let failure { throw failure }
        try endRow()
        flush()
    }

    private mutating func add(
        _ row: Bytes, _ column: Column, _ value: borrowing Span<UInt8>
    ) throws(SiltstoneError) {
        if groupsByQualifier {
            var key = Array(column.family.utf8)
            key.append(UInt8(ascii: ":"))
            key.append(contentsOf: column.qualifier.array)
            for index in arguments.indices {
                found[index] =
                    arguments[index].family == column.family
                    ? ArgumentValue(value, aggregation.values) : .null
            }
            return try endEvent(key)
        }
        if self.row != row {
            try endRow()
            self.row = row
        }
        for index in arguments.indices where arguments[index] == column {
            found[index] = ArgumentValue(value, aggregation.values)
        }
    }

    private mutating func endRow() throws(SiltstoneError) {
        guard let row else { return }
        self.row = nil
        switch aggregation.grouping {
        case .all, .qualifier: try endEvent([])
        case .prefix(let count): try endEvent(Array(row.array.prefix(count)))
        case .parts(let count, let separator):
            try endEvent(Self.head(row.array, count, separator.array))
        }
    }

    /// What stands before the n-th separator.
    private static func head(_ row: [UInt8], _ count: Int, _ separator: [UInt8]) -> [UInt8] {
        var seen = 0
        var place = 0
        while place + separator.count <= row.count {
            if row[place..<(place + separator.count)].elementsEqual(separator) {
                seen += 1
                if seen == count { return Array(row[..<place]) }
                place += separator.count
            } else {
                place += 1
            }
        }
        return row
    }

    private mutating func endEvent(_ group: [UInt8]) throws(SiltstoneError) {
        if groups.count == 0 || group != lastGroup {
            lastSlot = groups.slot(of: group)
            lastGroup = group
            guard groups.count <= Self.groupCountMax else {
                throw SiltstoneError(
                    .invalidArgument, "aggregation has too many groups max=\(Self.groupCountMax)")
            }
        }
        for index in found.indices {
            found[index].append(to: &batch.columns[index])
            found[index] = .null
        }
        batch.offsets.append(Int64(batch.timestamps.count))
        batch.timestamps.append(0)
        slots.append(lastSlot)
        if slots.count == Self.batchCount { flush() }
    }

    private mutating func flush() {
        groups.add(batch, slots: slots)
        batch.removeAll()
        slots.removeAll(keepingCapacity: true)
    }
}

/// A value as the argument of an aggregate.
private enum ArgumentValue {
    case null
    case int(Int64)
    case double(Double)
    case bytes([UInt8])

    init(_ value: borrowing Span<UInt8>, _ form: Aggregation.Values) {
        if form == .long, value.count == 8 {
            var number: UInt64 = 0
            for index in value.indices { number = number << 8 | UInt64(value[index]) }
            self = .int(Int64(bitPattern: number))
            return
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(value.count)
        for index in value.indices { bytes.append(value[index]) }
        guard form == .text else {
            self = .bytes(bytes)
            return
        }
        self = Self.integer(bytes).map { .int($0) } ?? Self.double(bytes) ?? .bytes(bytes)
    }

    func append(to column: inout ValueColumn) {
        switch self {
        case .null: column.appendNull()
        case .int(let value): column.append(value)
        case .double(let value): column.append(value)
        case .bytes(let value): column.append(bytes: value)
        }
    }

    /// Digits, perhaps after a sign, that fit 64 bits.
    private static func integer(_ text: [UInt8]) -> Int64? {
        let isNegative = text.first == UInt8(ascii: "-")
        let start = isNegative || text.first == UInt8(ascii: "+") ? 1 : 0
        guard text.count > start, text.count <= start + 18 else {
            return text.count <= 20 ? Int64(String(decoding: text, as: UTF8.self)) : nil
        }
        var number: Int64 = 0
        for index in start..<text.count {
            let digit = Int64(text[index]) &- 0x30
            guard digit >= 0, digit <= 9 else { return nil }
            number = number &* 10 &+ digit
        }
        return isNegative ? -number : number
    }

    /// A number with a fraction or an exponent; words such as `nan` and hexadecimal digits are text.
    private static func double(_ text: [UInt8]) -> ArgumentValue? {
        guard !text.isEmpty, text.count <= 64 else { return nil }
        for byte in text {
            switch byte {
            case 0x30...0x39, 0x2b, 0x2d, 0x2e, 0x45, 0x65: continue
            default: return nil
            }
        }
        return Double(String(decoding: text, as: UTF8.self)).map { .double($0) }
    }
}
