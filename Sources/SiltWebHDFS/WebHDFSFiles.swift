internal import SiltBytes
package import SiltIO
package import SiltIngest
package import SiltModel
internal import Synchronization

/// Files of HDFS as input of jobs, read over WebHDFS.
///
/// Names that begin with `_` or `.`, or end with `._COPYING_`, are left out when a directory or pattern is asked for:
/// they are not whole, or no data.
package final class WebHDFSFiles: InputFiles {
    private let client: WebHDFSClient
    private let readAheadBytes: Int

    /// Files of a cluster.
    ///
    /// - Parameter readAheadBytes: so many bytes are asked for at once, at least; what was read ahead may be old when a
    ///   file grows.
    package init(
        _ settings: WebHDFSSettings, readAheadBytes: Int, clock: any Clock,
        random: any RandomSource
    ) {
        client = WebHDFSClient(settings, clock: clock, random: random)
        self.readAheadBytes = readAheadBytes
    }

    /// The names that a path, directory or pattern means, sorted.
    package func names(matching path: String) throws(SiltstoneError) -> [String] {
        let names = try statuses(matching: path).map(\.name)
        guard !names.isEmpty else {
            throw SiltstoneError(.notFound, "no such file in HDFS", at: .init(file: path))
        }
        return names
    }

    /// What is known of the files that a path, directory or pattern means.
    package func statuses(matching path: String) throws(SiltstoneError) -> [InputFileStatus] {
        let cut = path.utf8.lastIndex(of: UInt8(ascii: "/")) ?? path.startIndex
        let last = String(path[path.utf8.index(after: cut)...])
        let isPattern = NamePattern.isPattern(last)
        guard isPattern || !NamePattern.isPattern(path) else {
            throw SiltstoneError(
                .invalidArgument, "only the last part of a path may be a pattern",
                at: .init(file: path))
        }
        let directory = isPattern ? String(path[..<cut]) : path.trimmedOfSlash
        let found: [WebHDFSClient.Status]
        do throws(SiltstoneError) {
            found = try client.list(directory.isEmpty ? "/" : directory)
        } catch {
            guard error.code == .notFound else { throw error }
            return []
        }
        let files = found.filter { status in
            guard status.isFile else { return false }
            // The path is a file itself.
            if status.name.isEmpty { return !isPattern }
            if status.name.hasPrefix("_") || status.name.hasPrefix(".")
                || status.name.hasSuffix("._COPYING_")
            {
                return false
            }
            return !isPattern || NamePattern.matches(last, status.name)
        }
        return files.map { status in
            InputFileStatus(
                name: status.name.isEmpty ? directory : "\(directory)/\(status.name)", device: 0,
                number: status.number, byteCount: status.byteCount,
                modifiedMilliseconds: status.modifiedMilliseconds)
        }.sorted { Array($0.name.utf8).lexicographicallyPrecedes(Array($1.name.utf8)) }
    }

    /// Opens a file.
    package func open(_ name: String) throws(SiltstoneError) -> any InputFile {
        let status = try client.status(name)
        guard status.isFile else {
            throw SiltstoneError(.invalidArgument, "not a file of HDFS", at: .init(file: name))
        }
        return WebHDFSFile(
            name: name, client: client, byteCount: status.byteCount, readAheadBytes: readAheadBytes)
    }

    /// There is none.
    package func standardInput() throws(SiltstoneError) -> any InputFile {
        throw SiltstoneError(.invalidArgument, "HDFS has no standard input")
    }
}

private final class WebHDFSFile: InputFile {
    private struct State {
        var byteCount: Int
        /// Bytes that were read ahead, and where they stand.
        var start = 0
        var bytes: [UInt8] = []
    }

    let name: String
    private let client: WebHDFSClient
    private let readAheadBytes: Int
    private let state: Mutex<State>

    init(name: String, client: WebHDFSClient, byteCount: Int, readAheadBytes: Int) {
        self.name = name
        self.client = client
        self.readAheadBytes = readAheadBytes
        state = Mutex(State(byteCount: byteCount))
    }

    func byteCount() throws(SiltstoneError) -> Int? { state.withLock { $0.byteCount } }

    func status() throws(SiltstoneError) -> InputFileStatus? {
        let status = try client.status(name)
        state.withLock { $0.byteCount = status.byteCount }
        return InputFileStatus(
            name: name, device: 0, number: status.number, byteCount: status.byteCount,
            modifiedMilliseconds: status.modifiedMilliseconds)
    }

    func read(_ count: Int, at offset: Int, into bytes: inout [UInt8]) throws(SiltstoneError) -> Int
    {
        try state.withLock { state throws(SiltstoneError) in
            if offset < state.start || offset >= state.start + state.bytes.count {
                // At the end that is known there may be more by now.
                if offset >= state.byteCount { state.byteCount = try client.status(name).byteCount }
                let wanted = min(max(count, readAheadBytes), state.byteCount - offset)
                guard wanted > 0 else { return 0 }
                state.bytes.removeAll(keepingCapacity: true)
                state.start = offset
                try client.read(name, wanted, at: offset, into: &state.bytes)
            }
            let from = offset - state.start
            let part = state.bytes[from..<min(state.bytes.count, from + count)]
            bytes.append(contentsOf: part)
            if readAheadBytes == 0 { state.bytes.removeAll() }
            return part.count
        }
    }
}

extension String {
    fileprivate var trimmedOfSlash: String {
        count > 1 && hasSuffix("/") ? String(dropLast()) : self
    }
}
