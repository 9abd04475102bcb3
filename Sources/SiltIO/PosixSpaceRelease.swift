import Glibc
import Synchronization

/// Gives the space of removed files back a little at a time, on a thread of its own.
///
/// Where freed blocks are discarded (`mount -o discard`, thin volumes), a device is busy for tenths of a second with the blocks of
/// one large file, and whoever reads meanwhile waits; see docs/decisions/0027-slow-release.md. RocksDB's `SstFileManager`
/// shortens files piece by piece for the same reason.
package final class SpaceRelease: Sendable {
    /// The smallest file that is worth it, in bytes.
    static let fileBytesMin = 1 << 20
    /// Files beyond this are given back at once: more is removed than could be given back slowly.
    static let waitingBytesMax = 8 << 30
    private static let pieceBytes = 256 << 10

    private let thread = Mutex<CallThreads?>(nil)
    private let waitingBytes = Atomic<Int>(0)

    /// Nothing to be released yet.
    package init() {}

    deinit { thread.withLock { $0?.stop() } }

    /// How much waits to be given back, in bytes.
    package var waitingByteCount: Int { waitingBytes.load(ordering: .relaxed) }

    /// Takes a removed file over, which is open for writing.
    ///
    /// One that another name or another descriptor still shows is only closed.
    func take(_ file: PosixFile, byteCount: Int) {
        guard byteCount >= Self.fileBytesMin, waitingByteCount < Self.waitingBytesMax,
            let information = try? file.information(), information.st_nlink == 0,
            file.isUsedByNobodyElse()
        else { return }
        waitingBytes.add(byteCount, ordering: .relaxed)
        let thread = thread.withLock { thread in
            let known = thread ?? CallThreads(count: 1)
            thread = known
            return known
        }
        _ = thread.submit { [self] in shorten(file, byteCount) }
    }

    /// How long to wait between two pieces: the less there is to release, the longer.
    ///
    /// 32 MB/s while 256 MiB or less wait, which is about what a store at a steady load removes; 128 MB/s from 1 GiB on.
    private static func pauseMicroseconds(waitingBytes: Int) -> UInt32 {
        switch waitingBytes {
        case ...(256 << 20): 8000
        case ...(1 << 30): 4000
        default: 2000
        }
    }

    private func shorten(_ file: PosixFile, _ byteCount: Int) {
        var left = byteCount
        while left > 0 {
            let next = max(0, left - Self.pieceBytes)
            // What is left when this fails goes with the descriptor.
            guard (try? file.truncate(to: next)) != nil else { break }
            waitingBytes.subtract(left - next, ordering: .relaxed)
            left = next
            if left > 0 { usleep(Self.pauseMicroseconds(waitingBytes: waitingByteCount)) }
        }
        waitingBytes.subtract(left, ordering: .relaxed)
        try? file.close()
    }
}
