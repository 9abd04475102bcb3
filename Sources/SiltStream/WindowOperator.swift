public import SiltBytes
public import SiltModel

/// Event-time windows over keyed events, as a pure state machine: events and watermarks in, rows out.
///
/// It knows no clock, disk or thread. Equal events in equal order give equal rows, however they are
/// split into batches and wherever the state is encoded and decoded between.
public struct WindowOperator: Sendable {
    /// The windows, all fed by one pass.
    public let windows: [WindowSpec]
    /// What is computed for each window.
    public let aggregates: [AggregateSpec]
    /// The rules of completeness.
    public let watermarkSpec: WatermarkSpec
    /// The keys of the events; `EventBatch.keyIDs` are ids of these.
    public var keys = KeyInterner()
    /// Whether rows carry their mergeable state.
    public var givesStates = false
    /// Whether events that only some of their windows refused are given as partial late events.
    public var givesPartialLateEvents = false

    /// An operator without events.
    ///
    /// - Throws: `invalidArgument` when a window or aggregate makes no sense, or a name occurs twice.
    public init(windows: [WindowSpec], aggregates: [AggregateSpec], watermark: WatermarkSpec)
        throws(SiltstoneError)
    {
        self.windows = windows
        self.aggregates = aggregates
        self.watermarkSpec = watermark
        for window in windows { try window.validate() }
    }

    /// Replaces the state by one that an operator of equal windows and aggregates encoded.
    ///
    /// - Throws: when the bytes are damaged, or of other windows, aggregates or rules; the operator is
    ///   then unchanged.
    public mutating func restore(_ state: [UInt8]) throws(DecodingError) {
        throw DecodingError(offset: 0, "state is of another version")
    }

    /// The watermark: no window that ends at or before it will take another event on time.
    public var watermark: Int64 { Int64.min }

    /// Announces a partition, so that its missing events hold the watermark back.
    public mutating func addPartition(_ partition: UInt32) {}

    /// Takes a partition out of the watermark's minimum until its next event or watermark.
    public mutating func setIdle(_ partition: UInt32, into output: inout WindowOutput) {}

    /// Ends a partition: its watermark becomes infinite.
    public mutating func finishPartition(_ partition: UInt32, into output: inout WindowOutput) {}

    /// Takes the events of a batch and fires the windows they complete.
    public mutating func process(_ batch: EventBatch, into output: inout WindowOutput) {}

    /// Moves the watermark of a partition up to an explicit one.
    public mutating func advance(
        _ partition: UInt32, to watermark: Int64, into output: inout WindowOutput
    ) {}

    /// Ends bounded input: all windows fire.
    public mutating func finish(into output: inout WindowOutput) {}

    /// The state as bytes, equal for equal states.
    public func encodeState() -> [UInt8] { [] }
}
