import Foundation
import FoundationNetworking
import Synchronization

/// Requests to a server that may be killed at any moment, each waited for.
final class WebRequest: Sendable {
    /// What came back; the status is 0 without an answer.
    struct Answer: Sendable {
        var status = 0
        var body = Data()

        /// Whether the server said that it is done.
        var isDone: Bool { (200..<300).contains(status) }

        /// Whether the server said that nothing was changed.
        var isRefused: Bool { (400..<500).contains(status) }

        /// The object in the body; empty when there is none.
        var document: [String: Any] {
            (try? JSONSerialization.jsonObject(with: body)) as? [String: Any] ?? [:]
        }

        /// The objects in the lines of the body.
        var lines: [[String: Any]] {
            body.split(separator: UInt8(ascii: "\n")).compactMap {
                (try? JSONSerialization.jsonObject(with: $0)) as? [String: Any]
            }
        }
    }

    private final class Box: Sendable {
        let answer = Mutex(Answer())
    }

    private let base: String
    private let session = URLSession(configuration: .ephemeral)

    /// Requests to the server at a URL.
    init(_ base: String) { self.base = base }

    deinit { session.invalidateAndCancel() }

    /// Sends a request and waits for its answer.
    func send(_ method: String, _ path: String, _ body: String? = nil) -> Answer {
        guard let target = URL(string: base + path) else { return Answer() }
        var request = URLRequest(url: target)
        request.httpMethod = method
        request.timeoutInterval = 60
        request.httpBody = body.map { Data($0.utf8) }
        let answered = DispatchSemaphore(value: 0)
        let box = Box()
        session.dataTask(with: request) { data, response, _ in
            let status = (response as? HTTPURLResponse)?.statusCode ?? 0
            box.answer.withLock { $0 = Answer(status: status, body: data ?? Data()) }
            answered.signal()
        }.resume()
        answered.wait()
        return box.answer.withLock { $0 }
    }

    /// The texts of a scan's rows: row, then column, then value.
    ///
    /// - Returns: `nil` without a whole answer.
    func rows(_ table: String, _ query: String = "") -> [(row: String, columns: [String: String])]?
    {
        let answer = send("GET", "/v1/tables/\(table)/rows?\(query)")
        guard answer.isDone else { return nil }
        return answer.lines.map { line in
            let columns = line["columns"] as? [String: Any] ?? [:]
            return (line["row"] as? String ?? "", columns.compactMapValues { $0 as? String })
        }
    }
}
