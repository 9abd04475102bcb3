import Foundation
import NIOHTTP1
import SiltBytes
import SiltIngest
import SiltModel
import Synchronization

/// `/v1/streams` and `/v1/streams/{s}`: events are pushed as lines of JSON objects.
struct StreamRoutes {
    private static let errorCountMax = 1000

    let streams: Streams
    let request: Request

    func list() throws(SiltstoneError) -> Reply {
        guard request.method == .GET || request.method == .HEAD else {
            return V1Routes.methodNotAllowed("GET")
        }
        let streams = streams
        return .work { () throws(SiltstoneError) in
            var list: [JSONValue] = []
            for name in streams.names { list.append(Self.describe(try streams.open(name))) }
            return .json(.ok, .object(("streams", .array(list))))
        }
    }

    func reply(_ name: String) throws(SiltstoneError) -> Reply {
        let streams = streams
        switch request.method {
        case .GET, .HEAD:
            return .work { () throws(SiltstoneError) in
                guard streams.names.contains(name) else {
                    throw SiltstoneError(.notFound, "no such stream stream=\(name)")
                }
                return .json(.ok, Self.describe(try streams.open(name)))
            }
        case .POST: return try push(name)
        default: return V1Routes.methodNotAllowed("GET, POST")
        }
    }

    private static func describe(_ log: StreamLog) -> JSONValue {
        .object(("name", .string(log.name)), ("bytes", .integer(Int64(log.byteCount))))
    }

    private func push(_ name: String) throws(SiltstoneError) -> Reply {
        let keyText = request.header("Idempotency-Key")
        guard keyText.map({ (1...255).contains($0.utf8.count) }) ?? true else {
            throw SiltstoneError(.invalidArgument, "Idempotency-Key is not of 1 to 255 bytes")
        }
        let key = keyText.map { Bytes($0) }
        let events = Self.check(request.body)
        let (streams, request) = (streams, request)
        if events.accepted == 0, events.rejected > 0 {
            let error = JSONValue.object(
                ("code", "invalidArgument"), ("message", "no line is an event"), ("detail", .null))
            let members = (events.answer.objectValue ?? []) + [.init("error", error)]
            return .now(.json(.badRequest, .object(members)))
        }
        if let log = streams.opened(name) {
            return .later { answer in
                log.append(events.bytes, key: key, answer: events.answer.bytes) { result in
                    answer.send(Self.response(result, request))
                }
            }
        }
        return .work { () throws(SiltstoneError) in
            let log = try streams.open(name)
            let done = DispatchSemaphore(value: 0)
            let result = Mutex<Result<[UInt8], SiltstoneError>?>(nil)
            log.append(events.bytes, key: key, answer: events.answer.bytes) { outcome in
                result.withLock { $0 = outcome }
                done.signal()
            }
            done.wait()
            guard let outcome = result.withLock({ $0 }) else {
                throw SiltstoneError(.closed, "server is ending")
            }
            return Self.response(outcome, request)
        }
    }

    private static func response(_ result: Result<[UInt8], SiltstoneError>, _ request: Request)
        -> Response
    {
        switch result {
        case .success(let answer):
            Response(.ok, headers: [("Content-Type", "application/json")], body: answer)
        case .failure(let error): Router.failure(error, for: request)
        }
    }

    /// The lines of a body that are events, and what is wrong with the others.
    struct Events {
        var bytes: [UInt8] = []
        var accepted = 0
        var rejected = 0
        var errors: [JSONValue] = []

        /// `{"accepted", "rejected", "errors": [{"line", "message"}]}`.
        var answer: JSONValue {
            .object(
                ("accepted", .integer(Int64(accepted))), ("rejected", .integer(Int64(rejected))),
                ("errors", .array(errors)))
        }
    }

    static func check(_ body: [UInt8]) -> Events {
        var events = Events()
        events.bytes.reserveCapacity(body.count + 1)
        var line = 0
        for text in body.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            line += 1
            if text.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0d }) { continue }
            let problem: String?
            do throws(DecodingError) {
                let value = try JSONValue(parsing: Array(text))
                problem = value.objectValue == nil ? "line is not a JSON object" : nil
            } catch {
                problem = "line is not JSON: \(error)"
            }
            guard let problem else {
                events.accepted += 1
                events.bytes += text
                events.bytes.append(UInt8(ascii: "\n"))
                continue
            }
            events.rejected += 1
            if events.errors.count < errorCountMax {
                events.errors.append(
                    .object(("line", .integer(Int64(line))), ("message", .string(problem))))
            }
        }
        return events
    }
}
