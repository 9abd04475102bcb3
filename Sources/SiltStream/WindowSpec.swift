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
        case session(gapMilliseconds: Int64)
        /// `[s, s + k·step)` for k = 1, 2, … until the size: running totals of a tumbling window.
        case cumulate(
            sizeMilliseconds: Int64, stepMilliseconds: Int64, offsetMilliseconds: Int64 = 0)
        /// All events in one window, which fires at the end of bounded input.
        case global
    }

    /// The name rows are written under.
    public let name: String
    /// How event times map to windows.
    public let shape: Shape

    /// A window of a shape under a name; `validate()` says whether the shape makes sense.
    public init(name: String, _ shape: Shape) {
        self.name = name
        self.shape = shape
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
        case .session(let gap):
            try positive(gap, "gap")
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
        case .global: break
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
