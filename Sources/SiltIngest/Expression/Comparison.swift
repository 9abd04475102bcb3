/// Comparison of values, with SQL's nulls.
enum Comparison {
    /// `=` and `!=` compare values of any types (different types are not equal); order needs two numbers or two texts.
    static func evaluate(
        _ operation: ExpressionOperation, _ left: Datum, _ right: Datum, _ texts: TextBuffer,
        column: Int
    ) -> Datum {
        if left.tag == Datum.Tag.int, right.tag == Datum.Tag.int {
            return answer(operation, left.bits < right.bits ? -1 : left.bits == right.bits ? 0 : 1)
        }
        if left.isFailure { return left }
        if right.isFailure { return right }
        if left.isNull || right.isNull { return .null }
        if left.isNumber || right.isNumber {
            let first =
                left.tag == Datum.Tag.untyped
                ? NumberText.parse(texts.bytes, left.range) ?? left : left
            let second =
                right.tag == Datum.Tag.untyped
                ? NumberText.parse(texts.bytes, right.range) ?? right : right
            if first.isFailure || second.isFailure { return Datum(.integerTooBig, at: column) }
            guard first.isNumber, second.isNumber else { return unlike(operation, column) }
            guard let order = order(first, second) else { return Datum(operation == .notEqual) }
            return answer(operation, order)
        }
        if left.tag == Datum.Tag.untyped, right.tag == Datum.Tag.untyped,
            let first = NumberText.parse(texts.bytes, left.range), first.isNumber,
            let second = NumberText.parse(texts.bytes, right.range), second.isNumber
        {
            return answer(operation, order(first, second) ?? 0)
        }
        if left.isText, right.isText {
            return answer(operation, orderOfText(left, right, texts.bytes))
        }
        guard left.tag == right.tag else { return unlike(operation, column) }
        return answer(operation, left.bits < right.bits ? -1 : left.bits == right.bits ? 0 : 1)
    }

    private static func unlike(_ operation: ExpressionOperation, _ column: Int) -> Datum {
        switch operation {
        case .equal: Datum(false)
        case .notEqual: Datum(true)
        default: Datum(.wrongType, at: column)
        }
    }

    @inline(__always)
    private static func answer(_ operation: ExpressionOperation, _ order: Int) -> Datum {
        switch operation {
        case .equal: Datum(order == 0)
        case .notEqual: Datum(order != 0)
        case .less: Datum(order < 0)
        case .lessOrEqual: Datum(order <= 0)
        case .greater: Datum(order > 0)
        default: Datum(order >= 0)
        }
    }

    /// The exact order of two numbers; `nil` with a NaN.
    static func order(_ left: Datum, _ right: Datum) -> Int? {
        switch (left.tag, right.tag) {
        case (Datum.Tag.int, Datum.Tag.int):
            return left.bits < right.bits ? -1 : left.bits == right.bits ? 0 : 1
        case (Datum.Tag.int, Datum.Tag.double):
            return order(integer: left.bits, double: right.double)
        case (Datum.Tag.double, Datum.Tag.int):
            return order(integer: right.bits, double: left.double).map { -$0 }
        default:
            let first = left.double
            let second = right.double
            if first.isNaN || second.isNaN { return nil }
            return first < second ? -1 : first == second ? 0 : 1
        }
    }

    private static func order(integer: Int64, double: Double) -> Int? {
        if double.isNaN { return nil }
        if double >= 0x1p63 { return -1 }
        if double < -0x1p63 { return 1 }
        let whole = Int64(double)
        if integer != whole { return integer < whole ? -1 : 1 }
        let rest = double - Double(whole)
        return rest > 0 ? -1 : rest < 0 ? 1 : 0
    }

    /// Byte-wise order of two texts of the buffer.
    static func orderOfText(_ left: Datum, _ right: Datum, _ bytes: [UInt8]) -> Int {
        let leftStart = left.textOffset
        let rightStart = right.textOffset
        let count = min(left.textCount, right.textCount)
        for index in 0..<count {
            let first = bytes[leftStart &+ index]
            let second = bytes[rightStart &+ index]
            if first != second { return first < second ? -1 : 1 }
        }
        return left.textCount < right.textCount ? -1 : left.textCount == right.textCount ? 0 : 1
    }
}
