/// Arithmetic on values: integers exact or a failure, `/` always in doubles, null with null.
enum Arithmetic {
    static func evaluate(
        _ operation: ExpressionOperation, _ left: Datum, _ right: Datum, _ texts: TextBuffer,
        column: Int
    ) -> Datum {
        if left.isFailure { return left }
        if right.isFailure { return right }
        if left.isNull || right.isNull { return .null }
        let first = number(left, texts, column: column)
        if first.isFailure { return first }
        let second = number(right, texts, column: column)
        if second.isFailure { return second }
        if first.tag == Datum.Tag.int, second.tag == Datum.Tag.int, operation != .divide {
            return integers(operation, first.bits, second.bits, column)
        }
        let a = double(first)
        let b = double(second)
        let result: Double
        switch operation {
        case .add: result = a + b
        case .subtract: result = a - b
        case .multiply: result = a * b
        default:
            if b == 0 { return Datum(.divisionByZero, at: column) }
            result = operation == .divide ? a / b : a.truncatingRemainder(dividingBy: b)
        }
        return result.isFinite ? Datum(result) : Datum(.overflow, at: column)
    }

    /// A value as a number: text without a type is read, all else that is no number is a failure.
    @inline(__always)
    static func number(_ value: Datum, _ texts: TextBuffer, column: Int) -> Datum {
        if value.isNumber { return value }
        guard value.tag == Datum.Tag.untyped else { return Datum(.wrongType, at: column) }
        guard let number = NumberText.parse(texts.bytes, value.range) else {
            return Datum(.notANumber, at: column)
        }
        return number
    }

    static func double(_ value: Datum) -> Double {
        value.tag == Datum.Tag.int ? Double(value.bits) : value.double
    }

    private static func integers(
        _ operation: ExpressionOperation, _ a: Int64, _ b: Int64, _ column: Int
    ) -> Datum {
        let result: (partialValue: Int64, overflow: Bool)
        switch operation {
        case .add: result = a.addingReportingOverflow(b)
        case .subtract: result = a.subtractingReportingOverflow(b)
        case .multiply: result = a.multipliedReportingOverflow(by: b)
        default:
            if b == 0 { return Datum(.divisionByZero, at: column) }
            if b == -1 { return Datum(Int64(0)) }
            result = (a % b, false)
        }
        return result.overflow ? Datum(.overflow, at: column) : Datum(result.partialValue)
    }
}
