import ArgumentParser
import Foundation

/// Moments for people.
enum Moment {
    /// `2013-01-01T10:15:00Z`, for milliseconds since 1970.
    static func text(_ milliseconds: Int64) -> String {
        Date(timeIntervalSince1970: Double(milliseconds) / 1000).formatted(.iso8601)
    }

    /// `20130101T101500Z`, as names of files have it.
    static func name(_ date: Date) -> String {
        date.formatted(
            .iso8601.dateSeparator(.omitted).timeSeparator(.omitted).timeZoneSeparator(.omitted))
    }

    /// The milliseconds since 1970 that a text stands for: a number of them, or `2013-01-01T10:15:00Z`.
    static func milliseconds(_ text: String) throws -> Int64 {
        if let number = Int64(text) { return number }
        let fractional = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        guard
            let date = (try? Date(text, strategy: .iso8601))
                ?? (try? Date(text, strategy: fractional))
        else { throw ValidationError("not a time such as 2026-01-31T12:00:00Z: '\(text)'") }
        return Int64((date.timeIntervalSince1970 * 1000).rounded())
    }
}
