/// An aggregate of one's own, which pipelines use as they use `sum` and the others.
///
/// Its state is kept with open windows in checkpoints, merged from the panes that windows share, and merged again for
/// events that come late: results must depend on the events alone, not on how they were put together.
public protocol OwnAggregate: Sendable {
    /// The name by which jobs call it: letters, digits and `_`, and none of those that there are.
    ///
    /// A checkpoint knows it by this name: it needs another when `encoded` takes another form.
    static var functionName: String { get }

    /// The state of no events.
    init()

    /// The state that `encoded` gave.
    ///
    /// - Throws: anything when the bytes are none.
    init(decoding bytes: [UInt8]) throws

    /// The state as bytes, equal for equal states.
    var encoded: [UInt8] { get }

    /// Adds an event's value, which is not null.
    mutating func add(_ value: AggregateValue)

    /// Adds the events of another state.
    mutating func merge(_ other: Self)

    /// The result; null has no cell.
    var result: AggregateValue { get }
}

/// A type of aggregates of one's own, as a value.
public struct OwnFunction: Hashable, Sendable {
    /// The type.
    public let type: any OwnAggregate.Type

    /// The function of a type.
    public init(_ type: any OwnAggregate.Type) { self.type = type }

    /// The name by which jobs call it.
    public var name: String { type.functionName }

    /// Whether both are of the same type.
    public static func == (left: OwnFunction, right: OwnFunction) -> Bool {
        ObjectIdentifier(left.type) == ObjectIdentifier(right.type)
    }

    /// Hashes the type.
    public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(type)) }
}
