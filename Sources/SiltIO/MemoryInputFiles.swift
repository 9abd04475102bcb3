package import SiltModel
import Synchronization

/// Input files in memory, for tests.
package final class MemoryInputFiles: InputFiles {
    private struct State {
        var files: [String: MemoryInputFile] = [:]
        var nextNumber: UInt64 = 1
    }

    private let state: Mutex<State>
    private let stream: [UInt8]
    private let clock: (any Clock)?

    /// Files by name, and what the standard input gives.
    ///
    /// - Parameter clock: what times of change are read from; else they are 1, 2, ….
    package init(
        _ files: [String: [UInt8]] = [:], standardInput: [UInt8] = [], clock: (any Clock)? = nil
    ) {
        self.clock = clock
        state = Mutex(State())
        stream = standardInput
        for (name, bytes) in files.sorted(by: { $0.key < $1.key }) { replace(name, bytes) }
    }

    /// Replaces what a file holds, or makes one.
    package func replace(_ name: String, _ bytes: [UInt8]) { change(name) { $0 = bytes } }

    /// Appends to a file, or makes one.
    package func append(_ name: String, _ bytes: [UInt8]) { change(name) { $0 += bytes } }

    private func change(_ name: String, _ body: (inout [UInt8]) -> Void) {
        state.withLock { state in
            let now = clock?.nowMilliseconds ?? 0
            if let file = state.files[name] {
                file.change(now, body)
            } else {
                let file = MemoryInputFile(name: name, number: state.nextNumber)
                state.nextNumber += 1
                file.change(now, body)
                state.files[name] = file
            }
        }
    }

    /// Gives a file another name; one that has it goes.
    package func rename(_ name: String, to other: String) {
        state.withLock { $0.files[other] = $0.files.removeValue(forKey: name) }
    }

    /// Removes a file; who has it open can read on.
    package func remove(_ name: String) { state.withLock { $0.files[name] = nil } }

    private func found(_ path: String) -> [(name: String, file: MemoryInputFile)] {
        let isPattern = NamePattern.isPattern(path)
        let found = state.withLock { state in
            state.files.filter { isPattern ? NamePattern.matches(path, $0.key) : $0.key == path }
        }
        return found.map { ($0.key, $0.value) }.sorted {
            Array($0.name.utf8).lexicographicallyPrecedes(Array($1.name.utf8))
        }
    }

    /// The names that a path or pattern means, sorted.
    package func names(matching path: String) throws(SiltstoneError) -> [String] {
        let names = found(path).map(\.name)
        guard !names.isEmpty else {
            throw SiltstoneError(.notFound, "no such file", at: .init(file: path))
        }
        return names
    }

    /// What is known of the files that a path or pattern means.
    package func statuses(matching path: String) throws(SiltstoneError) -> [InputFileStatus] {
        found(path).map { name, file in
            var status = file.current
            status.name = name
            return status
        }
    }

    /// Opens a file.
    package func open(_ name: String) throws(SiltstoneError) -> any InputFile {
        guard let file = state.withLock({ $0.files[name] }) else {
            throw SiltstoneError(.notFound, "no such file", at: .init(file: name))
        }
        return file
    }

    /// The bytes given as the standard input.
    package func standardInput() throws(SiltstoneError) -> any InputFile {
        let file = MemoryInputFile(name: "stdin", number: nil)
        file.change(0) { $0 = stream }
        return file
    }
}

/// A file, or a stream when it has no number.
private final class MemoryInputFile: InputFile {
    private struct State {
        var bytes: [UInt8] = []
        /// The time of the last change, and no time twice.
        var changed: Int64 = 0
        var place = 0
    }

    let name: String
    private let number: UInt64?
    private let state = Mutex(State())

    init(name: String, number: UInt64?) {
        self.name = name
        self.number = number
    }

    func change(_ now: Int64, _ body: (inout [UInt8]) -> Void) {
        state.withLock { state in
            body(&state.bytes)
            state.changed = max(state.changed + 1, now)
        }
    }

    var current: InputFileStatus {
        state.withLock { state in
            InputFileStatus(
                name: name, device: 0, number: number ?? 0, byteCount: state.bytes.count,
                modifiedMilliseconds: state.changed)
        }
    }

    func byteCount() throws(SiltstoneError) -> Int? { number == nil ? nil : current.byteCount }

    func status() throws(SiltstoneError) -> InputFileStatus? { number == nil ? nil : current }

    func read(_ count: Int, at offset: Int, into target: inout [UInt8]) throws(SiltstoneError)
        -> Int
    {
        let part = state.withLock { state -> [UInt8] in
            let start = number == nil ? state.place : offset
            guard start >= 0, start < state.bytes.count else { return [] }
            let end = min(state.bytes.count, start + count)
            state.place = end
            return Array(state.bytes[start..<end])
        }
        target.append(contentsOf: part)
        return part.count
    }
}
