package import SiltModel
import Synchronization

/// Input files in memory, for tests.
package final class MemoryInputFiles: InputFiles {
    private let files: Mutex<[String: [UInt8]]>
    private let stream: [UInt8]

    /// Files by name, and what the standard input gives.
    package init(_ files: [String: [UInt8]] = [:], standardInput: [UInt8] = []) {
        self.files = Mutex(files)
        stream = standardInput
    }

    /// Replaces a file.
    package func replace(_ name: String, _ bytes: [UInt8]) { files.withLock { $0[name] = bytes } }

    /// The names that a path or pattern means, sorted.
    package func names(matching path: String) throws(SiltstoneError) -> [String] {
        let names = files.withLock { files in
            files.keys.filter {
                NamePattern.isPattern(path) ? NamePattern.matches(path, $0) : $0 == path
            }
        }
        guard !names.isEmpty else {
            throw SiltstoneError(.notFound, "no such file", at: .init(file: path))
        }
        return names.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
    }

    /// Opens a file.
    package func open(_ name: String) throws(SiltstoneError) -> any InputFile {
        guard let bytes = files.withLock({ $0[name] }) else {
            throw SiltstoneError(.notFound, "no such file", at: .init(file: name))
        }
        return MemoryInputFile(name: name, bytes: bytes, isStream: false)
    }

    /// The bytes given as the standard input.
    package func standardInput() throws(SiltstoneError) -> any InputFile {
        MemoryInputFile(name: "stdin", bytes: stream, isStream: true)
    }
}

private final class MemoryInputFile: InputFile {
    let name: String
    private let bytes: [UInt8]
    private let isStream: Bool
    private let place = Mutex(0)

    init(name: String, bytes: [UInt8], isStream: Bool) {
        self.name = name
        self.bytes = bytes
        self.isStream = isStream
    }

    func byteCount() throws(SiltstoneError) -> Int? { isStream ? nil : bytes.count }

    func read(_ count: Int, at offset: Int, into target: inout [UInt8]) throws(SiltstoneError)
        -> Int
    {
        let start = isStream ? place.withLock { $0 } : offset
        guard start >= 0, start < bytes.count else { return 0 }
        let end = min(bytes.count, start + count)
        target.append(contentsOf: bytes[start..<end])
        place.withLock { $0 = end }
        return end - start
    }
}
