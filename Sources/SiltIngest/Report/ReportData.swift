internal import SiltBytes
internal import SiltModel
internal import SiltStream
internal import SiltTable

/// The windows that a report shows, read from a job's table.
struct ReportData {
    /// One window of one key.
    struct Point {
        let key: Int
        let start: Int64
        let end: Int64
        /// The texts of the aggregates; of one with several results, nothing.
        let values: [String?]
    }

    /// Several results of one aggregate.
    struct Entry {
        let point: Int
        let aggregate: Int
        let name: String
        let value: Double
    }

    /// More windows than these are refused.
    static let pointCountMax = 5_000_000

    private(set) var keys: [String] = []
    private(set) var points: [Point] = []
    private(set) var entries: [Entry] = []

    /// Reads the rows of a window, those that end up to `last` before the newest end.
    init(
        _ job: JobDefinition, window: Int, last: Int64?, in store: TableStore
    ) throws(SiltstoneError) {
        let name = job.windows[window].name
        let family = job.family.text(windowName: name)
        let layout = RowLayout(job, windowName: name)
        var ids: [[UInt8]: Int] = [:]
        let scanner = try store.table(job.table).scan(.all, Projection([.family(family)]))
        while let row = try scanner.next() {
            func number(_ name: String) -> Int64? {
                row[Column(family, Bytes(name))]?.value.string.flatMap { Int64($0) }
            }
            guard let start = number("_start"), let end = number("_end"),
                let key = layout.key(of: row.key.array, start: start, end: end)
            else { continue }
            guard points.count < Self.pointCountMax else {
                throw SiltstoneError(
                    .invalidArgument,
                    "report has too many windows; show fewer with 'last' job=\(job.name) max=\(Self.pointCountMax)"
                )
            }
            let id: Int
            if let known = ids[key] {
                id = known
            } else {
                id = keys.count
                ids[key] = id
                keys.append(String(decoding: key, as: UTF8.self))
            }
            for (aggregate, spec) in job.aggregates.enumerated() where spec.function.hasEntries {
                let prefix = Array("\(spec.name):".utf8)
                for cell in row.cells where cell.column.qualifier.array.starts(with: prefix) {
                    guard let value = cell.value.string.flatMap({ Double($0) }) else { continue }
                    let name = String(
                        decoding: cell.column.qualifier.array.dropFirst(prefix.count),
                        as: UTF8.self)
                    entries.append(
                        Entry(point: points.count, aggregate: aggregate, name: name, value: value))
                }
            }
            points.append(
                Point(
                    key: id, start: start, end: end,
                    values: job.aggregates.map { row[Column(family, Bytes($0.name))]?.value.string }
                ))
        }
        if let last { keep(last) }
    }

    private mutating func keep(_ last: Int64) {
        guard let newest = points.map(\.end).max() else { return }
        let bound = newest.subtractingReportingOverflow(last)
        let first = bound.overflow ? .min : bound.partialValue
        var places: [Int?] = []
        var kept: [Point] = []
        for point in points {
            places.append(point.end > first ? kept.count : nil)
            if point.end > first { kept.append(point) }
        }
        points = kept
        entries = entries.compactMap { entry in
            places[entry.point].map {
                Entry(point: $0, aggregate: entry.aggregate, name: entry.name, value: entry.value)
            }
        }
    }
}

/// Finds the key in the key of a window's row: the template with all else known.
struct RowLayout {
    private let parts: [RowTemplate.Part]
    private let windowName: [UInt8]

    init(_ job: JobDefinition, windowName: String) {
        parts = job.row.parts
        self.windowName = Array(windowName.utf8)
    }

    /// The key, its fields joined with `#`; `nil` when the row is not one of the window.
    func key(of row: [UInt8], start: Int64, end: Int64) -> [UInt8]? {
        var known: [[UInt8]?] = []
        for part in parts {
            switch part {
            case .literal(let bytes): known.append(bytes)
            case .windowName: known.append(windowName)
            case .key, .field: known.append(nil)
            case .start(let form), .end(let form):
                var bytes: [UInt8] = []
                var isStart = false
                if case .start = part { isStart = true }
                RowTemplate.append(isStart ? start : end, form, to: &bytes)
                known.append(bytes)
            }
        }
        var front = 0
        var first = 0
        while first < known.count, let bytes = known[first] {
            guard row[front...].starts(with: bytes) else { return nil }
            front += bytes.count
            first += 1
        }
        var back = row.count
        var last = known.count
        while last > first, let bytes = known[last - 1] {
            guard back - bytes.count >= front,
                row[(back - bytes.count)..<back].elementsEqual(bytes)
            else { return nil }
            back -= bytes.count
            last -= 1
        }
        if first == last { return front == back ? [] : nil }
        // Several fields: what stands between two of them parts them where it is first found.
        var fields: [[UInt8]] = []
        var isInField = false
        for index in first..<last {
            guard let bytes = known[index] else {
                fields.append([])
                isInField = true
                continue
            }
            let place = isInField ? Self.find(bytes, in: row[front..<back]) : front
            guard let found = place, row[found..<back].starts(with: bytes) else { return nil }
            if isInField { fields[fields.count - 1] = Array(row[front..<found]) }
            isInField = false
            front = found + bytes.count
        }
        fields[fields.count - 1] = Array(row[front..<back])
        return Array(fields.joined(separator: [0x23]))
    }

    private static func find(_ bytes: [UInt8], in row: ArraySlice<UInt8>) -> Int? {
        guard row.count >= bytes.count else { return nil }
        return (row.startIndex...(row.endIndex - bytes.count)).first {
            row[$0...].starts(with: bytes)
        }
    }
}

/// Values of windows on their way to one.
struct ReportSum {
    private var sum = 0.0
    private var weight = 0.0
    private var least = Double.infinity
    private var greatest = -Double.infinity
    private var last: (end: Int64, value: Double)?

    /// The least and greatest value; `nil` before the first.
    var range: (least: Double, greatest: Double)? { last == nil ? nil : (least, greatest) }

    mutating func add(_ value: Double, weight: Double = 1, end: Int64) {
        guard value.isFinite, weight.isFinite else { return }
        sum += value * weight
        self.weight += weight
        least = Swift.min(least, value)
        greatest = Swift.max(greatest, value)
        if last.map({ $0.end <= end }) ?? true { last = (end, value) }
    }

    /// The combined value; `nil` without any.
    func value(_ combination: ReportDefinition.Combination) -> Double? {
        guard let last else { return nil }
        switch combination {
        case .sum: return sum
        case .min: return least
        case .max: return greatest
        case .mean: return weight > 0 ? sum / weight : nil
        case .last: return last.value
        }
    }
}

extension ReportData {
    /// Adds a point's value of a measure; with its weight where the measure is a weighted mean.
    func add(_ point: Point, _ measure: ReportDefinition.Measure, to sum: inout ReportSum) {
        guard let value = point.values[measure.aggregate].flatMap({ Double($0) }) else { return }
        var weight = 1.0
        if measure.combination == .mean, let index = measure.weight {
            weight = point.values[index].flatMap { Double($0) } ?? 0
            if weight <= 0 { return }
        }
        sum.add(value, weight: weight, end: point.end)
    }

    /// What all windows of each key give together, greatest first; equal ones by key.
    ///
    /// - Parameter combination: how, if not as the measure says.
    func totals(
        _ measure: ReportDefinition.Measure, _ combination: ReportDefinition.Combination? = nil
    ) -> [(key: Int, value: Double)] {
        var sums = Array(repeating: ReportSum(), count: keys.count)
        for point in points { add(point, measure, to: &sums[point.key]) }
        return sums.enumerated().compactMap { key, sum in
            sum.value(combination ?? measure.combination).map { (key, $0) }
        }.sorted { ($1.value, keys[$0.key]) < ($0.value, keys[$1.key]) }
    }

    /// The same for the values that an aggregate counts.
    func entryTotals(_ measure: ReportDefinition.Measure) -> [(name: String, value: Double)] {
        var sums: [String: ReportSum] = [:]
        for entry in entries where entry.aggregate == measure.aggregate {
            sums[entry.name, default: ReportSum()].add(entry.value, end: points[entry.point].end)
        }
        return sums.compactMap { name, sum in
            sum.value(measure.combination).map { (name, $0) }
        }.sorted { ($1.value, $0.name) < ($0.value, $1.name) }
    }
}
