import Glibc
import SiltModel
import Synchronization

/// A directory tree: makes folders durably, lists and removes names.
final class PosixDirectory: Sendable {
    /// The path of the tree's top, without a slash at its end.
    let root: String
    /// The folders known to exist durably, relative to the top.
    private let known = Mutex<Set<String>>([])

    /// The tree at `root`, which must exist.
    init(root: String) { self.root = PosixDirectory.trimmed(root) }

    /// The path of a name relative to the top; the top itself for an empty name.
    func path(_ name: String) -> String { name.isEmpty ? root : "\(root)/\(name)" }

    /// The folder that holds `name`; empty for the top.
    static func parent(of name: String) -> String {
        guard let slash = name.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "" }
        return String(name[..<slash])
    }

    /// Makes `folder` and those above it, durable by name; only the first call for a folder costs.
    func make(_ folder: String) throws(SiltstoneError) {
        guard !folder.isEmpty else { return }
        try known.withLock { known throws(SiltstoneError) in
            guard !known.contains(folder) else { return }
            var made = ""
            for segment in folder.split(separator: "/") {
                let above = made
                made += made.isEmpty ? String(segment) : "/\(segment)"
                guard !known.contains(made) else { continue }
                // Safety: the string lends its bytes, ended by a zero, for the call.
                guard unsafe mkdir(path(made), 0o700) == 0 || errno == EEXIST else {
                    throw PosixFile.failure("mkdir", errno, file: made)
                }
                // One that exists may be left by a process that died before it was durable.
                try sync(above)
                known.insert(made)
            }
        }
    }

    /// Makes the names in `folder` durable.
    func sync(_ folder: String) throws(SiltstoneError) {
        let file = try PosixFile(
            path: path(folder), name: folder.isEmpty ? "." : folder, flags: O_RDONLY | O_DIRECTORY)
        try file.sync()
        try file.close()
    }

    /// Removes a file; `false` when there is none.
    @discardableResult
    func remove(_ name: String) throws(SiltstoneError) -> Bool {
        // Safety: the string lends its bytes, ended by a zero, for the call.
        if unsafe unlink(path(name)) == 0 { return true }
        guard errno == ENOENT || errno == ENOTDIR else {
            throw PosixFile.failure("unlink", errno, file: name)
        }
        return false
    }

    /// Removes a file, and leaves it to `release` to give its space back; `false` when there is none.
    @discardableResult
    func remove(_ name: String, _ release: SpaceRelease?) throws(SiltstoneError) -> Bool {
        guard let release, let byteCount = try size(name), byteCount >= SpaceRelease.fileBytesMin,
            let file = try? PosixFile(path: path(name), name: name, flags: O_WRONLY)
        else { return try remove(name) }
        guard try remove(name) else { return false }
        release.take(file, byteCount: byteCount)
        return true
    }

    /// Removes an empty folder; one that is not there or not empty is left.
    func removeFolder(_ name: String) {
        known.withLock { known in
            // Safety: the string lends its bytes, ended by a zero, for the call.
            _ = unsafe rmdir(path(name))
            known.remove(name)
        }
    }

    /// Gives a finished file its second, final name; `false` when another file has it.
    func link(_ name: String, to final: String) throws(SiltstoneError) -> Bool {
        // Safety: the strings lend their bytes, ended by zeros, for the call.
        if unsafe Glibc.link(path(name), path(final)) == 0 { return true }
        guard errno == EEXIST else { throw PosixFile.failure("link", errno, file: final) }
        return false
    }

    /// The size of a regular file; `nil` when there is none.
    func size(_ name: String) throws(SiltstoneError) -> Int? {
        var information = stat()
        // Safety: the string lends its bytes for the call, which fills the local structure.
        guard unsafe stat(path(name), &information) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw PosixFile.failure("stat", errno, file: name)
        }
        guard information.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int(information.st_size)
    }

    /// The names in a folder and whether each is a folder; none when the folder does not exist.
    func entries(_ folder: String) throws(SiltstoneError) -> [(name: String, isFolder: Bool)] {
        // Safety: the string lends its bytes, ended by a zero, for the call.
        guard let stream = unsafe opendir(path(folder)) else {
            if errno == ENOENT || errno == ENOTDIR { return [] }
            throw PosixFile.failure("opendir", errno, file: folder)
        }
        // Safety: the stream was opened above and is closed once, here.
        defer { _ = unsafe closedir(stream) }
        var found: [(name: String, isFolder: Bool)] = []
        while true {
            errno = 0
            // Safety: the entry belongs to the stream until its next use; it is copied at once.
            guard let entry = unsafe readdir(stream) else {
                guard errno == 0 else { throw PosixFile.failure("readdir", errno, file: folder) }
                return found
            }
            // Safety: `d_name` is ended by a zero within the entry.
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard name != ".", name != ".." else { continue }
            // Safety: the entry is still the stream's current one.
            let kind = unsafe Int(entry.pointee.d_type)
            if kind == Int(DT_UNKNOWN) {
                found.append((name, isFolder(folder.isEmpty ? name : "\(folder)/\(name)")))
            } else {
                found.append((name, kind == Int(DT_DIR)))
            }
        }
    }

    /// Makes a data directory and what is missing above it, for the owner alone.
    static func create(_ path: String) throws(SiltstoneError) {
        let whole = trimmed(path)
        guard !whole.isEmpty else {
            throw SiltstoneError(.invalidArgument, "data directory has no name")
        }
        var missing: [String] = []
        var place = whole
        while !exists(place) {
            missing.append(place)
            let above = parent(of: place)
            guard !above.isEmpty else { break }
            place = above
        }
        for folder in missing.reversed() {
            // Safety: the string lends its bytes, ended by a zero, for the call.
            guard unsafe mkdir(folder, 0o700) == 0 || errno == EEXIST else {
                throw PosixFile.failure("mkdir", errno, file: folder)
            }
            let above = parent(of: folder)
            let start = above.isEmpty ? (folder.hasPrefix("/") ? "/" : ".") : above
            try PosixFile(path: start, name: start, flags: O_RDONLY | O_DIRECTORY).sync()
        }
        // A path that is a file, or may not be entered, is told here and by its own name.
        try PosixFile(path: whole, name: whole, flags: O_RDONLY | O_DIRECTORY).close()
    }

    private func isFolder(_ name: String) -> Bool {
        var information = stat()
        // Safety: the string lends its bytes for the call, which fills the local structure.
        return unsafe lstat(path(name), &information) == 0
            && information.st_mode & S_IFMT == S_IFDIR
    }

    /// Whether there is something at a path.
    static func exists(_ path: String) -> Bool {
        // Safety: the string lends its bytes, ended by a zero, for the call.
        unsafe access(path, F_OK) == 0
    }

    private static func trimmed(_ path: String) -> String {
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        return path
    }
}
