import Foundation
import Synchronization

/// A log that only grows: a file, or standard error.
final class LogFile: Sendable {
    private let path: String?
    /// Held while a line is written.
    private let handle: Mutex<FileHandle>

    /// A file that is made when missing, for its owner only; `nil` is standard error.
    init(path: String?) throws {
        self.path = path
        handle = Mutex(try Self.open(path))
    }

    /// Appends a line in one write.
    func append(_ line: String) {
        let data = Data((line + "\n").utf8)
        handle.withLock { handle in
            // Others may have cut the file.
            if path != nil { _ = try? handle.seekToEnd() }
            try? handle.write(contentsOf: data)
        }
    }

    /// Goes on in the file of that name: the one there was may have been moved away.
    func reopen() {
        guard path != nil, let fresh = try? Self.open(path) else { return }
        handle.withLock { $0 = fresh }
    }

    private static func open(_ path: String?) throws -> FileHandle {
        guard let path else { return FileHandle.standardError }
        if !FileManager.default.fileExists(atPath: path) {
            _ = FileManager.default.createFile(
                atPath: path, contents: nil, attributes: [.posixPermissions: 0o600])
        }
        guard let file = FileHandle(forWritingAtPath: path) else {
            throw CommandFailure(.failed, "cannot write to '\(path)'")
        }
        return file
    }
}
