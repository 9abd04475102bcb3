import CRdKafka
package import SiltIngest
package import SiltModel

/// Kafka through librdkafka, as a job reads it: all partitions of a topic, or a share of them as a group's member.
///
/// Offsets are the job's own matter: the broker's are written after each commit, for tools that show a group's lag,
/// and read only when the job says `start: group`.
package final class KafkaSource: PartitionedSource {
    private static let timeoutMilliseconds: Int32 = 30_000
    /// How often new partitions are looked for, in polls that found nothing and time.
    private static let discoverMilliseconds: Int64 = 30_000
    private static let messagesMax = 8192

    private let settings: KafkaSettings
    private let handle: KafkaHandle
    private let nowMilliseconds: () -> Int64
    /// How many partitions were handed out; without a group only.
    private var assignedCount: Int32 = 0
    private var lastDiscovery: Int64?
    /// How many partitions the topic has, as far as is known.
    package private(set) var partitionCount: Int32 = 0
    private var bytesMax = 1 << 20
    private var buffer: [UInt8] = []
    private var messages: [silt_kafka_message]
    private var partitions: [Int32]

    /// Connects to the brokers and joins the group, if there is one.
    ///
    /// - Parameters:
    ///   - settings: the job's.
    ///   - nowMilliseconds: a clock, for how often new partitions are looked for.
    /// - Throws: `invalidArgument` for a wrong setting; `unavailable` when no broker answers or there is no such topic.
    package init(
        _ settings: KafkaSettings, nowMilliseconds: @escaping () -> Int64
    ) throws(SiltstoneError) {
        self.settings = settings
        self.nowMilliseconds = nowMilliseconds
        messages = Array(repeating: silt_kafka_message(), count: Self.messagesMax)
        partitions = Array(repeating: 0, count: Self.messagesMax)
        var options = settings.options
        if options["isolation.level"] == nil { options["isolation.level"] = "read_committed" }
        if options["client.id"] == nil { options["client.id"] = "silt" }
        if options["topic.metadata.refresh.interval.ms"] == nil {
            options["topic.metadata.refresh.interval.ms"] = String(Self.discoverMilliseconds)
        }
        var pairs = options.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        pairs += [
            ("bootstrap.servers", settings.brokers.joined(separator: ",")),
            ("group.id", settings.group ?? "silt-\(settings.topic)"),
            ("enable.auto.commit", "false"), ("enable.auto.offset.store", "false"),
            ("enable.partition.eof", "true"),
            ("auto.offset.reset", settings.outOfRange == "fail" ? "error" : settings.outOfRange),
        ]
        handle = try KafkaHandle(isProducer: false, pairs)
        partitionCount = try readPartitionCount()
        guard partitionCount > 0 else {
            throw SiltstoneError(.notFound, "no such topic topic=\(settings.topic)")
        }
        guard settings.group != nil else { return }
        _ = try handle.call("cannot subscribe") { pointer, text in
            // Safety: the text is a buffer of the size given.
            unsafe Int64(
                silt_kafka_subscribe(pointer, settings.topic, &text, Int32(text.count)))
        }
    }

    private func readPartitionCount() throws(SiltstoneError) -> Int32 {
        let topic = settings.topic
        return Int32(
            try handle.call("topic cannot be read topic=\(topic)") { pointer, text in
                // Safety: the text is a buffer of the size given.
                unsafe Int64(
                    silt_kafka_partition_count(
                        pointer, topic, Self.timeoutMilliseconds, &text, Int32(text.count)))
            })
    }

    /// Partitions that were not handed out yet; without a group all are this process's.
    private func discover() throws(SiltstoneError) -> [Int32] {
        let now = nowMilliseconds()
        if let lastDiscovery, now - lastDiscovery < Self.discoverMilliseconds { return [] }
        let isFirst = lastDiscovery == nil
        lastDiscovery = now
        let count: Int32
        do {
            count = try readPartitionCount()
        } catch {
            if isFirst { throw error }
            return []
        }
        partitionCount = max(partitionCount, count)
        guard count > assignedCount else { return [] }
        defer { assignedCount = count }
        return Array(assignedCount..<count)
    }

    /// Waits for what comes next.
    package func next(
        into batch: inout MessageBatch, timeoutMilliseconds: Int
    ) throws(SiltstoneError) -> PartitionEvent {
        batch.removeAll()
        if settings.group == nil {
            let new = try discover()
            if !new.isEmpty { return .assigned(new) }
        }
        if buffer.count < bytesMax { buffer = Array(repeating: 0, count: bytesMax) }
        var count: Int32 = 0
        var used = 0
        let kind = Int(
            try handle.call("kafka cannot be read topic=\(settings.topic)") { pointer, text in
                // Safety: the arrays are as long as is said, and the text too; all are only used during the call.
                unsafe Int64(
                    silt_kafka_poll(
                        pointer, Int32(timeoutMilliseconds), &buffer, buffer.count, &messages,
                        &partitions, Int32(Self.messagesMax), &count, &used, &text,
                        Int32(text.count)))
            })
        let list = Array(partitions.prefix(Int(count)))
        switch kind & 0xff {
        case Int(SILT_KAFKA_MESSAGES):
            batch.partition = partitions[0]
            batch.bytes.append(contentsOf: buffer[..<used])
            for message in messages.prefix(Int(count)) {
                batch.messages.append((message.offset, Int(message.length)))
            }
            batch.reachesEnd = kind >> 8 != 0
            return .messages
        case Int(SILT_KAFKA_ASSIGNED):
            // Who leads a group finds new partitions; all learn of them by what they are given.
            partitionCount = max(
                partitionCount, (try? readPartitionCount()) ?? 0, (list.max() ?? -1) + 1)
            return .assigned(list)
        case Int(SILT_KAFKA_REVOKED): return .revoked(list)
        case Int(SILT_KAFKA_END): return .end(list.first ?? 0)
        default:
            // Safety: the handle is alive.
            bytesMax = max(bytesMax, unsafe silt_kafka_wanted(handle.pointer))
            return .nothing
        }
    }

    /// Begins to read partitions.
    package func begin(
        _ places: [(partition: Int32, offset: Int64?)]
    ) throws(SiltstoneError) {
        var offsets: [Int64] = []
        for place in places {
            if let offset = place.offset {
                offsets.append(offset)
            } else {
                offsets.append(try startOffset(place.partition))
            }
        }
        let topic = settings.topic
        _ = try handle.call("partitions cannot be read topic=\(topic)") { pointer, text in
            // Safety: both arrays have as many elements as is said.
            unsafe Int64(
                silt_kafka_begin(
                    pointer, topic, places.map(\.partition), offsets, Int32(places.count), &text,
                    Int32(text.count)))
        }
    }

    private func startOffset(_ partition: Int32) throws(SiltstoneError) -> Int64 {
        let topic = settings.topic
        switch settings.start {
        case .earliest: return Int64(SILT_KAFKA_OFFSET_BEGINNING)
        case .latest: return Int64(SILT_KAFKA_OFFSET_END)
        case .committed:
            let offset = try handle.call("group's offset cannot be read topic=\(topic)") {
                // Safety: the text is a buffer of the size given.
                unsafe silt_kafka_committed(
                    $0, topic, partition, Self.timeoutMilliseconds, &$1, Int32($1.count))
            }
            return offset >= 0 ? offset : Int64(SILT_KAFKA_OFFSET_BEGINNING)
        case .time(let time):
            return try handle.call("offset of a time cannot be read topic=\(topic)") {
                // Safety: the text is a buffer of the size given.
                unsafe silt_kafka_offset_for_time(
                    $0, topic, partition, time, Self.timeoutMilliseconds, &$1, Int32($1.count))
            }
        }
    }

    /// Stops reading partitions.
    package func end(_ partitions: [Int32]) throws(SiltstoneError) {
        let topic = settings.topic
        _ = try handle.call("partitions cannot be given up topic=\(topic)") { pointer, text in
            // Safety: the array has as many elements as is said.
            unsafe Int64(
                silt_kafka_end(
                    pointer, topic, partitions, Int32(partitions.count), &text, Int32(text.count)))
        }
    }

    /// Goes to an offset of a partition that is read.
    package func seek(_ partition: Int32, to offset: Int64?) throws(SiltstoneError) {
        let topic = settings.topic
        let place = if let offset { offset } else { try startOffset(partition) }
        _ = try handle.call("partition cannot be read again topic=\(topic)") { pointer, text in
            // Safety: the text is a buffer of the size given.
            unsafe Int64(
                silt_kafka_seek(pointer, topic, partition, place, &text, Int32(text.count)))
        }
    }

    /// Holds a partition's messages back, or lets them come again.
    package func setPaused(_ partition: Int32, _ isPaused: Bool) throws(SiltstoneError) {
        let topic = settings.topic
        _ = try handle.call("partition cannot be paused topic=\(topic)") { pointer, text in
            // Safety: the text is a buffer of the size given.
            unsafe Int64(
                silt_kafka_pause(
                    pointer, topic, partition, isPaused ? 1 : 0, &text, Int32(text.count)))
        }
    }

    /// Commits an offset to the broker, for others to see; that it fails does no harm.
    package func report(_ partition: Int32, offset: Int64) {
        guard settings.group != nil else { return }
        // Safety: the handle is alive.
        _ = unsafe silt_kafka_commit(handle.pointer, settings.topic, partition, offset)
    }
}
