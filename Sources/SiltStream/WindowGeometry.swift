/// Where the windows of one specification lie, over panes: stretches of time that no window's start
/// or end divides, so that a window is the union of its panes.
///
/// All arithmetic is in 128 bits, so that nothing overflows at the ends of time.
struct WindowGeometry: Sendable {
    /// A window's bounds.
    struct Bounds: Hashable, Sendable {
        let start: Int128
        let end: Int128

        /// One past the last millisecond, within 64 bits.
        var clippedEnd: Int64 { Int64(clamping: end) }
        var clippedStart: Int64 { Int64(clamping: start) }
    }

    private let size: Int128
    private let slide: Int128
    private let offset: Int128
    /// Cumulate windows: ends are this far apart.
    ///
    /// 0 for others.
    private let step: Int128
    /// The size of the panes the windows need at least.
    let paneSize: Int64
    /// Calendar windows: each is one pane, of its own length.
    private(set) var calendar: CalendarRule?

    /// The geometry of a valid shape; `nil` for sessions and counts, which have no fixed bounds.
    init?(_ shape: WindowSpec.Shape) {
        switch shape {
        case .tumbling(let size, let offset):
            self.init(size, size, offset, step: 0, pane: size)
        case .hopping(let size, let slide, let offset):
            self.init(size, slide, offset, step: 0, pane: WindowGeometry.gcd(size, slide))
        case .cumulate(let size, let step, let offset):
            self.init(size, size, offset, step: step, pane: step)
        case .global:
            self.init(0, 0, 0, step: 0, pane: 0)
        case .calendar(let rule):
            self.init(0, 0, 0, step: 0, pane: 0)
            calendar = rule
        case .session, .count: return nil
        }
    }

    private init(_ size: Int64, _ slide: Int64, _ offset: Int64, step: Int64, pane: Int64) {
        self.size = Int128(size)
        self.slide = Int128(slide)
        self.offset = Int128(offset)
        self.step = Int128(step)
        self.paneSize = pane
    }

    /// Where the panes begin: their starts are congruent to this.
    ///
    /// Pane size 0 is all of time.
    var paneOffset: Int64 { paneSize == 0 ? 0 : Int64(offset % Int128(paneSize)) }

    /// Whether windows are unions of the panes of a grid.
    func fits(paneSize grid: Int64, offset gridOffset: Int64) -> Bool {
        if paneSize == 0 || grid == 0 { return paneSize == grid }
        return paneSize % grid == 0 && (offset - Int128(gridOffset)) % Int128(grid) == 0
    }

    /// How many panes of a size make a window.
    func paneCount(paneSize grid: Int64) -> Int128 { grid == 0 ? 1 : size / Int128(grid) }

    /// The windows that cover a pane and whose last millisecond, within 64 bits, is greater than a
    /// time and not past another; by start and end.
    func windows(
        coveringPaneFrom start: Int128, to end: Int128, lastAfter time: Int64, through limit: Int64
    ) -> [Bounds] {
        if calendar != nil {
            let last = Int64(clamping: end - 1)
            return last > time && last <= limit ? [Bounds(start: start, end: end)] : []
        }
        if paneSize == 0 {
            return time < .max && limit == .max ? [WindowGeometry.always] : []
        }
        var found: [Bounds] = []
        guard var stop = firstEnd(coveringPaneFrom: start, to: end, after: Int128(time) + 1) else {
            return found
        }
        var first = step == 0 ? stop - size : self.first(coveringPaneTo: end)
        while Int64(clamping: stop - 1) <= limit, stop <= first + size, first <= start {
            if Int64(clamping: stop - 1) > time { found.append(Bounds(start: first, end: stop)) }
            stop += step == 0 ? slide : step
            if step == 0 { first += slide }
        }
        return found
    }

    /// The least end of a window that covers a pane and ends after a time; `nil` when there is
    /// none.
    func firstEnd(coveringPaneFrom start: Int128, to end: Int128, after time: Int128) -> Int128? {
        if calendar != nil { return end > time ? end : nil }
        if paneSize == 0 {
            return WindowGeometry.always.end > time ? WindowGeometry.always.end : nil
        }
        var first = first(coveringPaneTo: end)
        if step == 0 {
            if first + size <= time {
                first += ((time - first - size) / slide + 1) * slide
            }
            return first <= start ? first + size : nil
        }
        guard first <= start else { return nil }
        let least = max(end, time + 1)
        let stop = first + (least - first + step - 1) / step * step
        return stop <= first + size ? stop : nil
    }

    /// The greatest end of a window that covers a pane; `nil` when there is none.
    func lastEnd(coveringPaneFrom start: Int128, to end: Int128) -> Int128? {
        if calendar != nil { return end }
        if paneSize == 0 { return WindowGeometry.always.end }
        let last = WindowGeometry.floor(start - offset, slide) * slide + offset
        return last >= end - size ? last + size : nil
    }

    private func first(coveringPaneTo end: Int128) -> Int128 {
        -WindowGeometry.floor(-(end - size - offset), slide) * slide + offset
    }

    /// The one window of `global`.
    static let always = Bounds(start: Int128(Int64.min), end: Int128(Int64.max) + 1)

    /// The quotient rounded down, for a positive divisor.
    static func floor(_ value: Int128, _ divisor: Int128) -> Int128 {
        let quotient = value / divisor
        return value % divisor < 0 ? quotient - 1 : quotient
    }

    private static func gcd(_ left: Int64, _ right: Int64) -> Int64 {
        var (a, b) = (left, right)
        while b != 0 { (a, b) = (b, a % b) }
        return a
    }
}
