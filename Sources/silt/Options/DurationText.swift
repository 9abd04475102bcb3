import ArgumentParser

/// Lengths of time as typed: `90s`, `15m`, `12h`, `30d`, `250ms`; a bare number is seconds.
enum DurationText {
    private static let unitMilliseconds: [(suffix: String, milliseconds: Int64)] = [
        ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
    ]

    /// The milliseconds that a text stands for.
    static func milliseconds(_ text: some StringProtocol, as what: String) throws -> Int64 {
        var number = String(text)
        var unit: Int64 = 1000
        if let found = unitMilliseconds.first(where: { text.hasSuffix($0.suffix) }) {
            number.removeLast(found.suffix.count)
            unit = found.milliseconds
        }
        guard let count = Int64(number), count > 0 else {
            throw ValidationError("\(what) is a length of time such as 90s or 30d, not '\(text)'")
        }
        let (product, overflow) = count.multipliedReportingOverflow(by: unit)
        if overflow { throw ValidationError("\(what) is too long: \(text)") }
        return product
    }

    /// A length of time in its largest whole unit.
    static func print(milliseconds: Int64) -> String {
        for unit in unitMilliseconds.reversed() where milliseconds % unit.milliseconds == 0 {
            return "\(milliseconds / unit.milliseconds)\(unit.suffix)"
        }
        return "\(milliseconds)ms"
    }
}
