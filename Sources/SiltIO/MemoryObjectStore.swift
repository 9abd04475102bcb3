package import SiltModel
import Synchronization

/// Objects on a memory disk.
package final class MemoryObjectStore: ObjectStore {
    private let disk: MemoryDisk

    init(disk: MemoryDisk) { self.disk = disk }

    /// Creates an object; see the protocol.
    package func putIfAbsent(_ key: String, _ bytes: [UInt8]) throws(SiltstoneError) -> Bool {
        try ObjectKey.validate(key)
        return try disk.call(.putIfAbsent) { state, fate throws(SiltstoneError) in
            guard state.objects[key] == nil else { return false }
            try state.checkRoom(bytes.count, file: key)
            if fate.isApplied { state.objects[key] = MemoryContent(bytes) }
            return true
        }
    }

    /// Begins an object; see the protocol.
    package func makeUnique(_ key: String) throws(SiltstoneError) -> any ObjectWriter {
        try ObjectKey.validate(key)
        try disk.call(.makeUnique) { _, _ in }
        return MemoryObjectWriter(disk: disk, key: key)
    }

    /// Opens an object; see the protocol.
    package func open(_ key: String) throws(SiltstoneError) -> any ObjectReader {
        try ObjectKey.validate(key)
        let content = try disk.call(.open) { state, _ throws(SiltstoneError) in
            guard let content = state.objects[key] else { throw noSuchFile(key) }
            return content
        }
        return MemoryObjectReader(disk: disk, key: key, content: content)
    }

    /// Reads an object whole.
    package func get(_ key: String) throws(SiltstoneError) -> [UInt8] {
        try ObjectKey.validate(key)
        return try disk.call(.get) { state, _ throws(SiltstoneError) in
            guard let content = state.objects[key] else { throw noSuchFile(key) }
            return content.bytes
        }
    }

    /// The size of an object.
    package func size(_ key: String) throws(SiltstoneError) -> Int? {
        try ObjectKey.validate(key)
        return try disk.call(.size) { state, _ in state.objects[key]?.bytes.count }
    }

    /// The keys of a prefix.
    package func list(prefix: String, after: String?) throws(SiltstoneError) -> [String] {
        try disk.call(.list) { state, _ in
            state.objects.keys.filter { key in
                key.hasPrefix(prefix) && after.map { key > $0 } ?? true
            }.sorted()
        }
    }

    /// Deletes objects.
    package func delete(_ keys: [String]) throws(SiltstoneError) {
        for key in keys { try ObjectKey.validate(key) }
        try disk.call(.delete) { state, fate in
            for key in keys
            where fate.isApplied || fate.isTorn && state.ledger.random.next() & 1 == 0 {
                state.objects[key] = nil
            }
        }
    }
}

/// An object being written to a memory disk.
private final class MemoryObjectWriter: ObjectWriter {
    private let disk: MemoryDisk
    private let key: String
    private var bytes: [UInt8] = []
    private var isDone = false

    init(disk: MemoryDisk, key: String) {
        self.disk = disk
        self.key = key
    }

    deinit { abandon() }

    var byteCount: Int { bytes.count }

    func append(_ bytes: UnsafeRawBufferPointer) throws(SiltstoneError) {
        guard !isDone else { throw closed }
        // Safety: the caller lends the buffer for the call; its bytes are copied here.
        let copy = unsafe Array(bytes)
        try disk.call(.writerAppend) { [key] state, fate throws(SiltstoneError) in
            try state.checkRoom(copy.count, file: key)
            if fate.isApplied { state.unfinishedBytes += copy.count }
        }
        self.bytes += copy
    }

    func finish() throws(SiltstoneError) {
        guard !isDone else { throw closed }
        isDone = true
        try disk.call(.writerFinish) { [key, bytes] state, fate throws(SiltstoneError) in
            state.unfinishedBytes -= bytes.count
            guard state.objects[key] == nil else {
                throw SiltstoneError(.alreadyExists, "object exists key=\(key)")
            }
            if fate.isApplied {
                state.objects[key] = MemoryContent(state.ledger.stored(bytes))
            }
        }
    }

    func abandon() {
        guard !isDone else { return }
        isDone = true
        let count = bytes.count
        disk.state.withLock { $0.unfinishedBytes -= count }
    }

    private var closed: SiltstoneError {
        SiltstoneError(.closed, "object is finished or given up key=\(key)")
    }
}

/// An open object of a memory disk.
private final class MemoryObjectReader: ObjectReader {
    private let disk: MemoryDisk
    private let content: MemoryContent
    let key: String
    let byteCount: Int

    init(disk: MemoryDisk, key: String, content: MemoryContent) {
        self.disk = disk
        self.key = key
        self.content = content
        byteCount = content.bytes.count
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(SiltstoneError) {
        try disk.call(.read) { _, _ in }
        let bytes = content.bytes
        guard offset >= 0, offset <= bytes.count, buffer.count <= bytes.count - offset else {
            throw SiltstoneError(
                .corrupted,
                "file ends early wanted=\(buffer.count) got=\(max(0, bytes.count - offset))",
                at: .init(file: key, offset: offset))
        }
        // Safety: the range was checked against both sides above.
        unsafe bytes.withUnsafeBytes { source in
            unsafe buffer.copyMemory(
                from: UnsafeRawBufferPointer(rebasing: source[offset..<(offset + buffer.count)]))
        }
    }
}
