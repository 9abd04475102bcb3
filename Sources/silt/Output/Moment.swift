import Foundation

/// Moments for people.
enum Moment {
    /// `2013-01-01T10:15:00Z`, for milliseconds since 1970.
    static func text(_ milliseconds: Int64) -> String {
        Date(timeIntervalSince1970: Double(milliseconds) / 1000).formatted(.iso8601)
    }
}
