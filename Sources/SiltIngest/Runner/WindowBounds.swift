internal import SiltStream

/// The windows that hold a moment.
enum WindowBounds {
    /// Start and end of every window of a shape that holds a time; none for sessions, counts and the global window.
    static func containing(_ time: Int64, _ shape: WindowSpec.Shape) -> [(Int64, Int64)] {
        switch shape {
        case .tumbling(let size, let offset): windows(time, size, slide: size, offset)
        case .hopping(let size, let slide, let offset): windows(time, size, slide: slide, offset)
        case .cumulate(let size, let step, let offset):
            windows(time, size, slide: size, offset).flatMap { start, end in
                stride(from: Int128(start) + Int128(step), through: Int128(end), by: Int(step))
                    .filter { $0 > Int128(time) }.map { (start, Int64(clamping: $0)) }
            }
        case .calendar(let rule):
            [rule.bounds(of: time)].map { ($0.start, $0.end) }
        case .session, .global, .count: []
        }
    }

    private static func windows(_ time: Int64, _ size: Int64, slide: Int64, _ offset: Int64) -> [(
        Int64, Int64
    )] {
        let time = Int128(time)
        let shifted = time - Int128(offset)
        let rest = shifted % Int128(slide)
        var start = time - (rest < 0 ? rest + Int128(slide) : rest)
        var found: [(Int64, Int64)] = []
        while start > time - Int128(size) {
            found.append((Int64(clamping: start), Int64(clamping: start + Int128(size))))
            start -= Int128(slide)
        }
        return found
    }
}
