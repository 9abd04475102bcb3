internal import SiltStream

/// What a report shows of a job's rows, as the job file's `report` describes it.
package struct ReportDefinition: Sendable {
    /// How the values of several windows become one.
    enum Combination: String, Sendable, CaseIterable {
        case sum, min, max, mean, last

        /// What is done to the values, in words.
        var words: String {
            switch self {
            case .sum: "summed"
            case .min: "the least"
            case .max: "the greatest"
            case .mean: "averaged"
            case .last: "the last"
            }
        }
    }

    /// An aggregate as a report shows it.
    struct Measure: Sendable {
        /// The aggregate, as an index of the job's.
        let aggregate: Int
        /// What people call it.
        let label: String
        /// What it is counted in; empty for plain numbers.
        let unit: String
        let combination: Combination
        /// The aggregate that says how much a window's value weighs in a mean.
        let weight: Int?
    }

    /// The time of the points of a line.
    enum Step: String, Sendable {
        case hour, day, week, month
    }

    /// What a part is.
    enum Kind: Sendable {
        /// A line for each key over time; in pictures of their own if `isSplit`.
        case line(step: Step?, isSplit: Bool)
        /// A bar for each of the greatest keys, or of the values that an aggregate counts.
        case bar
        /// A row for each of the greatest keys.
        case table
    }

    /// A chart or table.
    struct Part: Sendable {
        let kind: Kind
        let title: String?
        let windowIndex: Int
        /// At least one; the first is what keys are sorted by.
        let measures: [Measure]
        /// How many keys are shown.
        let keyCountMax: Int
        /// The keys that are shown; `nil` for the greatest.
        let keys: [String]?
    }

    let title: String
    /// What the author says about it.
    let text: String
    let zone: TimeZoneRules
    /// Only windows that end so long before the newest one's end are shown, in milliseconds.
    let lastMilliseconds: Int64?
    /// How often a server writes the report, in milliseconds; `nil` for never.
    package let everyMilliseconds: Int64?
    /// The aggregates whose figures stand in the summary; `nil` for those of the first charts.
    let summary: [Int]?
    let parts: [Part]
}
