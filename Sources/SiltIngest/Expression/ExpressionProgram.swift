/// An expression ready to run: nodes in one array, operands before what uses them.
struct ExpressionProgram: Sendable {
    /// One node.
    ///
    /// What `first`, `second` and `count` mean depends on the operation.
    struct Node: Sendable {
        var operation: ExpressionOperation
        /// The operand, the slot of a field, or the first of `operands`.
        var first = 0
        /// The second operand.
        var second = 0
        /// How many `operands` there are.
        var count = 0
        /// The value of a literal.
        var literal = Datum.null
        /// Where the node stands in the expression.
        var column = 0
    }

    private(set) var nodes: [Node] = []
    private(set) var operands: [Int] = []

    /// Compiles an expression.
    ///
    /// Slots come from `fields`, texts of literals go to `texts`.
    init(_ expression: Expression, fields: inout FieldTable, texts: inout TextBuffer) {
        _ = add(expression, &fields, &texts)
    }

    private mutating func append(_ node: Node) -> Int {
        nodes.append(node)
        return nodes.count - 1
    }

    private mutating func add(
        _ expression: Expression, _ fields: inout FieldTable, _ texts: inout TextBuffer
    ) -> Int {
        switch expression {
        case .literal(let literal, let column):
            let datum: Datum =
                switch literal {
                case .null: .null
                case .bool(let value): Datum(value)
                case .integer(let value): Datum(value)
                case .number(let value): Datum(value)
                case .string(let text): texts.add(text.utf8)
                }
            return append(Node(operation: .literal, literal: datum, column: column))
        case .field(let path, let column):
            return append(Node(operation: .field, first: fields.slot(path), column: column))
        case .unary(let operation, let operand, let column):
            let first = add(operand, &fields, &texts)
            return append(Node(operation: operation, first: first, column: column))
        case .binary(let operation, let left, let right, let column):
            let first = add(left, &fields, &texts)
            let second = add(right, &fields, &texts)
            return append(Node(operation: operation, first: first, second: second, column: column))
        case .call(let operation, let arguments, let column):
            let indexes = arguments.map { add($0, &fields, &texts) }
            let first = operands.count
            operands.append(contentsOf: indexes)
            return append(
                Node(operation: operation, first: first, count: indexes.count, column: column))
        }
    }

    /// The slot when the whole expression is one field, else `nil`.
    var plainSlot: Int? {
        nodes.count == 1 && nodes[0].operation == .field ? nodes[0].first : nil
    }

    /// The value for the record whose slots begin at `row`.
    ///
    /// Never traps: what cannot be computed is a failure.
    @inline(__always)
    func evaluate(_ slots: [Datum], row: Int, _ texts: inout TextBuffer) -> Datum {
        evaluate(nodes.count &- 1, slots, row, &texts)
    }

    func evaluate(_ index: Int, _ slots: [Datum], _ row: Int, _ texts: inout TextBuffer) -> Datum {
        let node = nodes[index]
        switch node.operation {
        case .literal: return node.literal
        case .field: return slots[row &+ node.first]
        case .and, .or: return logic(node, slots, row, &texts)
        case .not:
            let value = evaluate(node.first, slots, row, &texts)
            if value.tag == Datum.Tag.bool { return Datum(value.bits == 0) }
            return value.isNull ? .null : failed(value, node)
        case .isNull, .isNotNull:
            let value = evaluate(node.first, slots, row, &texts)
            if value.isFailure { return value }
            return Datum(value.isNull == (node.operation == .isNull))
        case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual:
            let left = evaluate(node.first, slots, row, &texts)
            let right = evaluate(node.second, slots, row, &texts)
            return Comparison.evaluate(node.operation, left, right, texts, column: node.column)
        case .add, .subtract, .multiply, .divide, .remainder:
            let left = evaluate(node.first, slots, row, &texts)
            let right = evaluate(node.second, slots, row, &texts)
            return Arithmetic.evaluate(node.operation, left, right, texts, column: node.column)
        case .negate:
            let value = evaluate(node.first, slots, row, &texts)
            return Arithmetic.evaluate(
                .subtract, Datum(Int64(0)), value, texts, column: node.column)
        case .exists:
            let value = evaluate(operands[node.first], slots, row, &texts)
            return value.isFailure ? value : Datum(value.tag != Datum.Tag.missing)
        case .inList: return inList(node, slots, row, &texts)
        case .condition: return condition(node, slots, row, &texts)
        case .coalesce:
            for place in node.first..<(node.first + node.count) {
                let value = evaluate(operands[place], slots, row, &texts)
                if !value.isNull { return value }
            }
            return .null
        case .like:
            let left = evaluate(node.first, slots, row, &texts)
            let right = evaluate(node.second, slots, row, &texts)
            return TextFunctions.like(left, right, texts, column: node.column)
        default: return function(node, slots, row, &texts)
        }
    }

    private func failed(_ value: Datum, _ node: Node) -> Datum {
        value.isFailure ? value : Datum(.wrongType, at: node.column)
    }

    /// SQL's three-valued `and` and `or`; a decided side hides a failure of the other.
    private func logic(_ node: Node, _ slots: [Datum], _ row: Int, _ texts: inout TextBuffer)
        -> Datum
    {
        let deciding: Int64 = node.operation == .or ? 1 : 0
        let left = evaluate(node.first, slots, row, &texts)
        if left.tag == Datum.Tag.bool, left.bits == deciding { return left }
        let right = evaluate(node.second, slots, row, &texts)
        if right.tag == Datum.Tag.bool, right.bits == deciding { return right }
        if left.tag == Datum.Tag.bool, right.tag == Datum.Tag.bool { return right }
        if left.tag != Datum.Tag.bool, !left.isNull { return failed(left, node) }
        if right.tag != Datum.Tag.bool, !right.isNull { return failed(right, node) }
        return .null
    }

    private func inList(_ node: Node, _ slots: [Datum], _ row: Int, _ texts: inout TextBuffer)
        -> Datum
    {
        let value = evaluate(operands[node.first], slots, row, &texts)
        if value.isNull || value.isFailure { return value.isNull ? .null : value }
        var sawNull = false
        for place in (node.first + 1)..<(node.first + node.count) {
            let item = evaluate(operands[place], slots, row, &texts)
            let answer = Comparison.evaluate(.equal, value, item, texts, column: node.column)
            if answer.isTrue || answer.isFailure { return answer }
            if answer.isNull { sawNull = true }
        }
        return sawNull ? .null : Datum(false)
    }

    private func condition(_ node: Node, _ slots: [Datum], _ row: Int, _ texts: inout TextBuffer)
        -> Datum
    {
        let test = evaluate(operands[node.first], slots, row, &texts)
        guard test.tag == Datum.Tag.bool || test.isNull else { return failed(test, node) }
        if test.isTrue { return evaluate(operands[node.first + 1], slots, row, &texts) }
        return node.count == 3 ? evaluate(operands[node.first + 2], slots, row, &texts) : .null
    }

    private func function(_ node: Node, _ slots: [Datum], _ row: Int, _ texts: inout TextBuffer)
        -> Datum
    {
        let first = evaluate(operands[node.first], slots, row, &texts)
        if first.isFailure { return first }
        if node.operation == .concatenate {
            var values = [first]
            for place in (node.first + 1)..<max(node.first + 1, node.first + node.count) {
                let value = evaluate(operands[place], slots, row, &texts)
                if value.isFailure { return value }
                values.append(value)
            }
            return TextFunctions.concatenate(values, &texts)
        }
        if first.isNull { return .null }
        guard node.count > 1 else {
            return TextFunctions.unary(node.operation, first, &texts, column: node.column)
        }
        let second = evaluate(operands[node.first + 1], slots, row, &texts)
        if second.isFailure { return second }
        if node.operation == .nullIf {
            let isEqual = Comparison.evaluate(.equal, first, second, texts, column: node.column)
            return isEqual.isTrue ? .null : first
        }
        if second.isNull { return .null }
        if node.operation == .substring {
            var third: Datum?
            if node.count == 3 {
                let value = evaluate(operands[node.first + 2], slots, row, &texts)
                if value.isFailure || value.isNull { return value }
                third = value
            }
            return TextFunctions.substring(first, second, third, &texts, column: node.column)
        }
        return TextFunctions.binary(node.operation, first, second, texts, column: node.column)
    }
}
