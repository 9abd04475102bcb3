import SiltBytes
public import SiltModel
import SiltStream

extension Aggregation.Item {
    /// Reads `NAME=FUNCTION(COLUMN, PARAMETER…)`, such as `n=count()` or `p99=percentile(m:ms, 0.99)`.
    ///
    /// - Throws: `invalidArgument` saying what cannot be read.
    public init(parsing text: String) throws(SiltstoneError) {
        func refusal(_ what: String) -> SiltstoneError {
            SiltstoneError(.invalidArgument, "aggregate \(what) aggregate=\(text)")
        }
        guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
            throw refusal("must be NAME=FUNCTION(COLUMN)")
        }
        try self.init(
            String(text[..<equals]), parsing: String(text[text.index(after: equals)...]))
    }

    /// Reads `FUNCTION(COLUMN, PARAMETER…)`.
    ///
    /// - Throws: `invalidArgument` saying what cannot be read.
    public init(_ name: String, parsing text: String) throws(SiltstoneError) {
        func refusal(_ what: String) -> SiltstoneError {
            SiltstoneError(.invalidArgument, "aggregate \(what) aggregate=\(text)")
        }
        guard let open = text.firstIndex(of: "("), text.last == ")" else {
            throw refusal("must be FUNCTION(COLUMN)")
        }
        let functionName = String(text[..<open])
        guard let function = AggregateFunction.allCases.first(where: { $0.name == functionName })
        else { throw refusal("has an unknown function") }
        let inner = text[text.index(after: open)...].dropLast()
        let parts = inner.split(separator: ",", omittingEmptySubsequences: false).map {
            $0.drop { $0 == " " }
        }
        var parameters: [Double] = []
        for part in parts.dropFirst() {
            guard let number = Double(String(part)) else {
                throw refusal("has a parameter that is no number")
            }
            parameters.append(number)
        }
        let column = parts.first.flatMap { $0.isEmpty ? nil : Column(stringLiteral: String($0)) }
        self.init(name, function, of: column, parameters: parameters)
    }
}
