internal import SiltStream

/// A value while records are worked on: a tag and 64 bits, nothing counted by reference.
///
/// Integers are kept as they are, doubles as bit patterns, text as the place of its bytes in the batch's buffer.
struct Datum: Equatable, Sendable {
    /// What a value is; the first four are those of `ValueColumn`.
    enum Tag {
        static let null = ValueColumn.Tag.null
        static let int = ValueColumn.Tag.int
        static let double = ValueColumn.Tag.double
        static let text = ValueColumn.Tag.bytes
        /// The record has no such field; as null everywhere but in `exists`.
        static let missing: UInt8 = 4
        static let bool: UInt8 = 5
        /// Text of a format without types (CSV): a number where a number is wanted.
        static let untyped: UInt8 = 6
        /// The JSON text of an array or object.
        static let nested: UInt8 = 7
        /// No value: evaluation failed.
        static let failure: UInt8 = 8
    }

    var tag: UInt8
    var bits: Int64

    static let null = Datum(tag: Tag.null, bits: 0)
    static let missing = Datum(tag: Tag.missing, bits: 0)

    @inline(__always) init(tag: UInt8, bits: Int64) {
        self.tag = tag
        self.bits = bits
    }

    @inline(__always) init(_ value: Int64) { self.init(tag: Tag.int, bits: value) }

    @inline(__always) init(_ value: Double) {
        self.init(tag: Tag.double, bits: Int64(bitPattern: value.bitPattern))
    }

    @inline(__always) init(_ value: Bool) { self.init(tag: Tag.bool, bits: value ? 1 : 0) }

    /// Text at a place of the buffer; places and lengths stay below 2 GiB.
    @inline(__always) init(textAt offset: Int, count: Int, tag: UInt8 = Tag.text) {
        self.init(tag: tag, bits: Int64(offset) << 32 | Int64(count))
    }

    /// A failure of the node at a column of its expression.
    init(_ failure: ExpressionFailure, at column: Int) {
        self.init(tag: Tag.failure, bits: Int64(column) << 32 | Int64(failure.rawValue))
    }

    @inline(__always) var double: Double { Double(bitPattern: UInt64(bitPattern: bits)) }
    @inline(__always) var isTrue: Bool { tag == Tag.bool && bits != 0 }
    @inline(__always) var isNull: Bool { tag == Tag.null || tag == Tag.missing }
    @inline(__always) var isFailure: Bool { tag == Tag.failure }
    @inline(__always) var isText: Bool {
        tag == Tag.text || tag == Tag.untyped || tag == Tag.nested
    }
    @inline(__always) var isNumber: Bool { tag == Tag.int || tag == Tag.double }
    @inline(__always) var textOffset: Int { Int(bits >> 32) }
    @inline(__always) var textCount: Int { Int(bits & 0xffff_ffff) }
    @inline(__always) var range: Range<Int> { textOffset..<(textOffset &+ textCount) }

    /// What failed, and at which column of the expression; only for failures.
    var failure: (cause: ExpressionFailure, column: Int) {
        (
            ExpressionFailure(rawValue: UInt8(truncatingIfNeeded: bits)) ?? .wrongType,
            Int(bits >> 32)
        )
    }
}

/// Why an expression has no value for a record.
enum ExpressionFailure: UInt8, Sendable {
    case wrongType, overflow, divisionByZero, notANumber, integerTooBig, numberTooBig

    var message: String {
        switch self {
        case .wrongType: "operand has the wrong type"
        case .overflow: "integer does not fit 64 bits"
        case .divisionByZero: "division by zero"
        case .notANumber: "text is not a number"
        case .integerTooBig: "integer does not fit 64 bits"
        case .numberTooBig: "number is too large for a double"
        }
    }
}
