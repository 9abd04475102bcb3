import CSiltstone
import Glibc
package import SiltModel
import Synchronization

/// Objects as files of a directory.
///
/// An object is written under a temporary name, made durable, and only then linked to its key, so a
/// key never names half an object: after a crash there is the whole object or none.
package final class PosixObjectStore: ObjectStore {
    private let directory: PosixDirectory
    /// Tells this store's temporary files from those that an earlier process left.
    private let mark: String
    private let nextNumber = Atomic<UInt64>(0)
    private let release: SpaceRelease?

    /// The store in the directory `root`, which must exist; `release` gives the space of large objects back.
    package init(root: String, release: SpaceRelease? = nil) throws(SiltstoneError) {
        self.release = release
        directory = PosixDirectory(root: root)
        mark = String(try SystemRandom().next(), radix: 16)
    }

    /// Creates an object; see the protocol.
    package func putIfAbsent(_ key: String, _ bytes: [UInt8]) throws(SiltstoneError) -> Bool {
        try ObjectKey.validate(key)
        if try directory.size(key) != nil {
            // It may be another thread's, not durable yet: the answer promises that it is.
            try directory.sync(PosixDirectory.parent(of: key))
            return false
        }
        let writer = try makeWriter(key)
        do throws(SiltstoneError) {
            var failure: SiltstoneError?
            // Safety: the array lends its bytes for the closure.
            unsafe bytes.withUnsafeBytes { buffer in
                do throws(SiltstoneError) { try unsafe writer.append(buffer) } catch {
                    failure = error
                }
            }
            if let failure { throw failure }
            return try writer.publish()
        } catch {
            writer.abandon()
            throw error
        }
    }

    /// Begins an object; see the protocol.
    package func makeUnique(_ key: String) throws(SiltstoneError) -> any ObjectWriter {
        try ObjectKey.validate(key)
        return try makeWriter(key)
    }

    /// Opens an object; the descriptor stays open as long as the reader lives.
    package func open(_ key: String) throws(SiltstoneError) -> any ObjectReader {
        let file = try openFile(key)
        return PosixObjectReader(file: file, byteCount: try file.byteCount())
    }

    /// Reads an object whole.
    package func get(_ key: String) throws(SiltstoneError) -> [UInt8] {
        let file = try openFile(key)
        return try file.readAll(count: try file.byteCount())
    }

    /// The size of an object.
    package func size(_ key: String) throws(SiltstoneError) -> Int? {
        try ObjectKey.validate(key)
        return try directory.size(key)
    }

    /// The keys of a prefix; foreign and unfinished files are passed over.
    package func list(prefix: String, after: String?) throws(SiltstoneError) -> [String] {
        var keys: [String] = []
        let top = PosixDirectory.parent(of: prefix)
        guard top.isEmpty || ObjectKey.isValid(top) else { return [] }
        try visit(top) { name in
            if ObjectKey.isValid(name), name.hasPrefix(prefix) {
                if let after, name <= after { return }
                keys.append(name)
            }
        }
        keys.sort()
        return keys
    }

    /// Deletes objects; gone for good, also after a power cut, on return.
    ///
    /// The space of large ones comes back a little later.
    package func delete(_ keys: [String]) throws(SiltstoneError) {
        var folders: Set<String> = []
        for key in keys {
            try ObjectKey.validate(key)
            if try directory.remove(key, release) { folders.insert(PosixDirectory.parent(of: key)) }
        }
        for folder in folders.sorted() { try directory.sync(folder) }
    }

    /// Removes the temporary files of earlier processes.
    package func removeUnfinished() throws(SiltstoneError) -> Int {
        var leftovers: [String] = []
        let own = ".\(mark)-"
        try visit("") { name in
            if name.hasSuffix(ObjectKey.temporarySuffix), !name.contains(own) {
                leftovers.append(name)
            }
        }
        for name in leftovers { try directory.remove(name) }
        return leftovers.count
    }

    private func openFile(_ key: String) throws(SiltstoneError) -> PosixFile {
        try ObjectKey.validate(key)
        return try PosixFile(
            path: directory.path(key), name: key, flags: O_RDONLY | PosixFile.keepsAccessTime)
    }

    private func makeWriter(_ key: String) throws(SiltstoneError) -> PosixObjectWriter {
        try directory.make(PosixDirectory.parent(of: key))
        let number = nextNumber.wrappingAdd(1, ordering: .relaxed).newValue
        let temporary = "\(key).\(mark)-\(number)\(ObjectKey.temporarySuffix)"
        return try PosixObjectWriter(directory: directory, key: key, temporary: temporary)
    }

    private func visit(_ folder: String, _ body: (String) -> Void) throws(SiltstoneError) {
        for entry in try directory.entries(folder) {
            let name = folder.isEmpty ? entry.name : "\(folder)/\(entry.name)"
            guard entry.isFolder else {
                body(name)
                continue
            }
            if ObjectKey.isValid(name) { try visit(name, body) }
        }
    }
}

/// An object being written as a temporary file.
private final class PosixObjectWriter: ObjectWriter {
    /// How much is written before the kernel is asked to begin writing it back, so that the final
    /// sync does not stall the log behind one large burst.
    private static let writebackBytes = 1 << 20

    /// How much is written at once: the kernel keeps a file in pages as large as the writes were that made it, and of
    /// large pages reads cost less (decision 0008).
    private static let pieceBytes = 256 << 10

    private let directory: PosixDirectory
    private let key: String
    private let temporary: String
    private let file: PosixFile
    private var isDone = false
    private var writtenCount = 0
    private var writtenBackCount = 0
    /// What was appended and is not written yet, less than a piece.
    private var pending: [UInt8] = []

    init(directory: PosixDirectory, key: String, temporary: String) throws(SiltstoneError) {
        self.directory = directory
        self.key = key
        self.temporary = temporary
        file = try PosixFile(
            path: directory.path(temporary), name: key, flags: O_WRONLY | O_CREAT | O_EXCL)
    }

    deinit { abandon() }

    var byteCount: Int { writtenCount + pending.count }

    func append(_ bytes: UnsafeRawBufferPointer) throws(SiltstoneError) {
        guard !isDone else { throw closed }
        var start = 0
        while start < bytes.count {
            let count = min(bytes.count - start, Self.pieceBytes - pending.count)
            // Safety: the caller lends the buffer for the call; the part lies within.
            unsafe pending.append(
                contentsOf: UnsafeRawBufferPointer(rebasing: bytes[start..<(start + count)]))
            start += count
            if pending.count == Self.pieceBytes { try writePending() }
        }
    }

    private func writePending() throws(SiltstoneError) {
        var failure: SiltstoneError?
        // Safety: the array lends its bytes for the closure.
        unsafe pending.withUnsafeBytes { buffer in
            do throws(SiltstoneError) { try unsafe file.write(buffer, at: writtenCount) } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        writtenCount += pending.count
        pending.removeAll(keepingCapacity: true)
        if writtenCount - writtenBackCount >= PosixObjectWriter.writebackBytes {
            silt_start_writeback(
                file.descriptor, Int64(writtenBackCount), Int64(writtenCount - writtenBackCount))
            writtenBackCount = writtenCount
        }
    }

    func finish() throws(SiltstoneError) {
        guard !isDone else { throw closed }
        guard try publish() else {
            throw SiltstoneError(.alreadyExists, "object exists key=\(key)")
        }
    }

    /// Makes the object durable under its key; `false`, and no object, when the key is taken.
    func publish() throws(SiltstoneError) -> Bool {
        do throws(SiltstoneError) {
            if !pending.isEmpty { try writePending() }
            try file.syncData()
            try file.close()
            let created = try directory.link(temporary, to: key)
            try directory.remove(temporary)
            isDone = true
            try directory.sync(PosixDirectory.parent(of: key))
            return created
        } catch {
            abandon()
            throw error
        }
    }

    func abandon() {
        guard !isDone else { return }
        isDone = true
        try? file.close()
        // What cannot be removed now is removed at the next opening.
        _ = try? directory.remove(temporary)
    }

    private var closed: SiltstoneError {
        SiltstoneError(.closed, "object is finished or given up key=\(key)")
    }
}

/// An open file.
private final class PosixObjectReader: ObjectReader {
    private let file: PosixFile
    let byteCount: Int

    init(file: PosixFile, byteCount: Int) {
        self.file = file
        self.byteCount = byteCount
    }

    var key: String { file.name }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(SiltstoneError) {
        // Safety: the caller lends the buffer for the call.
        try unsafe file.read(into: buffer, at: offset)
    }
}
