public import SiltModel

/// One kind of event-time window of a job, under a name; times are milliseconds.
///
/// Windows are half open: `[start, end)`. Their starts are multiples of the size (or slide) plus
/// the offset, counted from 1970 and rounded down, also before 1970.
public struct WindowSpec: Hashable, Sendable {
    /// How event times map to windows.
    public enum Shape: Hashable, Sendable {
        /// Windows of one size, side by side.
        case tumbling(sizeMilliseconds: Int64, offsetMilliseconds: Int64 = 0)
        /// Windows of one size, one beginning at every slide; a slide longer than the size leaves
        /// gaps whose events are in no window.
        ///
        /// Any ratio is allowed.
        case hopping(
            sizeMilliseconds: Int64, slideMilliseconds: Int64, offsetMilliseconds: Int64 = 0)
        /// `[first, last + gap)` of one key; events at most a gap apart belong together.
        ///
        /// An event that would make a session longer than the greatest length, counted from its
        /// first event to its last, begins another. When touching ones stay apart, events exactly a
        /// gap apart do not belong together.
        case session(
            gapMilliseconds: Int64, maximumMilliseconds: Int64? = nil, joinsTouching: Bool = true)
        /// `[s, s + k·step)` for k = 1, 2, … until the size: running totals of a tumbling window.
        case cumulate(
            sizeMilliseconds: Int64, stepMilliseconds: Int64, offsetMilliseconds: Int64 = 0)
        /// All events in one window, which fires at the end of bounded input.
        case global
        /// The last so many events of a key, given whenever as many as the slide have come since,
        /// by arrival.
        ///
        /// A row's start and end are the numbers of its first event and of the one after its last,
        /// counted from 0 for each key.
        case count(size: Int64, slide: Int64)
        /// Days, weeks, months or years as a place's clocks show them.
        case calendar(CalendarRule)
    }

    /// Which rows of a window, all keys together, are given.
    public struct Rank: Hashable, Sendable {
        /// The name of the aggregate that rows are sorted by; of equal ones by key.
        public let aggregate: String
        /// The first and last place that is given, counted from 1.
        public let places: ClosedRange<Int>
        /// Whether the least value comes first.
        public let isAscending: Bool

        /// The places by an aggregate.
        public init(by aggregate: String, places: ClosedRange<Int>, isAscending: Bool = false) {
            self.aggregate = aggregate
            self.places = places
            self.isAscending = isAscending
        }
    }

    /// The name rows are written under.
    public let name: String
    /// How event times map to windows.
    public let shape: Shape
    /// Whether a window begins anew after it was given: a row that follows holds late events only.
    public let discards: Bool
    /// Which rows of a window are given; `nil` gives all.
    public let rank: Rank?

    /// A window of a shape under a name; `validate()` says whether the shape makes sense.
    public init(name: String, _ shape: Shape, discards: Bool = false, rank: Rank? = nil) {
        self.name = name
        self.shape = shape
        self.discards = discards
        self.rank = rank
    }

    /// Checks sizes and offsets.
    ///
    /// - Throws: `invalidArgument` when a size, slide, gap or step is not positive, an offset is
    ///   not smaller than the size or slide it shifts, or a size is no multiple of its step.
    public func validate() throws(SiltstoneError) {
        switch shape {
        case .tumbling(let size, let offset):
            try positive(size, "size")
            try within(offset, size)
        case .hopping(let size, let slide, let offset):
            try positive(size, "size")
            try positive(slide, "slide")
            try within(offset, slide)
        case .session(let gap, let maximum, _):
            try positive(gap, "gap")
            if let maximum { try positive(maximum, "maximum length") }
        case .cumulate(let size, let step, let offset):
            try positive(size, "size")
            try positive(step, "step")
            try within(offset, size)
            guard size % step == 0 else {
                throw SiltstoneError(
                    .invalidArgument,
                    "window size is no multiple of its step window=\(name) size=\(size) "
                        + "step=\(step)"
                )
            }
        case .count(let size, let slide):
            try positive(size, "size")
            try positive(slide, "slide")
        case .calendar(let rule): try positive(rule.count, "number of units")
        case .global: break
        }
        guard let rank else { return }
        switch shape {
        case .session, .count:
            throw SiltstoneError(
                .invalidArgument, "windows of one key cannot be ranked window=\(name)")
        default: break
        }
        guard rank.places.lowerBound >= 1 else {
            throw SiltstoneError(.invalidArgument, "places count from 1 window=\(name)")
        }
    }

    private func positive(_ value: Int64, _ what: String) throws(SiltstoneError) {
        guard value > 0 else {
            throw SiltstoneError(
                .invalidArgument, "window \(what) is not positive window=\(name) \(what)=\(value)")
        }
    }

    private func within(_ offset: Int64, _ period: Int64) throws(SiltstoneError) {
        guard offset > -period, offset < period else {
            throw SiltstoneError(
                .invalidArgument,
                "window offset is not within its period window=\(name) offset=\(offset) "
                    + "period=\(period)"
            )
        }
    }
}
