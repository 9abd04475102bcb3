internal import SiltBytes
internal import SiltIO
internal import SiltIngest
internal import SiltModel
internal import Synchronization

/// The operations of WebHDFS, repeated until they succeed or it is hopeless; safe to use from any thread, one at a time.
///
/// What is repeated: no connection, a broken one, a body that ends early, 408, 429, 5xx, and the exceptions by which a
/// name node says that it is on standby or busy; the next name node is asked then.
final class WebHDFSClient: Sendable {
    private struct State: ~Copyable {
        let connections: WebConnections
        /// The name node that answered last.
        var current = 0
    }

    private let settings: WebHDFSSettings
    private let clock: any Clock
    private let random: any RandomSource
    private let state: Mutex<State>

    private static let waitMillisecondsMin: Int64 = 50
    private static let waitMillisecondsMax: Int64 = 5000
    private static let redirectsMax = 5

    init(_ settings: WebHDFSSettings, clock: any Clock, random: any RandomSource) {
        self.settings = settings
        self.clock = clock
        self.random = random
        state = Mutex(State(connections: WebConnections()))
    }

    private func target(_ path: String, _ operation: String, _ parameters: [(String, String)])
        -> String
    {
        var query = "op=\(operation)"
        if let token = settings.token {
            query += "&delegation=\(WebRequest.escape(token, keepsSlashes: false))"
        } else if let user = settings.user {
            query += "&user.name=\(WebRequest.escape(user, keepsSlashes: false))"
        }
        for (name, value) in parameters {
            query += "&\(name)=\(WebRequest.escape(value, keepsSlashes: false))"
        }
        return "/webhdfs/v1\(WebRequest.escape(path, keepsSlashes: true))?\(query)"
    }

    /// Runs attempts until one gives an answer that counts.
    private func repeatedly<Result>(
        _ what: String, _ path: String,
        _ attempt: (WebConnections, WebRequest.Place, String) throws(SiltstoneError) -> Attempt<
            Result
        >
    ) throws(SiltstoneError) -> Result {
        let start = clock.monotonicNanoseconds
        var wait = Self.waitMillisecondsMin
        while true {
            let step = try state.withLock { state throws(SiltstoneError) -> Attempt<Result> in
                let url = settings.urls[state.current % settings.urls.count]
                guard let (place, base) = WebRequest.parse(url) else {
                    throw SiltstoneError(.invalidArgument, "not a URL of plain HTTP url=\(url)")
                }
                let prefix = base.hasSuffix("/") ? String(base.dropLast()) : base
                let step: Attempt<Result>
                do throws(SiltstoneError) {
                    step = try attempt(state.connections, place, prefix)
                } catch {
                    guard error.code == .unavailable else { throw error }
                    step = .again(error.message)
                }
                if case .again = step { state.current += 1 }
                return step
            }
            switch step {
            case .done(let result): return result
            case .again(let reason):
                let passed = Int64((clock.monotonicNanoseconds - start) / 1_000_000)
                guard passed < settings.retryMilliseconds else {
                    throw SiltstoneError(
                        .unavailable, "WebHDFS does not answer: \(reason) operation=\(what)",
                        at: .init(file: path))
                }
                // Up to half more, so that many who wait do not all come back at once.
                let spread = Int64(random.next() % UInt64(wait / 2 + 1))
                clock.sleep(nanoseconds: UInt64(wait + spread) * 1_000_000)
                wait = min(2 * wait, Self.waitMillisecondsMax)
            }
        }
    }

    /// What came of an attempt.
    private enum Attempt<Result> {
        case done(Result)
        /// It may go better later, or elsewhere.
        case again(String)
    }

    /// What an answer other than a success means: trying again, or an error.
    private func judge(_ answer: WebAnswer, _ path: String) throws(SiltstoneError) -> String {
        let exception = (try? JSONValue(parsing: answer.body))?["RemoteException"]
        let name = exception?["exception"]?.stringValue
        let message = exception?["message"]?.stringValue?.split(separator: "\n").first.map(
            String.init)
        let text =
            "status=\(answer.status) \(name ?? "no exception")\(message.map { ": \($0)" } ?? "")"
        switch name {
        case "StandbyException", "RetriableException", "SafeModeException", "ConnectException",
            "SocketTimeoutException", "RemoteException":
            return text
        case "FileNotFoundException":
            throw SiltstoneError(.notFound, "no such file in HDFS: \(text)", at: .init(file: path))
        default: break
        }
        if answer.status >= 500 || answer.status == 429 || answer.status == 408 { return text }
        let code: SiltstoneError.Code = answer.status == 404 ? .notFound : .invalidArgument
        throw SiltstoneError(code, "WebHDFS refuses: \(text)", at: .init(file: path))
    }

    /// Follows redirects to what answers; a body broken off counts as an answer.
    private func follow(_ connections: WebConnections, _ request: WebRequest)
        throws(SiltstoneError) -> WebAnswer
    {
        var request = request
        for _ in 0...Self.redirectsMax {
            let answer = try connections.send(request)
            guard [301, 302, 303, 307, 308].contains(answer.status) else { return answer }
            guard let location = answer.location, let next = WebRequest.parse(location) else {
                throw SiltstoneError(
                    .invalidArgument,
                    "WebHDFS redirects to no URL of plain HTTP location=\(answer.location ?? "none")"
                )
            }
            (request.place, request.target) = next
        }
        throw SiltstoneError(.unavailable, "WebHDFS redirects without end")
    }

    /// Asks for JSON.
    private func json(
        _ method: String, _ path: String, _ operation: String,
        _ parameters: [(String, String)] = []
    ) throws(SiltstoneError) -> JSONValue {
        let target = target(path, operation, parameters)
        return try repeatedly(operation, path) {
            connections, place, prefix throws(SiltstoneError) in
            let answer = try follow(
                connections, WebRequest(method: method, place: place, target: prefix + target))
            if let breakage = answer.breakage { return .again(breakage) }
            guard (200..<300).contains(answer.status) else {
                return .again(try judge(answer, path))
            }
            if let wanted = answer.announcedBytes, wanted != answer.body.count {
                return .again("answer is cut short bytes=\(answer.body.count) of \(wanted)")
            }
            guard let value = try? JSONValue(parsing: answer.body) else {
                return .again("answer is no JSON")
            }
            return .done(value)
        }
    }

    // MARK: - Operations

    /// A file or directory as a name node describes it.
    struct Status: Sendable {
        var name: String
        var isFile: Bool
        var byteCount: Int
        var modifiedMilliseconds: Int64
        var number: UInt64

        init?(_ value: JSONValue, path: String) {
            guard let type = value["type"]?.stringValue, let length = value["length"]?.integerValue,
                let modified = value["modificationTime"]?.integerValue
            else { return nil }
            name = value["pathSuffix"]?.stringValue ?? ""
            isFile = type == "FILE"
            byteCount = Int(clamping: length)
            modifiedMilliseconds = modified
            let whole = name.isEmpty ? path : path + "/" + name
            // Gateways may number nothing: then a path is a file.
            let number = value["fileId"]?.integerValue ?? 0
            self.number =
                number == 0 ? Hash64.hash(Array(whole.utf8)) : UInt64(bitPattern: number)
        }
    }

    /// What a path is.
    func status(_ path: String) throws(SiltstoneError) -> Status {
        let answer = try json("GET", path, "GETFILESTATUS")
        guard let status = answer["FileStatus"].flatMap({ Status($0, path: path) }) else {
            throw SiltstoneError(
                .corrupted, "WebHDFS's answer cannot be read operation=GETFILESTATUS",
                at: .init(file: path))
        }
        return status
    }

    /// What a directory holds; of a file, itself without a name.
    func list(_ path: String) throws(SiltstoneError) -> [Status] {
        let answer = try json("GET", path, "LISTSTATUS")
        guard let list = answer["FileStatuses"]?["FileStatus"]?.arrayValue else {
            throw SiltstoneError(
                .corrupted, "WebHDFS's answer cannot be read operation=LISTSTATUS",
                at: .init(file: path))
        }
        return list.compactMap { Status($0, path: path) }
    }

    /// Appends `count` bytes of a file, which must have them; goes on within them when an answer breaks off.
    func read(_ path: String, _ count: Int, at offset: Int, into bytes: inout [UInt8])
        throws(SiltstoneError)
    {
        var got: [UInt8] = []
        while got.count < count {
            got += try repeatedly("OPEN", path) {
                connections, place, prefix throws(SiltstoneError) in
                try open(
                    connections, place, prefix, path, count - got.count, at: offset + got.count)
            }
        }
        bytes += got
    }

    private func open(
        _ connections: WebConnections, _ place: WebRequest.Place, _ prefix: String, _ path: String,
        _ count: Int, at offset: Int
    ) throws(SiltstoneError) -> Attempt<[UInt8]> {
        var parameters = [("offset", String(offset)), ("length", String(count))]
        if settings.namesDataNodes { parameters.append(("noredirect", "true")) }
        let target = prefix + target(path, "OPEN", parameters)
        var answer = try follow(connections, WebRequest(place: place, target: target))
        if settings.namesDataNodes, answer.status == 200, answer.breakage == nil {
            guard let location = (try? JSONValue(parsing: answer.body))?["Location"]?.stringValue,
                let next = WebRequest.parse(location)
            else { return .again("answer names no data node") }
            answer = try follow(
                connections, WebRequest(place: next.place, target: next.target))
        }
        guard (200..<300).contains(answer.status) else {
            if answer.breakage != nil { return .again("answer broke off") }
            return .again(try judge(answer, path))
        }
        // What came of a body that broke off is good; what is beyond what was asked for is not.
        if answer.body.count > count {
            return .again("answer is too long bytes=\(answer.body.count) of \(count)")
        }
        if answer.body.isEmpty {
            return .again(answer.breakage ?? "answer is empty offset=\(offset)")
        }
        return .done(answer.body)
    }

    /// Makes a directory and those above it.
    func makeDirectory(_ path: String) throws(SiltstoneError) {
        _ = try json("PUT", path, "MKDIRS")
    }

    /// Writes a whole file; one that is there is replaced.
    func create(_ path: String, _ content: [UInt8]) throws(SiltstoneError) {
        let target = target(path, "CREATE", [("overwrite", "true")])
        _ = try repeatedly("CREATE", path) {
            connections, place, prefix throws(SiltstoneError) -> Attempt<Bool> in
            // The name node wants no body; who answers without a redirect is a gateway and takes it.
            var request = WebRequest(method: "PUT", place: place, target: prefix + target)
            var answer = try connections.send(request)
            if let location = answer.location, let next = WebRequest.parse(location) {
                (request.place, request.target) = next
            } else if !(200..<300).contains(answer.status) {
                return .again(try judge(answer, path))
            }
            request.body = content
            answer = try follow(connections, request)
            if let breakage = answer.breakage { return .again(breakage) }
            return (200..<300).contains(answer.status)
                ? .done(true) : .again(try judge(answer, path))
        }
    }

    /// Gives a file another name; `false` when that is taken or the file is not there.
    func rename(_ path: String, to other: String) throws(SiltstoneError) -> Bool {
        try json("PUT", path, "RENAME", [("destination", other)])["boolean"]?.boolValue == true
    }

    /// Removes a file if it is there.
    func remove(_ path: String) throws(SiltstoneError) { _ = try json("DELETE", path, "DELETE") }
}
