import SiltIngest
import Siltstone

/// One setting of `silt serve`: its names, what it takes and what it does.
package struct Setting: Sendable {
    /// Its name in the file, such as `read_only`.
    package let name: String
    /// What values look like.
    package let form: String
    /// What it is, in a sentence.
    package let summary: String
    /// Sets it; gives back what is wrong with a text.
    let apply: @Sendable (inout ServerSettings, String) -> String?
    /// Its value; `nil` for none.
    private let show: @Sendable (ServerSettings) -> String?

    /// Its flag, such as `--read-only`.
    package var flag: String {
        "--" + String(name.map { $0 == "_" ? "-" : $0 })
    }

    /// Its variable, such as `SILT_READ_ONLY`.
    package var variable: String { "SILT_" + name.uppercased() }

    /// The value where nothing is said.
    package var standard: String { show(ServerSettings()) ?? "none" }

    /// The table of all settings in the documentation.
    package static var page: String {
        var lines = ["| setting | takes | default | what it is |", "|---|---|---|---|"]
        for setting in all {
            lines.append(
                "| `\(setting.name)` | \(setting.form) | `\(setting.standard)` | \(setting.summary) |"
            )
        }
        return lines.joined(separator: "\n") + "\n"
    }

    typealias Path<Value> = any WritableKeyPath<ServerSettings, Value> & Sendable

    // MARK: Forms

    static func text(_ name: String, _ form: String, _ path: Path<String>, _ summary: String)
        -> Setting
    {
        Setting(name: name, form: form, summary: summary) { settings, text in
            if text.isEmpty { return "is empty" }
            settings[keyPath: path] = text
            return nil
        } show: {
            $0[keyPath: path]
        }
    }

    static func text(_ name: String, _ form: String, _ path: Path<String?>, _ summary: String)
        -> Setting
    {
        Setting(name: name, form: form, summary: summary) { settings, text in
            if text.isEmpty { return "is empty" }
            settings[keyPath: path] = text
            return nil
        } show: {
            $0[keyPath: path]
        }
    }

    /// Addresses of receivers, with spaces between.
    static func urls(_ name: String, _ path: Path<[String]>, _ summary: String) -> Setting {
        Setting(name: name, form: "http://HOST:PORT/PATH", summary: summary) { settings, text in
            let urls = text.split(whereSeparator: \.isWhitespace).map(String.init)
            if urls.isEmpty { return "is empty" }
            for url in urls where WebhookURL(url) == nil {
                return "is http://HOST:PORT/PATH, not '\(url)'"
            }
            settings[keyPath: path] = urls
            return nil
        } show: {
            $0[keyPath: path].isEmpty ? nil : $0[keyPath: path].joined(separator: " ")
        }
    }

    static func choice<Value: RawRepresentable & CaseIterable & Sendable>(
        _ name: String, _ path: Path<Value>, _ summary: String
    ) -> Setting where Value.RawValue == String {
        let words = Value.allCases.map(\.rawValue)
        return Setting(name: name, form: words.joined(separator: " or "), summary: summary) {
            settings, text in
            guard let value = Value(rawValue: text) else {
                return "is \(words.joined(separator: " or ")), not '\(text)'"
            }
            settings[keyPath: path] = value
            return nil
        } show: {
            $0[keyPath: path].rawValue
        }
    }

    static func truth(_ name: String, _ path: Path<Bool>, _ summary: String) -> Setting {
        Setting(name: name, form: "true or false", summary: summary) { settings, text in
            guard let value = Bool(text) else { return "is true or false, not '\(text)'" }
            settings[keyPath: path] = value
            return nil
        } show: {
            String($0[keyPath: path])
        }
    }

    static func number(
        _ name: String, _ range: ClosedRange<Int>, _ path: Path<Int>, _ summary: String
    ) -> Setting {
        integer(name, "number", "a number", range, path, summary)
    }

    static func seconds(
        _ name: String, _ range: ClosedRange<Int64>, _ path: Path<Int64>, _ summary: String
    ) -> Setting {
        integer(name, "seconds", "seconds", range, path, summary)
    }

    private static func integer<Value: FixedWidthInteger & Sendable>(
        _ name: String, _ form: String, _ words: String, _ range: ClosedRange<Value>,
        _ path: Path<Value>, _ summary: String
    ) -> Setting {
        Setting(name: name, form: form, summary: summary) { settings, text in
            guard let value = Value(text), range.contains(value) else {
                return "is \(words) from \(range.lowerBound) to \(range.upperBound), not '\(text)'"
            }
            settings[keyPath: path] = value
            return nil
        } show: {
            String($0[keyPath: path])
        }
    }

    static func bytes(_ name: String, from least: Int, _ path: Path<Int>, _ summary: String)
        -> Setting
    {
        Setting(name: name, form: "bytes", summary: summary) { settings, text in
            guard let value = byteCount(text) else { return notBytes(text) }
            guard value >= least else { return "is at least \(byteText(least)), not '\(text)'" }
            settings[keyPath: path] = value
            return nil
        } show: {
            byteText($0[keyPath: path])
        }
    }

    static func bytes(_ name: String, from least: Int, _ path: Path<Int?>, _ summary: String)
        -> Setting
    {
        Setting(name: name, form: "bytes", summary: summary) { settings, text in
            guard let value = byteCount(text) else { return notBytes(text) }
            guard value >= least else { return "is at least \(byteText(least)), not '\(text)'" }
            settings[keyPath: path] = value
            return nil
        } show: {
            $0[keyPath: path].map { byteText($0) }
        }
    }

    /// `HOST:PORT`, the host in brackets where it is IPv6.
    static func address(
        _ name: String, _ summary: String,
        _ set: @escaping @Sendable (inout ServerSettings, String, Int) -> Void,
        show: @escaping @Sendable (ServerSettings) -> String?
    ) -> Setting {
        Setting(name: name, form: "HOST:PORT", summary: summary) { settings, text in
            guard let colon = text.lastIndex(of: ":"), colon != text.startIndex,
                let port = Int(text[text.index(after: colon)...]), (0...65_535).contains(port)
            else { return "is HOST:PORT, not '\(text)'" }
            let host = text[..<colon].trimmingPrefix("[")
            set(&settings, host.hasSuffix("]") ? String(host.dropLast()) : String(host), port)
            return nil
        } show: {
            show($0)
        }
    }

    private init(
        name: String, form: String, summary: String,
        _ apply: @escaping @Sendable (inout ServerSettings, String) -> String?,
        show: @escaping @Sendable (ServerSettings) -> String?
    ) {
        self.name = name
        self.form = form
        self.summary = summary
        self.apply = apply
        self.show = show
    }

    // MARK: Bytes

    private static let units = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40)]

    private static func notBytes(_ text: String) -> String {
        "is a number of bytes such as 65536 or 64KiB, not '\(text)'"
    }

    private static func byteCount(_ text: String) -> Int? {
        for (unit, shift) in units where text.hasSuffix(unit) {
            let digits = text.dropLast(unit.count).filter { $0 != " " }
            guard let number = Int(digits), number >= 0, number < 1 << 22 else { return nil }
            return number << shift
        }
        return Int(text).flatMap { $0 >= 0 ? $0 : nil }
    }

    private static func byteText(_ count: Int) -> String {
        for (unit, shift) in units.reversed() where count > 0 && count & (1 << shift - 1) == 0 {
            return "\(count >> shift)\(unit)"
        }
        return String(count)
    }
}
