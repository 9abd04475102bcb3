import SiltStream

/// The rules of windows, written as plainly as can be: every window keeps its events.
struct WindowModel {
    struct Event {
        let ts: Int64
        let value: AggregateValue
        let partition: UInt32
        let index: Int64
    }

    struct Identity: Hashable {
        let window: Int
        let key: String
        let start: Int64
        let end: Int64
    }

    let windows: [WindowSpec]
    let watermark: WatermarkSpec
    var result = StreamResult()
    private var contents: [Identity: [Event]] = [:]
    private var given: [Identity: UInt32] = [:]
    private var now = Int64.min
    private var reached: [UInt32: Int64] = [:]

    init(windows: [WindowSpec], watermark: WatermarkSpec) {
        self.windows = windows
        self.watermark = watermark
    }

    static func floorMod(_ value: Int64, _ divisor: Int64) -> Int64 {
        let rest = value % divisor
        return rest < 0 ? rest + divisor : rest
    }

    static func bounds(_ shape: WindowSpec.Shape, _ ts: Int64) -> [(Int64, Int64)] {
        switch shape {
        case .tumbling(let size, let offset):
            let start = ts - floorMod(ts - offset, size)
            return [(start, start + size)]
        case .hopping(let size, let slide, let offset):
            var start = ts - floorMod(ts - offset, slide)
            var found: [(Int64, Int64)] = []
            while start + size > ts {
                found.append((start, start + size))
                start -= slide
            }
            return found
        case .cumulate(let size, let step, let offset):
            let start = ts - floorMod(ts - offset, size)
            return stride(from: start + step, through: start + size, by: Int(step)).filter {
                $0 > ts
            }.map { (start, $0) }
        case .session, .global, .count, .calendar: return []
        }
    }

    mutating func take(_ item: StreamItem, index: Int64) {
        switch item {
        case .watermark(let time, let partition):
            reached[partition] = max(reached[partition] ?? .min, time)
        case .event(let ts, let key, let values, let partition):
            if reached[partition] == nil { reached[partition] = .min }
            takeEvent(
                Event(ts: ts, value: values[0], partition: partition, index: index), key)
            if let disorder = watermark.outOfOrderMilliseconds {
                reached[partition] = max(reached[partition] ?? .min, ts - disorder - 1)
            }
        }
        advance(to: reached.values.min() ?? .min)
    }

    private mutating func takeEvent(_ event: Event, _ key: String) {
        let lateness = watermark.allowedLatenessMilliseconds
        var accepted = 0
        var refused = 0
        var fired: [Identity] = []
        for (number, window) in windows.enumerated() {
            if case .session(let gap, _, _) = window.shape {
                var start = event.ts
                var end = event.ts + gap
                let touched = contents.keys.filter {
                    $0.window == number && $0.key == key && $0.start <= end && $0.end >= start
                }
                for one in touched {
                    start = min(start, one.start)
                    end = max(end, one.end)
                }
                if end - 1 + lateness <= now {
                    refused += 1
                    continue
                }
                accepted += 1
                let whole = Identity(window: number, key: key, start: start, end: end)
                var events: [Event] = []
                for one in touched.sorted(by: { $0.start < $1.start }) {
                    events += contents[one] ?? []
                    contents[one] = nil
                    if one != whole, given[one] != nil {
                        result.superseded.append(row(one, revision: 0, isFinal: false, values: []))
                        given[one] = nil
                    }
                }
                contents[whole] = events + [event]
                if end - 1 <= now { fired.append(whole) }
                continue
            }
            for (start, end) in WindowModel.bounds(window.shape, event.ts) {
                if end - 1 + lateness <= now {
                    refused += 1
                    continue
                }
                accepted += 1
                let one = Identity(window: number, key: key, start: start, end: end)
                contents[one, default: []].append(event)
                if end - 1 <= now { fired.append(one) }
            }
        }
        give(fired)
        if accepted == 0, refused > 0 || event.ts + lateness <= now {
            result.late.append(event.index)
        } else if accepted == 0 {
            result.outside += 1
        } else if refused > 0 {
            result.partial.append(event.index)
        }
    }

    private mutating func advance(to time: Int64) {
        guard time > now else { return }
        let old = now
        now = time
        give(contents.keys.filter { $0.end - 1 > old && $0.end - 1 <= now })
        let lateness = watermark.allowedLatenessMilliseconds
        contents = contents.filter { $0.key.end - 1 + lateness > now }
    }

    private mutating func give(_ fired: [Identity]) {
        let sorted = fired.sorted {
            ($0.end, windows[$0.window].name, $0.key, $0.start)
                < ($1.end, windows[$1.window].name, $1.key, $1.start)
        }
        let lateness = watermark.allowedLatenessMilliseconds
        for one in sorted {
            let revision = given[one].map { $0 + 1 } ?? 0
            given[one] = revision
            let values = WindowModel.values(contents[one] ?? [])
            result.rows.append(
                row(
                    one, revision: revision, isFinal: one.end - 1 + lateness <= now,
                    values: values))
        }
    }

    private func row(
        _ one: Identity, revision: UInt32, isFinal: Bool, values: [AggregateValue]
    ) -> StreamResult.Row {
        StreamResult.Row(
            key: one.key, window: windows[one.window].name, start: one.start, end: one.end,
            revision: revision, isFinal: isFinal, values: values)
    }

    /// The aggregates the model knows, over values that are integers, quarters or null, so that
    /// plain arithmetic is exact.
    static let aggregates = [
        AggregateSpec(name: "n", .count), AggregateSpec(name: "c", .count, column: 0),
        AggregateSpec(name: "s", .sum, column: 0), AggregateSpec(name: "lo", .min, column: 0),
        AggregateSpec(name: "hi", .max, column: 0), AggregateSpec(name: "m", .average, column: 0),
        AggregateSpec(name: "f", .first, column: 0), AggregateSpec(name: "l", .last, column: 0),
    ]

    static func number(_ value: AggregateValue) -> Double? {
        switch value {
        case .int(let int): Double(int)
        case .double(let double): double
        default: nil
        }
    }

    static func values(_ events: [Event]) -> [AggregateValue] {
        let present = events.filter { $0.value != .null }
        let numbers = present.compactMap { number($0.value) }
        let sum = numbers.reduce(0, +)
        let hasDouble = present.contains {
            if case .double = $0.value { true } else { false }
        }
        // Of equal numbers the integer sorts first.
        let ordered = present.sorted { left, right in
            let (a, b) = (number(left.value) ?? 0, number(right.value) ?? 0)
            if a != b { return a < b }
            if case .int = left.value, case .double = right.value { return true }
            return false
        }
        let timed = events.sorted {
            ($0.ts, $0.partition, $0.index) < ($1.ts, $1.partition, $1.index)
        }
        return [
            .int(Int64(events.count)), .int(Int64(present.count)),
            present.isEmpty ? .null : hasDouble ? .double(sum) : .int(Int64(sum)),
            ordered.first?.value ?? .null, ordered.last?.value ?? .null,
            present.isEmpty ? .null : .double(sum / Double(numbers.count)),
            timed.first?.value ?? .null, timed.last?.value ?? .null,
        ]
    }
}
