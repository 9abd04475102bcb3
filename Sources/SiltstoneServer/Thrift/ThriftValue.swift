import SiltBytes
import SiltModel

/// A value of Thrift's type system, as far as HBase's interface uses it.
indirect enum ThriftValue {
    /// The kinds of value, with the binary protocol's codes.
    enum Kind: UInt8 {
        case bool = 2
        case i8 = 3
        case double = 4
        case i16 = 6
        case i32 = 8
        case i64 = 10
        case bytes = 11
        case fields = 12
        case map = 13
        case set = 14
        case list = 15
    }

    case bool(Bool)
    case i8(Int8)
    case i16(Int16)
    case i32(Int32)
    case i64(Int64)
    case double(Double)
    case bytes([UInt8])
    /// A struct's fields by their numbers.
    case fields([(id: Int16, value: ThriftValue)])
    case map(Kind, Kind, [(key: ThriftValue, value: ThriftValue)])
    case list(Kind, [ThriftValue])

    var kind: Kind {
        switch self {
        case .bool: .bool
        case .i8: .i8
        case .i16: .i16
        case .i32: .i32
        case .i64: .i64
        case .double: .double
        case .bytes: .bytes
        case .fields: .fields
        case .map: .map
        case .list: .list
        }
    }

    /// A text.
    static func text(_ text: String) -> ThriftValue { .bytes(Array(text.utf8)) }

    /// A struct's field; `nil` when it is not there.
    subscript(id: Int16) -> ThriftValue? {
        guard case .fields(let fields) = self else { return nil }
        return fields.last { $0.id == id }?.value
    }

    /// Bytes, else `nil`.
    var bytes: Bytes? {
        if case .bytes(let bytes) = self { Bytes(bytes) } else { nil }
    }

    /// A whole number of any width, else `nil`.
    var integer: Int64? {
        switch self {
        case .i8(let number): Int64(number)
        case .i16(let number): Int64(number)
        case .i32(let number): Int64(number)
        case .i64(let number): number
        default: nil
        }
    }

    /// A truth value, else `nil`.
    var bool: Bool? {
        if case .bool(let flag) = self { flag } else { nil }
    }

    /// A list's elements, else `nil`.
    var elements: [ThriftValue]? {
        if case .list(_, let elements) = self { elements } else { nil }
    }
}

/// How a client writes its messages.
struct ThriftEncoding: Equatable {
    /// Whether it is the compact protocol, or else the strict binary one.
    var isCompact: Bool
    /// Whether each message comes after its length in four bytes.
    var isFramed: Bool
}

/// A call or an answer.
struct ThriftMessage {
    enum Kind: UInt8 {
        case call = 1
        case reply = 2
        case exception = 3
        case oneway = 4
    }

    var name: String
    var kind: Kind
    var sequence: Int32
    var body: ThriftValue
}

/// Why a message was not read.
enum ThriftFault: Error {
    /// More bytes must come.
    case incomplete
    /// It is no message, and nothing after it can be understood.
    case malformed(String)
}
