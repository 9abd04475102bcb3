import NIOCore
import NIOHTTP1
import SiltIO
import SiltModel
import SiltTable

/// What the access log will tell of an answer.
struct AccessNote {
    let request: Request
    let target: String
    let token: String?
    let started: NIODeadline
    let status: Int
    var bytes = 0
}

extension ConnectionHandler {
    /// Notes an answer that is about to be sent, in the error log too when the server failed.
    func beginNote(
        _ request: Request, _ head: HTTPRequestHead, _ started: NIODeadline, _ response: Response
    ) {
        if let fault = response.fault, let log = router.errorLog {
            let target = JSONValue.string("\(head.method.rawValue) \(head.uri)").text
            let now = router.store.clock.nowMilliseconds
            log("\(now) \(response.status.code) \(target) \(request.id) \(fault)")
        }
        guard router.accessLog != nil else { return }
        note = AccessNote(
            request: request, target: head.uri,
            token: router.requiresTokens ? router.token(of: request)?.name : nil,
            started: started, status: Int(response.status.code))
        if case .bytes(let bytes) = response.body, request.method != .HEAD {
            note?.bytes = bytes.count
        }
    }

    /// Hands what was noted to the access log.
    func writeNote(isCut: Bool) {
        guard let note, let log = router.accessLog else { return }
        self.note = nil
        log(
            AccessRecord(
                milliseconds: router.store.clock.nowMilliseconds,
                client: client, method: note.request.method.rawValue, target: note.target,
                status: note.status,
                bytes: note.bytes,
                seconds: Double((NIODeadline.now() - note.started).nanoseconds) / 1e9,
                requestID: note.request.id, traceID: note.request.facts.traceID, token: note.token,
                isCut: isCut))
    }
}
