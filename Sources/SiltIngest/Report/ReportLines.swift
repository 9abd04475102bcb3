internal import SiltStream

/// Lines over time, as they are drawn.
struct ReportLines {
    /// One key's line.
    struct Line {
        let name: String
        var points: [(time: Int64, value: Double)]
    }

    let lines: [Line]
    /// How many keys there are besides.
    let otherCount: Int
    /// How far apart neighbouring points are; a longer gap is not drawn over.
    let stepMilliseconds: Int64

    /// The lines of a part: a point for each window, or for each step of several.
    init(
        _ data: ReportData, _ part: ReportDefinition.Part, step: ReportDefinition.Step?,
        _ clock: ReportClock
    ) {
        let measure = part.measures[0]
        // Where the last window counts, a line is as great as its highest point: its end says little.
        let totals = data.totals(measure, measure.combination == .last ? .max : nil)
        let shown =
            part.keys.map { names in
                names.compactMap { name in totals.first { data.keys[$0.key] == name } }
            } ?? Array(totals.prefix(part.keyCountMax))
        var places: [Int: Int] = [:]
        for (place, total) in shown.enumerated() { places[total.key] = place }
        var sums = Array(repeating: [Int64: ReportSum](), count: shown.count)
        var floors: [Int64: Int64] = [:]
        for point in data.points {
            guard let place = places[point.key] else { continue }
            var time = point.start
            if let step {
                if let known = floors[time] {
                    time = known
                } else {
                    time = clock.floor(point.start, step)
                    floors[point.start] = time
                }
            }
            data.add(point, measure, to: &sums[place][time, default: ReportSum()])
        }
        lines = zip(shown, sums).map { total, sums in
            Line(
                name: data.keys[total.key],
                points: sums.compactMap { time, sum in
                    sum.value(measure.combination).map { (time, $0) }
                }.sorted { $0.time < $1.time })
        }
        otherCount = totals.count - shown.count
        var gaps: [Int64] = []
        for line in lines {
            for (one, next) in zip(line.points, line.points.dropFirst()) {
                gaps.append(next.time - one.time)
            }
        }
        // Most windows have a neighbour, so the middle one of the gaps is the usual one.
        stepMilliseconds = gaps.isEmpty ? 1 : gaps.sorted()[gaps.count / 2]
    }
}

/// The scale of an axis of numbers: round steps that hold all values.
struct ReportScale {
    let least: Double
    let greatest: Double
    let step: Double

    /// A scale of about `count` steps; it begins at zero unless values are far from it.
    init(_ values: (least: Double, greatest: Double), count: Int) {
        // Beyond these the steps themselves would be out of range.
        var low = min(max(values.least, -1e300), 1e300)
        var high = min(max(values.greatest, -1e300), 1e300)
        if low > 0, low < high * 0.6 || low == high { low = 0 }
        if high < 0, high > low * 0.6 || low == high { high = 0 }
        if high - low < 1e-300 { high = low + 1 }
        let rough = (high - low) / Double(count)
        var power = 1.0
        while power * 10 <= rough { power *= 10 }
        while power > rough { power /= 10 }
        let factor = rough / power
        let step = power * ([1, 2, 2.5, 5].first { factor <= $0 } ?? 10)
        self.step = step
        least = (low / step).rounded(.down) * step
        greatest = (high / step).rounded(.up) * step
    }

    /// The values that have a label.
    var ticks: [Double] {
        let count = Int(((greatest - least) / step).rounded())
        return (0...max(1, min(count, 50))).map { least + Double($0) * step }
    }

    /// Where a value lies, from 0 for the least to 1.
    func place(_ value: Double) -> Double {
        (min(max(value, least), greatest) - least) / (greatest - least)
    }
}
