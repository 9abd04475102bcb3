/// Turns the value of a time field into milliseconds since 1970.
struct EventTime {
    let unit: TimeUnit
    /// Whether integers are the times themselves.
    let isMilliseconds: Bool

    /// Times of a unit.
    init(unit: TimeUnit) {
        self.unit = unit
        isMilliseconds = unit == .milliseconds
    }

    /// The time, or why there is none.
    enum Outcome: Equatable {
        case time(Int64)
        case fault(String)
    }

    @inline(__always)
    func read(_ value: Datum, _ texts: TextBuffer) -> Outcome {
        if value.tag == Datum.Tag.int, isMilliseconds { return .time(value.bits) }
        return readSlow(value, texts)
    }

    @inline(never)
    private func readSlow(_ value: Datum, _ texts: TextBuffer) -> Outcome {
        if value.isNull { return .fault(value.tag == Datum.Tag.missing ? "is missing" : "is null") }
        if value.isFailure { return .fault("cannot be read: \(value.failure.cause.message)") }
        switch unit {
        case .rfc3339:
            guard value.isText, let time = TimePattern.rfc3339(texts.bytes, value.range) else {
                return .fault("is not an RFC 3339 time")
            }
            return .time(time)
        case .pattern(let pattern):
            guard value.isText, let time = pattern.milliseconds(texts.bytes, value.range) else {
                return .fault("does not fit the pattern")
            }
            return .time(time)
        default: return readNumber(value, texts)
        }
    }

    private func readNumber(_ value: Datum, _ texts: TextBuffer) -> Outcome {
        let number =
            value.tag == Datum.Tag.untyped
            ? NumberText.parse(texts.bytes, value.range) ?? value : value
        if number.tag == Datum.Tag.double {
            let scale: Double =
                switch unit {
                case .seconds: 1000
                case .microseconds: 0.001
                case .nanoseconds: 0.000_001
                default: 1
                }
            // A fraction of seconds is written in decimal, so the nearest millisecond is what was meant.
            let scaled =
                unit == .seconds
                ? (number.double * scale).rounded() : (number.double * scale).rounded(.down)
            guard let time = Int64(exactly: scaled) else {
                return .fault("does not fit 64 bits of milliseconds")
            }
            return .time(time)
        }
        guard number.tag == Datum.Tag.int else { return .fault("is not a number") }
        switch unit {
        case .seconds:
            let time = number.bits.multipliedReportingOverflow(by: 1000)
            return time.overflow
                ? .fault("does not fit 64 bits of milliseconds") : .time(time.partialValue)
        case .microseconds: return .time(CivilTime.floorDivide(number.bits, 1000))
        case .nanoseconds: return .time(CivilTime.floorDivide(number.bits, 1_000_000))
        default: return .time(number.bits)
        }
    }
}
