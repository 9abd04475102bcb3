package import SiltBytes
package import SiltIO
package import SiltModel
package import SiltTable
internal import Synchronization

/// Events that were pushed to a stream, kept in a table of the store as one long run of bytes.
///
/// Safe to use from any thread. A row `d` + offset holds the bytes from that offset on, at most 1 MiB; a row `k` + key holds the
/// answer that a request with that idempotency key was given, in the batch that stored its bytes. Appends that come
/// while one is being written are written together by the next, so that offsets have no gaps.
package final class StreamLog: Sendable {
    /// What the name of a stream's table begins with.
    static let tablePrefix = "silt:stream."
    private static let chunkBytes = 1 << 20
    private static let keyLifetimeMilliseconds: Int64 = 86_400_000
    private static let data = Column("d", "b")
    private static let answer = Column("k", "a")

    private struct Waiting: Sendable {
        let bytes: [UInt8]
        let key: Bytes?
        let answer: [UInt8]
        let completion: @Sendable (Result<[UInt8], SiltstoneError>) -> Void
    }

    private struct State {
        var end: Int
        var waiting: [Waiting] = []
        var waitingBytes = 0
        var isWriting = false
    }

    /// The stream's name.
    package let name: String
    private let table: StoredTable
    private let store: TableStore
    private let waitingBytesMax: Int
    private let execute: @Sendable (@escaping @Sendable () -> Void) -> Void
    private let state: Mutex<State>

    /// Opens a stream, creating it when there is none.
    ///
    /// - Parameters:
    ///   - waitingBytesMax: appends beyond so many bytes that wait are refused with `overloaded`.
    ///   - execute: runs a piece of work on a thread that may wait for locks. The store's committing
    ///     thread may not: who holds such a lock may be waiting for it.
    package init(
        _ name: String, in store: TableStore, waitingBytesMax: Int = 64 << 20,
        execute: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void
    ) throws(SiltstoneError) {
        guard Self.isName(name) else {
            throw SiltstoneError(
                .invalidArgument,
                "stream name may hold letters, digits, '_', '-' and '.' only, 1 to 200 of them name=\(name)"
            )
        }
        self.name = name
        self.store = store
        self.waitingBytesMax = waitingBytesMax
        self.execute = execute
        table = try store.systemTable(
            TableDefinition(
                Self.tablePrefix + name,
                families: [
                    Family("d"),
                    Family("k", timeToLiveMilliseconds: Self.keyLifetimeMilliseconds),
                ]))
        let last = try table.scan(RowRange(start: "e", stop: "d", isReversed: true)).next()
        var end = 0
        if let last { end = try Self.offset(of: last) + (last[Self.data]?.value.count ?? 0) }
        state = Mutex(State(end: end))
    }

    /// The names of the streams of a store.
    package static func names(in store: TableStore) -> [String] {
        store.tables(includesSystem: true).map(\.definition.name).filter {
            $0.hasPrefix(tablePrefix)
        }.map { String($0.dropFirst(tablePrefix.count)) }
    }

    /// How many bytes were appended.
    package var byteCount: Int { state.withLock { $0.end } }

    private static func isName(_ text: String) -> Bool {
        (1...200).contains(text.utf8.count) && text.first != "."
            && text.utf8.allSatisfy { byte in
                byte &- 0x30 < 10 || (byte | 0x20) &- 0x61 < 26 || byte == 0x5f || byte == 0x2d
                    || byte == 0x2e
            }
    }

    private static func row(_ offset: Int) -> Bytes {
        let digits = String(offset)
        return Bytes("d" + String(repeating: "0", count: max(0, 19 - digits.count)) + digits)
    }

    private static func offset(of row: Row) throws(SiltstoneError) -> Int {
        guard let text = row.key.string, let offset = Int(text.dropFirst()), offset >= 0 else {
            throw SiltstoneError(.corrupted, "row of a stream has no offset row=\(row.key)")
        }
        return offset
    }

    // MARK: Appending

    /// Appends bytes; `completion` is called from another thread once they are durable.
    ///
    /// - Parameters:
    ///   - key: an append with the key of an earlier one of the last day stores nothing and is given its answer.
    ///   - answer: what to keep under the key.
    ///   - completion: gets the answer, or why nothing was stored.
    package func append(
        _ bytes: [UInt8], key: Bytes?, answer: [UInt8],
        completion: @escaping @Sendable (Result<[UInt8], SiltstoneError>) -> Void
    ) {
        let waiting = Waiting(bytes: bytes, key: key, answer: answer, completion: completion)
        enum Role { case refused, follows, leads }
        let role = state.withLock { state -> Role in
            guard state.waiting.isEmpty || state.waitingBytes + bytes.count <= waitingBytesMax
            else { return .refused }
            state.waiting.append(waiting)
            state.waitingBytes += bytes.count
            if state.isWriting { return .follows }
            state.isWriting = true
            return .leads
        }
        switch role {
        case .refused:
            completion(
                .failure(SiltstoneError(.overloaded, "too many events wait stream=\(name)")))
        case .follows: break
        case .leads: execute { [self] in writeNext() }
        }
    }

    /// Writes all that waits as one batch, then goes on until nothing waits.
    private func writeNext() {
        let (batch, end) = state.withLock { state -> ([Waiting], Int) in
            defer {
                state.waiting = []
                state.waitingBytes = 0
            }
            if state.waiting.isEmpty { state.isWriting = false }
            return (state.waiting, state.end)
        }
        if batch.isEmpty { return }
        let plan: Plan
        do {
            plan = try self.plan(batch, from: end)
        } catch {
            for waiting in batch { waiting.completion(.failure(error)) }
            return writeNext()
        }
        store.submit(plan.mutations, durability: nil) { [self] result in
            if case .success = result { state.withLock { $0.end = plan.end } }
            for (waiting, answer) in zip(batch, plan.answers) {
                waiting.completion(result.map { answer })
            }
            execute { [self] in writeNext() }
        }
    }

    private struct Plan: Sendable {
        var mutations: [TableMutation] = []
        var answers: [[UInt8]] = []
        var end: Int
    }

    private func plan(_ batch: [Waiting], from end: Int) throws(SiltstoneError) -> Plan {
        var plan = Plan(end: end)
        var known: [Bytes: [UInt8]] = [:]
        for waiting in batch {
            if let key = waiting.key {
                var answer = known[key]
                if answer == nil { answer = try storedAnswer(key) }
                if let answer {
                    plan.answers.append(answer)
                    continue
                }
                known[key] = waiting.answer
                plan.mutations.append(put(keyRow(key), Self.answer, waiting.answer))
            }
            plan.answers.append(waiting.answer)
            var start = 0
            while start < waiting.bytes.count {
                let stop = min(start + Self.chunkBytes, waiting.bytes.count)
                plan.mutations.append(
                    put(Self.row(plan.end), Self.data, Array(waiting.bytes[start..<stop])))
                plan.end += stop - start
                start = stop
            }
        }
        return plan
    }

    private func keyRow(_ key: Bytes) -> Bytes { Bytes([UInt8(ascii: "k")] + key.array) }

    private func storedAnswer(_ key: Bytes) throws(SiltstoneError) -> [UInt8]? {
        try table.get(keyRow(key), .columns(Self.answer))?.cells.first?.value.array
    }

    private func put(_ row: Bytes, _ column: Column, _ value: [UInt8]) -> TableMutation {
        TableMutation(
            table: table,
            mutation: RowMutation(
                row: row,
                changes: [
                    CellMutation(
                        column, .put(value: Bytes(value), timeToLiveMilliseconds: nil))
                ]))
    }

    // MARK: Reading

    /// The bytes from the start of the stored row that holds `offset`; `nil` beyond the end.
    func chunk(at offset: Int) throws(SiltstoneError) -> (start: Int, bytes: [UInt8])? {
        guard offset < byteCount else { return nil }
        let range = RowRange(start: Self.row(offset), stop: "d", isReversed: true)
        guard let row = try table.scan(range).next(), let value = row[Self.data]?.value else {
            throw missing(offset)
        }
        let start = try Self.offset(of: row)
        guard offset - start < value.count else { throw missing(offset) }
        return (start, value.array)
    }

    private func missing(_ offset: Int) -> SiltstoneError {
        SiltstoneError(
            .corrupted, "stream has a gap stream=\(name)",
            at: .init(file: Self.tablePrefix + name, offset: offset))
    }
}

/// What a stream holds now, as a file.
package struct StreamFiles: InputFiles {
    private let log: StreamLog

    /// The file of a stream.
    package init(_ log: StreamLog) { self.log = log }

    /// The stream's name.
    package func names(matching path: String) throws(SiltstoneError) -> [String] { [log.name] }

    /// None: a stream has no place in a file system.
    package func statuses(matching path: String) throws(SiltstoneError) -> [InputFileStatus] { [] }

    /// The stream.
    package func open(_ name: String) throws(SiltstoneError) -> any InputFile { StreamFile(log) }

    /// The stream.
    package func standardInput() throws(SiltstoneError) -> any InputFile { StreamFile(log) }
}

/// A stream's bytes as a job reads them; used by one thread at a time.
final class StreamFile: InputFile {
    private struct State {
        var start = 0
        var bytes: [UInt8] = []
    }

    private let log: StreamLog
    private let state = Mutex(State())

    init(_ log: StreamLog) { self.log = log }

    var name: String { log.name }

    func byteCount() throws(SiltstoneError) -> Int? { log.byteCount }

    func status() throws(SiltstoneError) -> InputFileStatus? { nil }

    func read(_ count: Int, at offset: Int, into bytes: inout [UInt8]) throws(SiltstoneError) -> Int
    {
        var got: [UInt8] = []
        while got.count < count {
            let place = offset + got.count
            var held = state.withLock { $0 }
            if place < held.start || place - held.start >= held.bytes.count {
                guard let chunk = try log.chunk(at: place) else { break }
                held = State(start: chunk.start, bytes: chunk.bytes)
                state.withLock { [held] in $0 = held }
            }
            got += held.bytes[(place - held.start)...].prefix(count - got.count)
        }
        bytes += got
        return got.count
    }
}
