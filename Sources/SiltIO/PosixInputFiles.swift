import Glibc
package import SiltModel

/// Input files of this machine.
package final class PosixInputFiles: InputFiles {
    /// The files that the process can open.
    package init() {}

    /// The names that a path or pattern means, sorted.
    package func names(matching path: String) throws(SiltstoneError) -> [String] {
        guard NamePattern.isPattern(path) else { return [path] }
        let names = try found(path)
        guard !names.isEmpty else {
            throw SiltstoneError(.notFound, "no file matches the pattern", at: .init(file: path))
        }
        return names
    }

    /// What is known of the regular files that a path or pattern means.
    ///
    /// One that goes while they are looked at is left out.
    package func statuses(matching path: String) throws(SiltstoneError) -> [InputFileStatus] {
        let names = NamePattern.isPattern(path) ? try found(path) : [path]
        var statuses: [InputFileStatus] = []
        for name in names {
            var information = stat()
            // Safety: the string lends its bytes, ended by a zero, and the call fills the local structure.
            guard unsafe stat(name, &information) == 0 else {
                if errno == ENOENT || errno == ENOTDIR { continue }
                throw PosixFile.failure("stat", errno, file: name)
            }
            if information.st_mode & S_IFMT == S_IFREG {
                statuses.append(InputFileStatus(name, information))
            }
        }
        return statuses
    }

    /// The names that a pattern means, sorted; none when there are none.
    private func found(_ path: String) throws(SiltstoneError) -> [String] {
        let cut = path.utf8.lastIndex(of: UInt8(ascii: "/"))
        let directory = cut.map { String(path[...$0]) } ?? ""
        let pattern = cut.map { String(path[path.utf8.index(after: $0)...]) } ?? path
        guard !NamePattern.isPattern(directory) else {
            throw SiltstoneError(
                .invalidArgument, "only the last part of a path may be a pattern",
                at: .init(file: path))
        }
        // Safety: the strings lend their bytes for the calls; the stream is closed below and its entries are read before
        // the next call that could change them.
        guard let stream = unsafe opendir(directory.isEmpty ? "." : directory) else {
            throw PosixFile.failure("opendir", errno, file: directory)
        }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) {
                    unsafe String(cString: $0)
                }
            }
            if name.first != ".", NamePattern.matches(pattern, name) {
                names.append(directory + name)
            }
        }
        return names.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
    }

    /// Opens a file.
    package func open(_ name: String) throws(SiltstoneError) -> any InputFile {
        PosixInputFile(file: try PosixFile(path: name, name: name, flags: O_RDONLY))
    }

    /// The process's standard input.
    package func standardInput() throws(SiltstoneError) -> any InputFile { PosixInputStream() }
}

/// Reads up to `count` bytes with a system call that says how many it read.
private func append(
    _ count: Int, name: String, offset: Int, to bytes: inout [UInt8],
    _ call: (UnsafeMutableRawBufferPointer) -> Int
) throws(SiltstoneError) -> Int {
    var done = 0
    var number: Int32 = 0
    bytes.append(addingCapacity: count) { room in
        precondition(room.freeCapacity >= count)
        // Safety: the buffer is the array's own and has that room, used only inside; the call writes within it and says how
        // many bytes.
        unsafe room.withUnsafeMutableBufferPointer { buffer, filled in
            while true {
                done = unsafe call(
                    UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: count))
                number = errno
                if done >= 0 || number != EINTR { break }
            }
            filled = max(0, done)
        }
    }
    guard done >= 0 else { throw PosixFile.failure("read", number, file: name, offset: offset) }
    return done
}

private final class PosixInputFile: InputFile {
    private let file: PosixFile
    var name: String { file.name }

    init(file: PosixFile) { self.file = file }

    func byteCount() throws(SiltstoneError) -> Int? { try file.byteCount() }

    func status() throws(SiltstoneError) -> InputFileStatus? {
        InputFileStatus(name, try file.information())
    }

    func read(_ count: Int, at offset: Int, into bytes: inout [UInt8]) throws(SiltstoneError) -> Int
    {
        // Safety: the closure uses the buffer that it is lent only for its one system call.
        try unsafe append(count, name: name, offset: offset, to: &bytes) { buffer in
            unsafe pread(file.descriptor, buffer.baseAddress, buffer.count, off_t(offset))
        }
    }
}

private final class PosixInputStream: InputFile {
    var name: String { "stdin" }

    func byteCount() throws(SiltstoneError) -> Int? { nil }

    func status() throws(SiltstoneError) -> InputFileStatus? { nil }

    func read(_ count: Int, at offset: Int, into bytes: inout [UInt8]) throws(SiltstoneError) -> Int
    {
        // Safety: the closure uses the buffer that it is lent only for its one system call.
        try unsafe append(count, name: name, offset: offset, to: &bytes) { buffer in
            unsafe Glibc.read(STDIN_FILENO, buffer.baseAddress, buffer.count)
        }
    }
}

extension InputFileStatus {
    fileprivate init(_ name: String, _ information: stat) {
        self.init(
            name: name, device: UInt64(information.st_dev), number: UInt64(information.st_ino),
            byteCount: Int(information.st_size),
            modifiedMilliseconds: Int64(information.st_mtim.tv_sec) * 1000
                + Int64(information.st_mtim.tv_nsec) / 1_000_000)
    }
}
