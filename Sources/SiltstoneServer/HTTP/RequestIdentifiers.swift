import SiltBytes
import SiltIO
import Synchronization

/// Names for requests, by which a client's words and the server's logs are matched.
final class RequestIdentifiers: Sendable {
    /// The header that carries them.
    static let header = "X-Request-Id"
    private static let bytesMax = 128

    private let prefix: String
    private let count = Atomic(UInt64(0))

    init(_ environment: SiltIO.Environment) {
        let word = environment.random.next()
        prefix = Hex.encode((0..<6).map { UInt8(truncatingIfNeeded: word >> UInt64($0 * 8)) }) + "-"
    }

    /// The client's name for a request where it is short and plain, else a new one.
    func identifier(of facts: HeadFacts) -> String {
        if let given = facts.requestID, Self.isPlain(given) { return given }
        // Counting orders nothing else.
        let number = count.wrappingAdd(1, ordering: .relaxed).newValue
        return prefix + String(number, radix: 36)
    }

    private static func isPlain(_ text: String) -> Bool {
        (1...bytesMax).contains(text.utf8.count)
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != 0x22 && $0 != 0x5c }
    }
}
