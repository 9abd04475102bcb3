/// One argument of the aggregates for every event of a batch: nulls, integers, doubles and bytes
/// mixed.
///
/// Each value is a tag and 64 bits: an integer as it is, a double as its bit pattern, bytes as the
/// place in an arena. Integers stay exact.
public struct ValueColumn: Sendable {
    /// What a value is.
    ///
    /// Part of the format: docs/format/window-state.md.
    public enum Tag {
        /// No value.
        public static let null: UInt8 = 0
        /// A 64-bit integer.
        public static let int: UInt8 = 1
        /// A double.
        public static let double: UInt8 = 2
        /// Bytes, usually UTF-8 text.
        public static let bytes: UInt8 = 3
    }

    /// The tag of each value.
    public private(set) var tags: [UInt8] = []
    /// The integer, the double's bit pattern, or for bytes `offset << 32 | count` into `arena`.
    public private(set) var bits: [Int64] = []
    /// The bytes of values tagged so.
    public private(set) var arena: [UInt8] = []
    /// A bit `1 << tag` for every tag that occurs: lets a loop know that all values are alike.
    public private(set) var seen: UInt8 = 0

    /// An empty column.
    public init() {}

    /// The number of values.
    public var count: Int { tags.count }

    /// Makes room for `count` values in all.
    public mutating func reserveCapacity(_ count: Int) {
        tags.reserveCapacity(count)
        bits.reserveCapacity(count)
    }

    /// Empties the column and keeps its room.
    public mutating func removeAll() {
        tags.removeAll(keepingCapacity: true)
        bits.removeAll(keepingCapacity: true)
        arena.removeAll(keepingCapacity: true)
        seen = 0
    }

    /// Appends no value.
    public mutating func appendNull() { append(tag: Tag.null, bits: 0) }

    /// Appends an integer.
    public mutating func append(_ value: Int64) { append(tag: Tag.int, bits: value) }

    /// Appends a double.
    public mutating func append(_ value: Double) {
        append(tag: Tag.double, bits: Int64(bitPattern: value.bitPattern))
    }

    /// Appends bytes; a batch holds at most 2 GiB of them.
    public mutating func append(bytes value: some Collection<UInt8>) {
        let place = Int64(arena.count) << 32 | Int64(value.count)
        arena.append(contentsOf: value)
        append(tag: Tag.bytes, bits: place)
    }

    /// Appends all integers, none null.
    public mutating func append(contentsOf values: [Int64]) {
        guard !values.isEmpty else { return }
        tags.append(contentsOf: repeatElement(Tag.int, count: values.count))
        bits.append(contentsOf: values)
        seen |= 1 << Tag.int
    }

    /// Appends numbers and nulls in the form they are held in.
    ///
    /// - Parameter seen: a bit `1 << tag` for every tag that occurs; none may be that of bytes.
    public mutating func append(
        tags newTags: ArraySlice<UInt8>, bits newBits: ArraySlice<Int64>, seen newSeen: UInt8
    ) {
        precondition(
            newTags.count == newBits.count && newSeen & 1 << Tag.bytes == 0,
            "tags and bits differ in number, or bytes are among them")
        tags.append(contentsOf: newTags)
        bits.append(contentsOf: newBits)
        seen |= newSeen
    }

    /// Appends a tagged value; for callers that hold numbers in this form.
    public mutating func append(tag: UInt8, bits value: Int64) {
        tags.append(tag)
        bits.append(value)
        seen |= 1 << (tag & 3)
    }

    /// The bytes of the value at `index`, which must be tagged so.
    public func bytes(at index: Int) -> [UInt8] {
        let place = bits[index]
        let offset = Int(place >> 32)
        return Array(arena[offset..<(offset + Int(place & 0xffff_ffff))])
    }

    /// The value at `index`.
    public subscript(index: Int) -> AggregateValue {
        switch tags[index] {
        case Tag.int: .int(bits[index])
        case Tag.double: .double(Double(bitPattern: UInt64(bitPattern: bits[index])))
        case Tag.bytes: .bytes(bytes(at: index))
        default: .null
        }
    }

    /// Whether every value is an integer.
    var isAllInts: Bool { seen == 1 << Tag.int }
    /// Whether every value is a double.
    var isAllDoubles: Bool { seen == 1 << Tag.double }
}
