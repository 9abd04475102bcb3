/// The functions of expressions that are not logic, comparison or arithmetic.
///
/// Their first operand is never null here.
enum TextFunctions {
    /// Appends a value as text: numbers in their shortest exact form, nothing for null.
    static func append(_ value: Datum, _ texts: TextBuffer, to bytes: inout [UInt8]) {
        switch value.tag {
        case Datum.Tag.int: bytes.append(contentsOf: String(value.bits).utf8)
        case Datum.Tag.double: bytes.append(contentsOf: value.double.description.utf8)
        case Datum.Tag.bool: bytes.append(contentsOf: (value.bits != 0 ? "true" : "false").utf8)
        case Datum.Tag.text, Datum.Tag.untyped, Datum.Tag.nested:
            bytes.append(contentsOf: texts.bytes[value.range])
        default: break
        }
    }

    static func concatenate(_ values: [Datum], _ texts: inout TextBuffer) -> Datum {
        var bytes: [UInt8] = []
        for value in values { append(value, texts, to: &bytes) }
        return texts.add(bytes)
    }

    static func unary(
        _ operation: ExpressionOperation, _ value: Datum, _ texts: inout TextBuffer, column: Int
    ) -> Datum {
        switch operation {
        case .lower, .upper:
            return changeCase(value, toUpper: operation == .upper, &texts, column: column)
        case .trim: return trim(value, texts, column: column)
        case .length:
            guard value.isText else { return Datum(.wrongType, at: column) }
            return Datum(Int64(scalarCount(texts.bytes[value.range])))
        case .number:
            if value.isNumber { return value }
            guard value.isText, let number = NumberText.parse(texts.bytes, value.range),
                number.isNumber
            else {
                return .null
            }
            return number
        case .text:
            if value.isText { return Datum(textAt: value.textOffset, count: value.textCount) }
            return concatenate([value], &texts)
        default:
            return rounding(operation, Arithmetic.number(value, texts, column: column), column)
        }
    }

    private static func rounding(_ operation: ExpressionOperation, _ value: Datum, _ column: Int)
        -> Datum
    {
        if value.isFailure { return value }
        if value.tag == Datum.Tag.int {
            guard operation == .abs, value.bits < 0 else { return value }
            return value.bits == .min ? Datum(.overflow, at: column) : Datum(-value.bits)
        }
        switch operation {
        case .abs: return Datum(value.double.magnitude)
        case .round: return Datum(value.double.rounded())
        case .floor: return Datum(value.double.rounded(.down))
        default: return Datum(value.double.rounded(.up))
        }
    }

    private static func changeCase(
        _ value: Datum, toUpper: Bool, _ texts: inout TextBuffer, column: Int
    ) -> Datum {
        guard value.isText else { return Datum(.wrongType, at: column) }
        let source = texts.bytes[value.range]
        if source.contains(where: { $0 >= 0x80 }) {
            let text = String(decoding: source, as: UTF8.self)
            return texts.add(Array((toUpper ? text.uppercased() : text.lowercased()).utf8))
        }
        let first: UInt8 = toUpper ? 0x61 : 0x41
        guard source.contains(where: { $0 &- first < 26 }) else {
            return Datum(textAt: value.textOffset, count: value.textCount)
        }
        return texts.add(source.map { $0 &- first < 26 ? $0 ^ 0x20 : $0 })
    }

    private static func trim(_ value: Datum, _ texts: TextBuffer, column: Int) -> Datum {
        guard value.isText else { return Datum(.wrongType, at: column) }
        var range = value.range
        while let first = range.first, isSpace(texts.bytes[first]) {
            range = (first + 1)..<range.upperBound
        }
        while let last = range.last, isSpace(texts.bytes[last]) { range = range.lowerBound..<last }
        return Datum(textAt: range.lowerBound, count: range.count, tag: value.tag)
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || (0x09...0x0d).contains(byte)
    }

    private static func scalarCount(_ bytes: ArraySlice<UInt8>) -> Int {
        bytes.reduce(0) { $0 + ($1 & 0xc0 == 0x80 ? 0 : 1) }
    }

    static func binary(
        _ operation: ExpressionOperation, _ first: Datum, _ second: Datum, _ texts: TextBuffer,
        column: Int
    ) -> Datum {
        guard first.isText, second.isText else { return Datum(.wrongType, at: column) }
        let text = texts.bytes[first.range]
        let part = texts.bytes[second.range]
        switch operation {
        case .startsWith: return Datum(text.starts(with: part))
        case .endsWith: return Datum(text.count >= part.count && text.suffix(part.count) == part)
        default:
            guard let head = part.first else { return Datum(true) }
            guard text.count >= part.count else { return Datum(false) }
            for start in text.startIndex...(text.endIndex - part.count)
            where text[start] == head && text[start..<(start + part.count)] == part {
                return Datum(true)
            }
            return Datum(false)
        }
    }

    /// SQL's substr: characters (Unicode scalars) from a place counted from 1.
    static func substring(
        _ value: Datum, _ start: Datum, _ count: Datum?, _ texts: inout TextBuffer, column: Int
    ) -> Datum {
        guard value.isText, start.tag == Datum.Tag.int, count == nil || count?.tag == Datum.Tag.int
        else {
            return Datum(.wrongType, at: column)
        }
        let first = start.bits
        let end = count.map { first.addingReportingOverflow(max(0, $0.bits)) }
        let last = end.map { $0.overflow ? Int64.max : $0.partialValue } ?? Int64.max
        var character: Int64 = 0
        var low = value.range.upperBound
        var high = value.range.upperBound
        for place in value.range where texts.bytes[place] & 0xc0 != 0x80 {
            character += 1
            if character >= first, low == value.range.upperBound { low = place }
            if character >= last {
                high = place
                break
            }
        }
        return Datum(textAt: min(low, high), count: max(0, high - low))
    }

    /// SQL's like: `%` is any text, `_` any one character; there is no escape character.
    static func like(_ value: Datum, _ pattern: Datum, _ texts: TextBuffer, column: Int) -> Datum {
        if value.isFailure { return value }
        if pattern.isFailure { return pattern }
        if value.isNull || pattern.isNull { return .null }
        guard value.isText, pattern.isText else { return Datum(.wrongType, at: column) }
        return Datum(matches(texts.bytes, value.range, pattern.range))
    }

    private static func matches(_ bytes: [UInt8], _ text: Range<Int>, _ pattern: Range<Int>) -> Bool
    {
        var place = text.lowerBound
        var step = pattern.lowerBound
        var retryPlace = -1
        var retryStep = -1
        while place < text.upperBound {
            if step < pattern.upperBound, bytes[step] == 0x25 {
                step += 1
                retryStep = step
                retryPlace = place
            } else if step < pattern.upperBound, bytes[step] == 0x5f {
                step += 1
                place += 1
                while place < text.upperBound, bytes[place] & 0xc0 == 0x80 { place += 1 }
            } else if step < pattern.upperBound, bytes[step] == bytes[place] {
                step += 1
                place += 1
            } else if retryStep >= 0 {
                retryPlace += 1
                place = retryPlace
                step = retryStep
            } else {
                return false
            }
        }
        while step < pattern.upperBound, bytes[step] == 0x25 { step += 1 }
        return step == pattern.upperBound
    }
}
