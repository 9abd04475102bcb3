import ArgumentParser
import SiltBytes
import SiltModel

/// Columns and what is written into them, as typed.
enum ColumnText {
    /// `family:qualifier`.
    static func column(_ text: some StringProtocol, _ form: TextForm) throws -> Column {
        guard let colon = text.firstIndex(of: ":"), colon != text.startIndex else {
            throw ValidationError("a column is written family:qualifier, not '\(text)'")
        }
        let qualifier = try form.decode(text[text.index(after: colon)...], as: "the qualifier")
        return Column(String(text[..<colon]), qualifier)
    }

    /// `family:qualifier`, or `family` alone for all its columns.
    static func selector(_ text: some StringProtocol, _ form: TextForm) throws
        -> Projection.Selector
    {
        if text.isEmpty { throw ValidationError("a column or family has no name") }
        return text.contains(":") ? .column(try column(text, form)) : .family(String(text))
    }

    /// `family:qualifier=value`; the value begins after the first `=`.
    static func assignment(_ text: String, _ form: TextForm) throws -> (
        column: Column, value: Bytes
    ) {
        guard let equals = text.firstIndex(of: "=") else {
            throw ValidationError("a cell is written family:qualifier=value, not '\(text)'")
        }
        let value = try form.decode(text[text.index(after: equals)...], as: "the value")
        return (try column(text[..<equals], form), value)
    }

    /// How a column is printed.
    static func print(_ column: Column, _ form: TextForm) -> String {
        "\(column.family):\(form.encode(column.qualifier))"
    }
}
