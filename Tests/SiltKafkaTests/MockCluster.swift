import CRdKafka
import SiltModel

/// librdkafka's mock cluster: brokers that speak Kafka's protocol on 127.0.0.1, in this process.
@safe final class MockCluster {
    let bootstrap: String
    let topic: String
    private let cluster: OpaquePointer
    private let producer: OpaquePointer

    init(topic: String = "events", partitions: Int, settings: [(String, String)] = []) throws {
        var address = [CChar](repeating: 0, count: 512)
        // Safety: the buffers have the lengths given; the handles are freed with this object.
        guard
            let cluster = unsafe silt_kafka_mock_new(1, topic, Int32(partitions), &address, 512)
        else { throw SiltstoneError(.unavailable, "no mock cluster") }
        unsafe self.cluster = cluster
        self.topic = topic
        bootstrap = String(
            decoding: address.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        unsafe producer = try MockCluster.producer(bootstrap, settings)
    }

    private static func producer(_ bootstrap: String, _ settings: [(String, String)]) throws
        -> OpaquePointer
    {
        var error = [CChar](repeating: 0, count: 512)
        let pairs = [("bootstrap.servers", bootstrap), ("linger.ms", "5")] + settings
        let text = pairs.map { "\($0.0)\u{1}\($0.1)\u{1}" }.joined()
        // Safety: both buffers are used during the call only.
        guard let made = unsafe silt_kafka_new(1, text, &error, 512) else {
            throw SiltstoneError(.unavailable, "no producer")
        }
        return unsafe made
    }

    // Safety: nobody uses the handles any more.
    deinit {
        unsafe silt_kafka_free(producer)
        unsafe silt_kafka_free(cluster)
    }

    /// Sends a message; its key says in which partition it comes.
    func send(_ value: String?, key: String) {
        var error = [CChar](repeating: 0, count: 512)
        let key = Array(key.utf8)
        let bytes = Array((value ?? "").utf8)
        // Safety: the buffers are used during the call only.
        let code = unsafe bytes.withUnsafeBufferPointer { buffer in
            unsafe silt_kafka_produce(
                producer, topic, key, key.count, value == nil ? nil : buffer.baseAddress,
                buffer.count, &error, 512)
        }
        precondition(code == 0)
    }

    /// Waits until everything sent is stored.
    func flush() {
        var error = [CChar](repeating: 0, count: 512)
        // Safety: the buffer has the length given.
        let code = unsafe silt_kafka_flush(producer, 30_000, &error, 512)
        precondition(code == 0)
    }
}
