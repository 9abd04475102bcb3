import SiltModel
import SiltStream

extension JobReader {
    private static let functions: [String: AggregateFunction] = {
        var functions = Dictionary(
            uniqueKeysWithValues: AggregateFunction.allCases.map { ($0.name, $0) })
        functions["median"] = .percentile
        functions["distinct_count"] = .distinct
        return functions
    }()

    /// One aggregate: a call, perhaps with `where`.
    func aggregate(
        _ name: String, _ text: String
    ) throws(ExpressionError) -> JobDefinition.Aggregate {
        var parser = try ExpressionParser(text)
        let place = parser.column
        guard let function = parser.keyword else {
            throw ExpressionError(
                column: place,
                message: "expected an aggregate such as count() but found \(parser.found)")
        }
        parser.advance()
        let own = ownFunctions.first { $0.name == function }
        guard let known = JobReader.functions[function] ?? own.map({ _ in .own }) else {
            let names = AggregateFunction.allCases.map(\.name).joined(separator: ", ")
            throw ExpressionError(
                column: place, message: "there is no aggregate '\(function)'; there are \(names)")
        }
        if own != nil, known != .own {
            throw ExpressionError(
                column: place,
                message: "there is an aggregate '\(function)': one's own needs another name")
        }
        let arguments = try parser.arguments()
        var aggregate = JobDefinition.Aggregate(
            name: name, function: known, argument: arguments.first,
            filter: parser.take(keyword: "where") ? try parser.expression() : nil)
        if known == .own { aggregate.own = own }
        try parser.expectEnd()
        var rest = arguments.dropFirst()
        if known == .largest, rest.count == 2 { aggregate.output = rest.removeLast() }
        for argument in rest {
            guard let number = JobReader.number(argument) else {
                throw ExpressionError(
                    column: place,
                    message: "\(function) takes numbers after its argument")
            }
            aggregate.parameters.append(number)
        }
        if function == "median" {
            guard rest.isEmpty else {
                throw ExpressionError(column: place, message: "median takes one argument")
            }
            aggregate.parameters = [0.5]
        }
        try JobReader.check(aggregate, function, place, arguments.count)
        return aggregate
    }

    private static func check(
        _ aggregate: JobDefinition.Aggregate, _ function: String, _ place: Int, _ count: Int
    ) throws(ExpressionError) {
        let spec = AggregateSpec(
            name: aggregate.name, aggregate.function, column: aggregate.argument.map { _ in 0 },
            parameters: aggregate.parameters, own: aggregate.own)
        do throws(SiltstoneError) {
            try spec.validate()
        } catch {
            let message =
                switch aggregate.function {
                case .percentile: "percentile takes a value and a quantile from 0 to 1"
                case .histogram: "histogram takes a value and rising bounds"
                case .topValues: "topk takes a value and how many, 1 to 10000"
                case .largest: "largest takes a value, how many, and perhaps what to give instead"
                case .collect: "collect takes a value and perhaps how many"
                default: "\(function) takes one argument, not \(count)"
                }
            throw ExpressionError(column: place, message: message)
        }
    }

    private static func number(_ expression: Expression) -> Double? {
        switch expression {
        case .literal(.integer(let value), _): Double(value)
        case .literal(.number(let value), _): value
        case .unary(.negate, let operand, _): number(operand).map { -$0 }
        default: nil
        }
    }
}
