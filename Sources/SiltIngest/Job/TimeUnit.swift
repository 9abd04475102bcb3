/// How event times are written.
enum TimeUnit: Hashable, Sendable {
    case seconds, milliseconds, microseconds, nanoseconds
    /// `2026-01-31T23:59:59.123+01:00`; a blank may stand for the T, and without a zone it is UTC.
    case rfc3339
    /// A strptime pattern.
    case pattern(TimePattern)

    /// The unit of a name; a text with `%` is a pattern.
    init?(_ text: String) {
        switch text {
        case "s": self = .seconds
        case "ms": self = .milliseconds
        case "us": self = .microseconds
        case "ns": self = .nanoseconds
        case "rfc3339": self = .rfc3339
        default:
            guard text.contains("%"), let pattern = TimePattern(text) else { return nil }
            self = .pattern(pattern)
        }
    }
}

/// Reads durations as job files write them: `10s`, `1m30s`, `500ms`, `1d`, `-5h`, `0`.
enum DurationText {
    /// Milliseconds; `nil` when the text is no duration or too long for 64 bits.
    static func milliseconds(_ text: String) -> Int64? {
        var bytes = Array(text.utf8)[...]
        var sign: Int64 = 1
        if bytes.first == 0x2d {
            sign = -1
            bytes = bytes.dropFirst()
        }
        guard !bytes.isEmpty else { return nil }
        var total: Int64 = 0
        while !bytes.isEmpty {
            let digits = bytes.prefix { $0 >= 0x30 && $0 <= 0x39 }
            bytes = bytes.dropFirst(digits.count)
            let unit = bytes.prefix { $0 < 0x30 || $0 > 0x39 }
            bytes = bytes.dropFirst(unit.count)
            guard let value = Int64(String(decoding: digits, as: UTF8.self)) else { return nil }
            let scale: Int64
            switch String(decoding: unit, as: UTF8.self) {
            case "ms": scale = 1
            case "s": scale = 1000
            case "m": scale = 60_000
            case "h": scale = 3_600_000
            case "d": scale = 86_400_000
            case "w": scale = 604_800_000
            case "" where value == 0: scale = 1
            default: return nil
            }
            let part = value.multipliedReportingOverflow(by: scale)
            let sum = total.addingReportingOverflow(part.partialValue)
            guard !part.overflow, !sum.overflow else { return nil }
            total = sum.partialValue
        }
        return sign * total
    }
}
