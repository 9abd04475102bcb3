package import SiltBytes
package import SiltModel
import Synchronization

/// A file of a memory disk.
package enum DiskFile: Hashable, Sendable, CustomStringConvertible {
    /// An object.
    case object(String)
    /// A log segment.
    case segment(Identifier, UInt64)

    /// Its path relative to the data directory.
    package var description: String {
        switch self {
        case .object(let key): key
        case .segment(let incarnation, let number): LogPath.segment(incarnation, number)
        }
    }
}

extension MemoryDisk {
    /// All files and their sizes in bytes, in the order of their paths.
    package var files: [(file: DiskFile, byteCount: Int)] {
        let found = state.withLock { state in
            var found: [(file: DiskFile, byteCount: Int)] = state.objects.map {
                (.object($0.key), $0.value.bytes.count)
            }
            for (incarnation, segments) in state.logs {
                for (number, file) in segments {
                    found.append((.segment(incarnation, number), file.byteCountOfFile))
                }
            }
            return found
        }
        return found.sorted { $0.file.description < $1.file.description }
    }

    /// Flips one bit, also for readers that are open; `offset` and `bit` (0 to 7) must lie within.
    package func flipBit(of file: DiskFile, offset: Int, bit: Int) throws(SiltstoneError) {
        precondition((0...7).contains(bit) && offset >= 0)
        try change(file) { bytes in
            precondition(offset < bytes.count)
            bytes[offset] ^= 1 << UInt8(bit)
        }
    }

    /// Cuts a file.
    package func truncate(_ file: DiskFile, to byteCount: Int) throws(SiltstoneError) {
        try change(file) { bytes in
            bytes.removeLast(max(0, bytes.count - byteCount))
        }
    }

    /// Removes a file behind the engine's back.
    package func remove(_ file: DiskFile) throws(SiltstoneError) {
        let wasThere = state.withLock { state in
            switch file {
            case .object(let key): return state.objects.removeValue(forKey: key) != nil
            case .segment(let incarnation, let number):
                return state.logs[incarnation]?.removeValue(forKey: number) != nil
            }
        }
        guard wasThere else { throw noSuchFile(file.description) }
    }

    private func change(_ file: DiskFile, _ body: (inout [UInt8]) -> Void) throws(SiltstoneError) {
        let wasThere = state.withLock { state in
            switch file {
            case .object(let key):
                guard let content = state.objects[key] else { return false }
                content.change(body)
            case .segment(let incarnation, let number):
                guard var file = state.logs[incarnation]?[number] else { return false }
                var image = file.image
                body(&image)
                file.byteCountOfFile = image.count
                // Bytes beyond those written stay room, unless the damage is there.
                let written = min(image.count, file.bytes.count)
                let end = image.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0
                file.bytes = Array(image.prefix(max(written, end)))
                file.durableCount = min(file.durableCount, file.bytes.count)
                file.lost = file.lost.map { $0.clamped(to: 0..<file.bytes.count) }
                state.logs[incarnation]?[number] = file
            }
            return true
        }
        guard wasThere else { throw noSuchFile(file.description) }
    }
}

/// The error for a name without a file.
func noSuchFile(_ name: String) -> SiltstoneError {
    SiltstoneError(.notFound, "no such file", at: .init(file: name))
}
