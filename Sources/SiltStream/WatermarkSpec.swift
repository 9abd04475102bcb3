/// How far a stream is taken to be complete, and how long closed windows are kept for late events.
public struct WatermarkSpec: Hashable, Sendable {
    /// After each event the watermark of its partition is `max(event time) - this - 1`, so that an
    /// event exactly this late is on time; `nil` when only explicit watermarks move it.
    public let outOfOrderMilliseconds: Int64?
    /// A window takes events until the watermark reaches its last millisecond plus this.
    public let allowedLatenessMilliseconds: Int64

    /// A specification; negative durations count as zero.
    public init(outOfOrderMilliseconds: Int64?, allowedLatenessMilliseconds: Int64 = 0) {
        self.outOfOrderMilliseconds = outOfOrderMilliseconds.map { max(0, $0) }
        self.allowedLatenessMilliseconds = max(0, allowedLatenessMilliseconds)
    }

    /// Only explicit watermarks.
    public static func explicit(allowedLatenessMilliseconds: Int64 = 0) -> WatermarkSpec {
        WatermarkSpec(
            outOfOrderMilliseconds: nil, allowedLatenessMilliseconds: allowedLatenessMilliseconds)
    }
}
