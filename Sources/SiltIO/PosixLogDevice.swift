import Glibc
package import SiltBytes
package import SiltModel

/// Logs as files `wal/<incarnation>/<number>.log` of a directory.
package final class PosixLogDevice: LogDevice {
    private static let zeroChunk = [UInt8](repeating: 0, count: 1 << 20)
    private let directory: PosixDirectory

    /// The logs in the directory `root`, which must exist.
    package init(root: String) { directory = PosixDirectory(root: root) }

    /// The incarnations that have segments.
    package func incarnations() throws(SiltstoneError) -> [Identifier] {
        var found: [Identifier] = []
        for entry in try directory.entries(ObjectKey.logFolder) where entry.isFolder {
            guard let incarnation = LogPath.incarnation(ofFolderName: entry.name) else { continue }
            if try !segments(of: incarnation).isEmpty { found.append(incarnation) }
        }
        return found.sorted()
    }

    /// The segments of an incarnation.
    package func segments(of incarnation: Identifier) throws(SiltstoneError) -> [UInt64] {
        try directory.entries(LogPath.folder(incarnation))
            .compactMap { $0.isFolder ? nil : LogPath.number(ofFileName: $0.name) }.sorted()
    }

    /// Creates a segment whose blocks are all allocated and written, so that a durable append
    /// later changes no metadata and costs one write to the device.
    package func createSegment(_ incarnation: Identifier, _ number: UInt64, capacity: Int)
        throws(SiltstoneError) -> any LogSegment
    {
        try createSegment(incarnation, number, capacity: capacity, writesZeros: true)
    }

    /// The same without writing the zeros: a sync then also has to note in the file system which blocks were written.
    package func createReservedSegment(
        _ incarnation: Identifier, _ number: UInt64, capacity: Int
    ) throws(SiltstoneError) -> any LogSegment {
        try createSegment(incarnation, number, capacity: capacity, writesZeros: false)
    }

    private func createSegment(
        _ incarnation: Identifier, _ number: UInt64, capacity: Int, writesZeros: Bool
    ) throws(SiltstoneError) -> any LogSegment {
        let name = LogPath.segment(incarnation, number)
        guard capacity > 0 else {
            throw SiltstoneError(.invalidArgument, "log segment has no room capacity=\(capacity)")
        }
        try directory.make(LogPath.folder(incarnation))
        guard try directory.size(name) == nil else {
            throw SiltstoneError(.alreadyExists, "log segment exists", at: .init(file: name))
        }
        let file = try PosixFile(
            path: directory.path(name), name: name, flags: O_RDWR | O_CREAT | O_EXCL)
        do throws(SiltstoneError) {
            try file.allocate(capacity)
            if writesZeros { try fillWithZeros(file, capacity) }
            try file.sync()
            try directory.sync(LogPath.folder(incarnation))
        } catch {
            _ = try? directory.remove(name)
            throw error
        }
        return PosixLogSegment(file: file, capacity: capacity)
    }

    /// The bytes of a segment's file.
    package func read(_ incarnation: Identifier, _ number: UInt64) throws(SiltstoneError) -> [UInt8]
    {
        let name = LogPath.segment(incarnation, number)
        let file = try PosixFile(path: directory.path(name), name: name, flags: O_RDONLY)
        return try file.readAll(count: try file.byteCount())
    }

    /// The segment's path.
    package func name(_ incarnation: Identifier, _ number: UInt64) -> String {
        LogPath.segment(incarnation, number)
    }

    /// Deletes segments, lowest first, so that what a crash leaves has no gap.
    package func trim(_ incarnation: Identifier, below number: UInt64) throws(SiltstoneError) {
        let folder = LogPath.folder(incarnation)
        let doomed = try segments(of: incarnation).filter { $0 < number || number == .max }
        for number in doomed { try directory.remove(LogPath.segment(incarnation, number)) }
        if !doomed.isEmpty { try directory.sync(folder) }
        if number == .max { directory.removeFolder(folder) }
    }

    private func fillWithZeros(_ file: PosixFile, _ capacity: Int) throws(SiltstoneError) {
        var failure: SiltstoneError?
        // Safety: the array lends its bytes for the closure, which stays within them.
        unsafe PosixLogDevice.zeroChunk.withUnsafeBytes { zeros in
            do throws(SiltstoneError) {
                var offset = 0
                while offset < capacity {
                    let count = min(zeros.count, capacity - offset)
                    try unsafe file.write(.init(rebasing: zeros[..<count]), at: offset)
                    offset += count
                }
            } catch { failure = error }
        }
        if let failure { throw failure }
    }
}
