import CRdKafka
import SiltModel

/// A client of librdkafka, freed with this object.
///
/// Used by one thread at a time.
@safe
final class KafkaHandle {
    let pointer: OpaquePointer

    /// A consumer or producer with settings.
    init(isProducer: Bool, _ settings: [(String, String)]) throws(SiltstoneError) {
        var text = [CChar](repeating: 0, count: 512)
        let lines = settings.map { "\($0.0)\u{1}\($0.1)\u{1}" }.joined()
        // Safety: both buffers are used during the call only; the text has the length given.
        let made = unsafe silt_kafka_new(isProducer ? 1 : 0, lines, &text, Int32(text.count))
        guard let made = unsafe made else {
            throw KafkaHandle.failure(.invalidArgument, "kafka setting is wrong", text)
        }
        unsafe pointer = made
    }

    // Safety: nobody uses the handle after its last reference is gone.
    deinit { unsafe silt_kafka_free(pointer) }

    /// An error with what the library said.
    static func failure(
        _ code: SiltstoneError.Code, _ what: String, _ text: [CChar]
    ) -> SiltstoneError {
        let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return SiltstoneError(code, "\(what): \(String(decoding: bytes, as: UTF8.self))")
    }

    /// Calls something that fails with a text.
    @safe func call(
        _ what: String, _ body: (OpaquePointer, inout [CChar]) -> Int64
    ) throws(SiltstoneError) -> Int64 {
        var text = [CChar](repeating: 0, count: 512)
        // Safety: the handle is alive as long as this object.
        let result = unsafe body(pointer, &text)
        guard text[0] == 0 else { throw KafkaHandle.failure(.unavailable, what, text) }
        return result
    }
}
