internal import SiltStream

/// Charts as SVG: shapes and labels, no script; colours come from the page.
struct ReportChart {
    let clock: ReportClock

    /// The colours that the page has; lines beyond begin again.
    static let colourCount = 8

    private struct Frame {
        var width = 960.0
        var height = 300.0
        var left = 66.0
        var right = 14.0
        var top = 10.0
        var bottom = 44.0

        var innerWidth: Double { width - left - right }
        var innerHeight: Double { height - top - bottom }
    }

    private static func text(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return tenths % 10 == 0
            ? "\(tenths / 10)" : "\(tenths < 0 ? "-" : "")\(abs(tenths) / 10).\(abs(tenths) % 10)"
    }

    // MARK: Lines

    /// Some lines in one picture.
    func lines(
        _ lines: [ReportLines.Line], step: Int64, _ measure: ReportDefinition.Measure,
        title: String, firstColour: Int = 0, isSmall: Bool = false
    ) -> String {
        let points = lines.flatMap(\.points)
        guard let first = points.map(\.time).min(), let last = points.map(\.time).max() else {
            return "<p class=\"none\">There is nothing to show.</p>"
        }
        var frame = Frame()
        if isSmall {
            frame.width = 470
            frame.height = 170
            frame.left = 58
            frame.bottom = 28
        }
        let values = points.map(\.value)
        let scale = ReportScale(
            (values.min() ?? 0, values.max() ?? 1), count: isSmall ? 3 : 5)
        var svg = open(frame, title)
        svg += valueAxis(frame, scale, measure, isSmall: isSmall)
        svg += timeAxis(frame, first, last, isSmall: isSmall)
        for (index, line) in lines.enumerated() {
            svg += draw(
                line, colour: (firstColour + index) % Self.colourCount + 1, step: step, frame,
                scale,
                first, last)
        }
        return svg + "</svg>\n"
    }

    private func open(_ frame: Frame, _ title: String) -> String {
        "<svg viewBox=\"0 0 \(Self.text(frame.width)) \(Self.text(frame.height))\" role=\"img\" aria-label=\"\(ReportText.escaped(title))\">\n"
    }

    private func valueAxis(
        _ frame: Frame, _ scale: ReportScale, _ measure: ReportDefinition.Measure, isSmall: Bool
    ) -> String {
        var svg = ""
        for tick in scale.ticks {
            let y = Self.text(frame.top + frame.innerHeight * (1 - scale.place(tick)))
            let isBase = abs(tick) < scale.step / 1e6
            svg +=
                "<line class=\"\(isBase ? "base" : "grid")\" x1=\"\(Self.text(frame.left))\" y1=\"\(y)\" x2=\"\(Self.text(frame.width - frame.right))\" y2=\"\(y)\"/>"
                + "<text class=\"tick\" x=\"\(Self.text(frame.left - 7))\" y=\"\(y)\" dy=\".34em\" text-anchor=\"end\">\(ReportText.label(tick, step: scale.step))</text>\n"
        }
        if !isSmall {
            let middle = Self.text(frame.top + frame.innerHeight / 2)
            let label = ReportText.escaped(
                measure.label + (measure.unit.isEmpty ? "" : " (\(measure.unit))"))
            svg +=
                "<text class=\"axis\" transform=\"translate(13 \(middle)) rotate(-90)\" text-anchor=\"middle\">\(label)</text>\n"
        }
        return svg
    }

    private func timeAxis(_ frame: Frame, _ first: Int64, _ last: Int64, isSmall: Bool) -> String {
        var svg = ""
        let bottom = frame.top + frame.innerHeight
        var free = -Double.infinity
        for (time, label) in clock.ticks(from: first, to: last, count: isSmall ? 5 : 10) {
            let x = place(time, first, last, frame)
            svg +=
                "<line class=\"mark\" x1=\"\(Self.text(x))\" y1=\"\(Self.text(bottom))\" x2=\"\(Self.text(x))\" y2=\"\(Self.text(bottom + 5))\"/>"
            let half = Double(label.count) * 3.4
            let middle = min(max(x, frame.left + half - 30), frame.width - half - 2)
            if middle - half < free { continue }
            free = middle + half + 8
            svg +=
                "<text class=\"tick\" x=\"\(Self.text(middle))\" y=\"\(Self.text(bottom + 18))\" text-anchor=\"middle\">\(label)</text>\n"
        }
        if !isSmall {
            let years = [clock.year(first), clock.year(last)]
            let span = years[0] == years[1] ? years[0] : "\(years[0]) to \(years[1])"
            svg +=
                "<text class=\"axis\" x=\"\(Self.text(frame.left + frame.innerWidth / 2))\" y=\"\(Self.text(frame.height - 5))\" text-anchor=\"middle\">start of window, \(span), \(ReportText.escaped(clock.zone.name)) time</text>\n"
        }
        return svg
    }

    private func place(_ time: Int64, _ first: Int64, _ last: Int64, _ frame: Frame) -> Double {
        guard last > first else { return frame.left + frame.innerWidth / 2 }
        return frame.left + frame.innerWidth * Double(time - first) / Double(last - first)
    }

    private struct Spot {
        var x: Double
        var mean: Double
        var least: Double
        var greatest: Double
    }

    /// A line; where there are several points to a pixel, their mean in a band from the least to the greatest.
    private func draw(
        _ line: ReportLines.Line, colour: Int, step: Int64, _ frame: Frame, _ scale: ReportScale,
        _ first: Int64, _ last: Int64
    ) -> String {
        let isDense = Double(line.points.count) > frame.innerWidth / 1.5
        let binCount = frame.innerWidth / 2
        var runs: [[Spot]] = []
        var bin = -1
        var count = 0.0
        var before: Int64?
        for (time, value) in line.points {
            let x = place(time, first, last, frame)
            let isApart = before.map { time - $0 > step * 2 } ?? true
            before = time
            let own = isDense ? Int((x - frame.left) / frame.innerWidth * binCount) : bin + 1
            if isApart { runs.append([]) }
            if own != bin || isApart {
                runs[runs.count - 1].append(Spot(x: x, mean: value, least: value, greatest: value))
                count = 1
                bin = own
            } else {
                var spots = runs.removeLast()
                var spot = spots.removeLast()
                count += 1
                spot.mean += (value - spot.mean) / count
                spot.least = min(spot.least, value)
                spot.greatest = max(spot.greatest, value)
                spots.append(spot)
                runs.append(spots)
            }
        }
        var svg = "<g class=\"c\(colour)\"><title>\(ReportText.escaped(line.name))</title>"
        func y(_ value: Double) -> String {
            Self.text(frame.top + frame.innerHeight * (1 - scale.place(value)))
        }
        for run in runs {
            if isDense {
                let upper = run.map { "\(Self.text($0.x)),\(y($0.greatest))" }
                let lower = run.reversed().map { "\(Self.text($0.x)),\(y($0.least))" }
                svg +=
                    "<polygon class=\"band\" points=\"\((upper + lower).joined(separator: " "))\"/>"
            }
            if run.count == 1 {
                svg += "<circle cx=\"\(Self.text(run[0].x))\" cy=\"\(y(run[0].mean))\" r=\"2\"/>"
            } else {
                let places = run.map { "\(Self.text($0.x)),\(y($0.mean))" }.joined(separator: " ")
                svg += "<polyline points=\"\(places)\"/>"
            }
        }
        return svg + "</g>\n"
    }

    // MARK: Bars

    /// A bar for each name, one below the other.
    func bars(
        _ values: [(name: String, value: Double)], _ measure: ReportDefinition.Measure,
        title: String
    ) -> String {
        guard !values.isEmpty else { return "<p class=\"none\">There is nothing to show.</p>" }
        var frame = Frame()
        let row = 26.0
        let longest = min(44, values.map { $0.name.count }.max() ?? 0)
        frame.left = max(60, Double(longest) * 7.2 + 16)
        frame.right = 110
        frame.top = 4
        frame.bottom = 40
        frame.height = row * Double(values.count) + frame.top + frame.bottom
        let numbers = values.map(\.value)
        let scale = ReportScale(
            (min(0, numbers.min() ?? 0), max(0, numbers.max() ?? 1)), count: 5)
        var svg = open(frame, title)
        let bottom = frame.height - frame.bottom
        func x(_ value: Double) -> Double { frame.left + frame.innerWidth * scale.place(value) }
        for tick in scale.ticks {
            let place = Self.text(x(tick))
            svg +=
                "<line class=\"\(abs(tick) < scale.step / 1e6 ? "base" : "grid")\" x1=\"\(place)\" y1=\"\(Self.text(frame.top))\" x2=\"\(place)\" y2=\"\(Self.text(bottom))\"/>"
                + "<text class=\"tick\" x=\"\(place)\" y=\"\(Self.text(bottom + 15))\" text-anchor=\"middle\">\(ReportText.label(tick, step: scale.step))</text>\n"
        }
        let label = measure.label + (measure.unit.isEmpty ? "" : " (\(measure.unit))")
        svg +=
            "<text class=\"axis\" x=\"\(Self.text(frame.left + frame.innerWidth / 2))\" y=\"\(Self.text(frame.height - 6))\" text-anchor=\"middle\">\(ReportText.escaped(label))</text>\n"
        for (index, entry) in values.enumerated() {
            let y = frame.top + row * Double(index)
            let (from, to) = (min(x(0), x(entry.value)), max(x(0), x(entry.value)))
            let name = ReportText.escaped(ReportText.short(entry.name, longest))
            svg +=
                "<g class=\"c1\"><title>\(ReportText.escaped(entry.name)): \(ReportText.escaped(ReportText.amount(entry.value, measure.unit)))</title>"
                + "<text class=\"name\" x=\"\(Self.text(frame.left - 8))\" y=\"\(Self.text(y + 13))\" dy=\".34em\" text-anchor=\"end\">\(name)</text>"
                + "<rect x=\"\(Self.text(from))\" y=\"\(Self.text(y + 4))\" width=\"\(Self.text(max(1, to - from)))\" height=\"18\" rx=\"2\"/>"
                + "<text class=\"value\" x=\"\(Self.text(to + 6))\" y=\"\(Self.text(y + 13))\" dy=\".34em\">\(ReportText.number(entry.value))</text></g>\n"
        }
        return svg + "</svg>\n"
    }
}
