import Glibc
package import SiltBytes
package import SiltModel
import Synchronization

/// Logs as files `wal/<incarnation>/<number>.log` of a directory.
package final class PosixLogDevice: LogDevice {
    private let directory: PosixDirectory
    private let preparation: LogPreparation?
    private let release: SpaceRelease?

    /// The logs in the directory `root`, which must exist; `workers` get memory ready for what is appended next, `release` gives
    /// the space of segments back.
    package init(root: String, workers: (any Workers)? = nil, release: SpaceRelease? = nil) {
        self.release = release
        directory = PosixDirectory(root: root)
        preparation = workers.map { LogPreparation(workers: $0) }
    }

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

    /// Creates a segment whose blocks are all allocated.
    package func createSegment(_ incarnation: Identifier, _ number: UInt64, capacity: Int)
        throws(SiltstoneError) -> any LogSegment
    {
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
            try file.sync()
            try directory.sync(LogPath.folder(incarnation))
        } catch {
            _ = try? directory.remove(name)
            throw error
        }
        let segment = PosixLogSegment(file: file, capacity: capacity, preparation: preparation)
        if let preparation, preparation.isUsed.load(ordering: .relaxed) {
            try? segment.readyFirst()
        }
        return segment
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
        for number in doomed { try directory.remove(LogPath.segment(incarnation, number), release) }
        if !doomed.isEmpty { try directory.sync(folder) }
        if number == .max { directory.removeFolder(folder) }
    }
}
