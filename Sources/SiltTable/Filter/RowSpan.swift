import SiltBytes
import SiltFormat
import SiltModel

/// Row keys from a first one up to an end, for scans and for the parts of them in which a filter can pass rows.
struct RowSpan: Equatable {
    /// The first row key; empty for the table's beginning.
    let start: Bytes
    /// The first row key behind; `nil` for none.
    let end: Bytes?

    static let whole = RowSpan(start: .empty, end: nil)

    init(start: Bytes, end: Bytes?) {
        self.start = start
        self.end = end
    }

    /// The rows of a scan's range.
    init(_ range: RowRange) {
        let (low, high, includesLow, includesHigh) =
            range.isReversed
            ? (range.stop, range.start, range.includesStop, range.includesStart)
            : (range.start, range.stop, range.includesStart, range.includesStop)
        self.init(low, includesLow, high, includesHigh)
    }

    /// Between two keys, empty ones meaning the table's ends.
    init(_ low: Bytes, _ includesLow: Bool, _ high: Bytes, _ includesHigh: Bool) {
        start = low.isEmpty || includesLow ? low : RowSpan.successor(low)
        end = high.isEmpty ? nil : includesHigh ? RowSpan.successor(high) : high
    }

    /// The rows that begin with a prefix.
    init(prefix: Bytes) { self.init(start: prefix, end: prefix.prefixSuccessor) }

    /// The smallest key after a key.
    private static func successor(_ row: Bytes) -> Bytes { Bytes(row.array + [0]) }

    var isEmpty: Bool { end.map { $0 <= start } ?? false }

    /// The column key that none of the rows' is below.
    var lowerKey: [UInt8] { start.isEmpty ? [] : CellKey.rowPrefix(start) }

    /// The column key that all of the rows' are below; `nil` for no bound.
    var upperKey: [UInt8]? { end.map { $0.isEmpty ? [] : CellKey.rowPrefix($0) } }

    func intersection(_ other: RowSpan) -> RowSpan {
        let ends = [end, other.end].compactMap { $0 }
        return RowSpan(start: max(start, other.start), end: ends.min())
    }

    /// The smallest span around spans in either order.
    static func hull(of spans: [RowSpan]) -> RowSpan {
        guard let start = spans.map(\.start).min() else {
            return RowSpan(start: .empty, end: .empty)
        }
        let ends = spans.compactMap(\.end)
        return RowSpan(start: start, end: ends.count == spans.count ? ends.max() : nil)
    }

    /// The spans, ascending, outside of which a filter passes no row; `nil` when it says nothing about that.
    ///
    /// Leaving rows out that cannot pass changes no answer, save for `whileMatch`, which ends at them.
    static func spans(of filter: Filter) -> [RowSpan]? {
        filter.hasWhileMatch ? nil : bounds(filter)
    }

    private static func bounds(_ filter: Filter) -> [RowSpan]? {
        switch filter {
        case .prefix(let prefix): return [RowSpan(prefix: prefix)]
        case .row(let comparison, .binary(let row)):
            switch comparison {
            case .equal: return [RowSpan(row, true, row, true)]
            // An empty key would be read as no bound.
            case .less: return row.isEmpty ? [] : [RowSpan(.empty, true, row, false)]
            case .lessOrEqual: return row.isEmpty ? [] : [RowSpan(.empty, true, row, true)]
            case .greater: return [RowSpan(row, false, .empty, false)]
            case .greaterOrEqual: return [RowSpan(row, true, .empty, false)]
            case .notEqual, .noOperation: return nil
            }
        case .row(.equal, .binaryPrefix(let prefix)): return [RowSpan(prefix: prefix)]
        case .fuzzyRow(let keys):
            return united(
                keys.map { key in
                    let fixed = key.isFree.firstIndex(of: true) ?? key.isFree.count
                    return RowSpan(prefix: Bytes(key.key.array.prefix(fixed)))
                })
        case .multiRowRange(let ranges):
            return united(
                ranges.map { RowSpan($0.start, $0.includesStart, $0.stop, $0.includesStop) })
        case .all(let filters):
            var result: [RowSpan]?
            for one in filters {
                guard let found = bounds(one) else { continue }
                guard let known = result else {
                    result = found
                    continue
                }
                result = united(
                    known.flatMap { span in found.map { span.intersection($0) } })
            }
            return result
        case .any(let filters):
            var all: [RowSpan] = []
            for one in filters {
                guard let found = bounds(one) else { return nil }
                all += found
            }
            return filters.isEmpty ? nil : united(all)
        default: return nil
        }
    }

    /// Ascending spans that neither touch nor are empty.
    private static func united(_ spans: [RowSpan]) -> [RowSpan] {
        var result: [RowSpan] = []
        for span in spans.filter({ !$0.isEmpty }).sorted(by: { $0.start < $1.start }) {
            guard let last = result.last else {
                result.append(span)
                continue
            }
            guard let lastEnd = last.end else { break }
            if span.start <= lastEnd {
                result[result.count - 1] = RowSpan(
                    start: last.start, end: span.end.map { max($0, lastEnd) })
            } else {
                result.append(span)
            }
        }
        return result
    }
}

extension Filter {
    /// Whether it or a filter inside ends the scan at the first failure.
    var hasWhileMatch: Bool {
        switch self {
        case .whileMatch: true
        case .skip(let inner): inner.hasWhileMatch
        case .all(let inner), .any(let inner): inner.contains(where: \.hasWhileMatch)
        default: false
        }
    }
}
