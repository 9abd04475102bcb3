internal import SiltModel
internal import SiltStream

/// What a job watches its windows for, and who is told.
package struct AlertRule: Sendable {
    /// What is wrong when an alert fires.
    enum Condition: Sendable {
        /// An expression over the aggregates of a key's window is true.
        case threshold(Expression)
        /// A key has had no window for some time.
        case absence
        /// An aggregate differs from the same key's window before.
        case change(aggregate: Int, by: Double, isRelative: Bool, direction: Direction)
    }

    /// Which changes count.
    enum Direction: String, Sendable { case up, down, any }

    /// Who is told when an alert begins and ends.
    package enum Destination: Hashable, Sendable {
        /// An HTTP receiver of Alertmanager's JSON.
        case webhook(String)
        /// A table that keeps every transition.
        case table(String)
        /// The standard output of the process that runs the job.
        case standardOutput
    }

    /// The alert's name, unique in its job.
    package let name: String
    /// The window, as an index of the job's.
    let windowIndex: Int
    let condition: Condition
    /// How long the condition must hold; for an absence, how long a key must have had no window.
    let holdMilliseconds: Int64
    /// How long the condition must be gone before the alert resolves.
    let keepMilliseconds: Int64
    /// After how long without a window an absent key is forgotten.
    let forgetMilliseconds: Int64?
    /// Labels besides the alert's name, job, window and key.
    let labels: [(name: String, text: String)]
    let annotations: [(name: String, text: AlertText)]
    /// Who is told.
    package let destinations: [Destination]
    /// Tells definitions apart: the state of one is not used for another.
    let definitionText: String
}

/// A text with places to fill: `{key}`, key fields, aggregates, `{window.start}`, `{window.end}`, `{window.name}`.
struct AlertText: Sendable {
    enum Part: Hashable, Sendable {
        case literal(String)
        case place(String)
    }

    let parts: [Part]

    /// Parses a text; braces are doubled to stand for themselves.
    ///
    /// The error's column counts from 0.
    init(_ text: String) throws(ExpressionError) {
        var parts: [Part] = []
        var literal = ""
        let characters = Array(text)
        var index = 0
        while index < characters.count {
            let character = characters[index]
            if index + 1 < characters.count, characters[index + 1] == character,
                character == "{" || character == "}"
            {
                literal.append(character)
                index += 2
            } else if character == "{" {
                guard let end = characters[index...].firstIndex(of: "}") else {
                    throw ExpressionError(
                        column: index, message: "'{' without '}'; write '{{' for a brace")
                }
                if !literal.isEmpty { parts.append(.literal(literal)) }
                literal = ""
                parts.append(.place(String(characters[(index + 1)..<end])))
                index = end + 1
            } else {
                literal.append(character)
                index += 1
            }
        }
        if !literal.isEmpty { parts.append(.literal(literal)) }
        self.parts = parts
    }

    /// The names of the places.
    var places: [String] {
        parts.compactMap { if case .place(let name) = $0 { name } else { nil } }
    }

    /// The text with its places filled.
    func filled(_ value: (String) -> String) -> String {
        parts.map { part in
            switch part {
            case .literal(let text): text
            case .place(let name): value(name)
            }
        }.joined()
    }
}

/// The ends of a window's grid.
enum AlertInstants {
    /// The end of the next window after one that ended at a time; `nil` when windows follow no grid.
    static func next(after end: Int64, _ shape: WindowSpec.Shape) -> Int64? {
        let step: Int64
        switch shape {
        case .tumbling(let size, _): step = size
        case .hopping(_, let slide, _): step = slide
        case .cumulate(_, let period, _): step = period
        case .calendar(let rule): return rule.bounds(of: end).end
        case .session, .count, .global: return nil
        }
        let next = end.addingReportingOverflow(step)
        return next.overflow ? .max : next.partialValue
    }
}
