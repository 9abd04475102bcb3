internal import SiltBytes
package import SiltModel
internal import SiltStream

/// What a checkpoint gave to a sink.
package struct SinkBatch: Sendable {
    /// A row as a message: its key, and its content as JSON.
    package struct Message: Sendable {
        /// The key of the row.
        package let key: [UInt8]
        /// A JSON object.
        package let value: [UInt8]

        /// A message.
        package init(key: [UInt8], value: [UInt8]) {
            self.key = key
            self.value = value
        }
    }

    /// The job.
    package let job: String
    /// A name of the job's outbox that no other has: in another store numbers begin anew.
    package let outbox: String
    /// The number of the checkpoint: a batch that is delivered again has the same number and content.
    package let number: UInt64
    /// The rows, in the order in which they were given.
    package let messages: [Message]

    /// A batch.
    package init(job: String, outbox: String, number: UInt64, messages: [Message]) {
        self.job = job
        self.outbox = outbox
        self.number = number
        self.messages = messages
    }
}

/// Somewhere that rows go to; used by one thread.
package protocol RowSink: AnyObject {
    /// What tells it from the job's other sinks.
    var name: String { get }

    /// Delivers a batch; on return it is durable.
    ///
    /// Batches come in the order of their numbers; one may come again after a kill.
    func deliver(_ batch: SinkBatch) throws(SiltstoneError)
}

/// The messages that wait for a checkpoint, as bytes.
struct SinkOutbox {
    private var writer = ByteWriter()
    private(set) var count = 0

    /// How many bytes wait.
    var byteCount: Int { writer.bytes.count }
    /// The messages.
    var encoded: [UInt8] { writer.bytes }

    /// Adds the row of a window.
    mutating func add(
        _ job: JobDefinition, row: Bytes, windowIndex: Int, start: Int64, end: Int64,
        values: [AggregateValue], rank: Int?
    ) {
        var cells: [JSONValue.Member] = []
        for (aggregate, value) in zip(job.aggregates, values) where value != .null {
            cells.append(.init(aggregate.name, Self.json(value)))
        }
        var members: [JSONValue.Member] = [
            .init("job", .string(job.name)), .init("row", Self.json(row)),
            .init("window", .string(job.windows[windowIndex].name)),
            .init("start", .integer(start)), .init("end", .integer(end)),
        ]
        if let rank { members.append(.init("rank", .integer(Int64(rank)))) }
        members.append(.init("values", .object(cells)))
        add(row, .object(members))
    }

    /// Adds that a session's row was joined to others.
    mutating func addRemoval(
        _ job: JobDefinition, row: Bytes, windowIndex: Int, start: Int64, end: Int64
    ) {
        add(
            row,
            .object(
                ("job", .string(job.name)), ("row", Self.json(row)),
                ("window", .string(job.windows[windowIndex].name)), ("start", .integer(start)),
                ("end", .integer(end)), ("removed", .bool(true))))
    }

    private mutating func add(_ row: Bytes, _ value: JSONValue) {
        writer.writeSized(row.array)
        writer.writeSized(value.bytes)
        count += 1
    }

    /// Forgets the messages.
    mutating func removeAll() {
        writer = ByteWriter()
        count = 0
    }

    /// The messages that bytes hold.
    static func messages(_ bytes: [UInt8]) throws(DecodingError) -> [SinkBatch.Message] {
        var reader = ByteReader(bytes)
        var messages: [SinkBatch.Message] = []
        while !reader.isAtEnd {
            messages.append(
                SinkBatch.Message(key: try reader.readSized(), value: try reader.readSized()))
        }
        return messages
    }

    /// Text as it is, other bytes in base64.
    private static func json(_ bytes: Bytes) -> JSONValue {
        bytes.string.map { .string($0) } ?? .object(("base64", .string(Base64.encode(bytes.array))))
    }

    private static func json(_ value: AggregateValue) -> JSONValue {
        switch value {
        case .null: .null
        case .int(let number): .integer(number)
        case .double(let number) where number.isFinite: .number(number)
        case .list, .entries:
            (try? JSONValue(parsing: value.text ?? [])) ?? json(Bytes(value.text ?? []))
        default: json(Bytes(value.text ?? []))
        }
    }
}
