/// The panes of one size and offset, and which windows are made of them.
struct PaneGrid: Sendable {
    /// One of the operator's windows on this grid.
    struct Member: Sendable {
        let windowIndex: Int
        let geometry: WindowGeometry
    }

    /// Where a pane lies and when the windows over it close.
    struct Place: Sendable {
        let index: Int64
        let start: Int128
        let end: Int128
        /// The first and last millisecond, within 64 bits.
        let low: Int64
        let high: Int64
        /// Whether any window covers the pane.
        let isCovered: Bool
        /// From this watermark on every window over the pane refuses events.
        let closedAt: Int64
        /// From this watermark on some window over the pane has fired.
        let firedAt: Int64
        /// From this watermark on some window over the pane refuses events.
        let partlyClosedAt: Int64
    }

    /// A pane with events.
    struct Pane: Sendable {
        let place: Place
        /// The keys with events, in the order of their first.
        var keys: [UInt32] = []
        /// The slots of `keys`.
        var slots: [UInt32] = []
        var map = SlotMap()
    }

    let paneSize: Int64
    let paneOffset: Int64
    /// What cuts time where panes are not of one size.
    let calendar: CalendarRule?
    let allowedLateness: Int64
    var members: [Member] = []
    /// By index.
    var panes: [Pane] = []
    /// The position of the pane found last.
    private var recent = 0
    /// The place looked up last that may have no pane.
    private var recentPlace: Place?

    init(
        paneSize: Int64, paneOffset: Int64, calendar: CalendarRule?, allowedLateness: Int64
    ) {
        self.calendar = calendar
        self.paneSize = paneSize
        self.paneOffset = paneOffset
        self.allowedLateness = allowedLateness
    }

    /// The place of the pane of an event time.
    mutating func place(of timestamp: Int64) -> Place {
        if let place = recentPlace, place.low <= timestamp, timestamp <= place.high { return place }
        let index = index(of: timestamp)
        let place = find(index).map { panes[$0].place } ?? makePlace(index: index)
        recentPlace = place
        return place
    }

    private func index(of timestamp: Int64) -> Int64 {
        if let calendar { return calendar.index(of: timestamp) }
        guard paneSize != 0 else { return 0 }
        let distance = timestamp.subtractingReportingOverflow(paneOffset)
        if !distance.overflow {
            let quotient = distance.partialValue / paneSize
            return distance.partialValue % paneSize < 0 ? quotient - 1 : quotient
        }
        return Int64(
            clamping: WindowGeometry.floor(Int128(timestamp) - Int128(paneOffset), Int128(paneSize))
        )
    }

    /// The place of a pane by its index.
    func makePlace(index: Int64) -> Place {
        var (start, end) = (WindowGeometry.always.start, WindowGeometry.always.end)
        if let calendar {
            start = Int128(calendar.start(of: index))
            end = Int128(calendar.start(of: saturatingSum(index, 1)))
        } else if paneSize != 0 {
            start = Int128(index) * Int128(paneSize) + Int128(paneOffset)
            end = start + Int128(paneSize)
        }
        var firstEnd: Int128?
        var lastEnd: Int128?
        for member in members {
            if let found = member.geometry.firstEnd(
                coveringPaneFrom: start, to: end, after: start)
            {
                firstEnd = firstEnd.map { min($0, found) } ?? found
            }
            if let found = member.geometry.lastEnd(coveringPaneFrom: start, to: end) {
                lastEnd = lastEnd.map { max($0, found) } ?? found
            }
        }
        let lateness = Int128(allowedLateness)
        return Place(
            index: index, start: start, end: end, low: Int64(clamping: start),
            high: Int64(clamping: end - 1), isCovered: lastEnd != nil,
            closedAt: Int64(clamping: (lastEnd ?? start) - 1 + lateness),
            firedAt: Int64(clamping: (firstEnd ?? start) - 1),
            partlyClosedAt: Int64(clamping: (firstEnd ?? start) - 1 + lateness))
    }

    /// The position of a pane, `nil` when it has no events.
    func find(_ index: Int64) -> Int? {
        if recent < panes.count, panes[recent].place.index == index { return recent }
        let position = position(from: index)
        return position < panes.count && panes[position].place.index == index ? position : nil
    }

    /// The position of the first pane whose index is not less.
    func position(from index: Int64) -> Int {
        var low = 0
        var high = panes.count
        while low < high {
            let middle = (low + high) / 2
            if panes[middle].place.index < index { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The position of the pane at a place, and whether it had to be made.
    mutating func findOrMake(_ place: Place) -> (position: Int, isNew: Bool) {
        if let found = find(place.index) {
            recent = found
            return (found, false)
        }
        let position = position(from: place.index)
        panes.insert(Pane(place: place), at: position)
        recent = position
        return (position, true)
    }

    /// The positions of the panes of a window.
    func positions(of window: WindowGeometry.Bounds) -> Range<Int> {
        if let calendar {
            let low = position(from: calendar.index(of: window.clippedStart))
            return low..<max(low, position(from: calendar.index(of: window.clippedEnd)))
        }
        guard paneSize != 0 else { return 0..<panes.count }
        let first = WindowGeometry.floor(window.start - Int128(paneOffset), Int128(paneSize))
        let last = WindowGeometry.floor(window.end - Int128(paneOffset), Int128(paneSize))
        let low = position(from: Int64(clamping: first))
        return low..<max(low, position(from: Int64(clamping: last)))
    }

    /// Takes out the panes that no window needs any more and gives back their slots.
    mutating func retire(at watermark: Int64) -> [UInt32] {
        var count = 0
        var slots: [UInt32] = []
        while count < panes.count, panes[count].place.closedAt <= watermark {
            slots += panes[count].slots
            count += 1
        }
        if count > 0 { panes.removeFirst(count) }
        recent = 0
        return slots
    }

    /// The watermark at which a window of some pane fires or the first pane is not needed any more.
    func nextEvent(after watermark: Int64) -> Int64 {
        var next = panes.first?.place.closedAt ?? .max
        for member in members {
            for pane in panes where pane.place.closedAt > watermark {
                let end = member.geometry.firstEnd(
                    coveringPaneFrom: pane.place.start, to: pane.place.end,
                    after: Int128(watermark) + 1)
                if let end {
                    next = min(next, Int64(clamping: end - 1))
                    break
                }
            }
        }
        return next
    }
}
