import Foundation
import Glibc
import SiltIO
import Synchronization

/// Reads a file of its own from the device over and over, beside a load: what holds these reads up holds up the store's, too, and is not
/// its doing.
final class DeviceProbe: Sendable {
    /// A read that took long, on the monotonic clock.
    struct Wait: Sendable {
        let startNanoseconds: UInt64
        let endNanoseconds: UInt64

        var milliseconds: Double { Double(endNanoseconds - startNanoseconds) / 1e6 }
    }

    /// Shorter waits are not counted.
    static let nanosecondsMin: UInt64 = 50_000_000
    private static let fileBytes = 64 << 20
    private static let readBytes = 4096
    private static let intervalNanoseconds: UInt64 = 10_000_000

    private let file: FileHandle
    private let seen = Mutex<[Wait]>([])
    private let isOver = Atomic(false)
    private let reads = Atomic(0)

    /// Makes the file, in a directory on the store's device; it has no name, so nothing is left of it.
    init(directory: String) throws {
        let path = "\(directory)/probe"
        var random = BenchRandom(seed: 1, stream: 0)
        // What a device or file system could leave out, such as zeros, would not be read from it.
        let piece = Data((0..<(1 << 20)).map { _ in UInt8(random.next(below: 256)) })
        guard FileManager.default.createFile(atPath: path, contents: nil),
            let file = FileHandle(forUpdatingAtPath: path)
        else { throw CommandFailure(.failed, "cannot make the file '\(path)'") }
        try FileManager.default.removeItem(atPath: path)
        for _ in 0..<(Self.fileBytes / piece.count) { try file.write(contentsOf: piece) }
        try file.synchronize()
        self.file = file
    }

    /// The reads that took long so far.
    var waits: [Wait] { seen.withLock { $0 } }

    /// How many reads there were: a probe that failed has few.
    var readCount: Int { reads.load(ordering: .relaxed) }

    func start() { Thread.detachNewThread { [self] in probe() } }

    func stop() { isOver.store(true, ordering: .relaxed) }

    private func probe() {
        let clock = SystemClock()
        var random = BenchRandom(seed: 2, stream: 0)
        // The kernel keeps what was written in large pieces, which it gives up whole or not at all: all of them now. What is read at
        // random after that it keeps by pages.
        posix_fadvise(file.fileDescriptor, 0, 0, POSIX_FADV_DONTNEED)
        posix_fadvise(file.fileDescriptor, 0, 0, POSIX_FADV_RANDOM)
        while !isOver.load(ordering: .relaxed) {
            clock.sleep(nanoseconds: Self.intervalNanoseconds)
            let place = random.next(below: Self.fileBytes / Self.readBytes) * Self.readBytes
            // Not what the kernel still has in memory.
            posix_fadvise(
                file.fileDescriptor, off_t(place), off_t(Self.readBytes), POSIX_FADV_DONTNEED)
            let start = clock.monotonicNanoseconds
            guard (try? file.seek(toOffset: UInt64(place))) != nil,
                (try? file.read(upToCount: Self.readBytes))?.count == Self.readBytes
            else { return }
            let end = clock.monotonicNanoseconds
            reads.add(1, ordering: .relaxed)
            guard end - start >= Self.nanosecondsMin else { continue }
            seen.withLock { $0.append(Wait(startNanoseconds: start, endNanoseconds: end)) }
        }
    }
}

extension [DeviceProbe.Wait] {
    /// Whether the device kept the probe waiting, too, for half or more of the time that an operation took.
    func explain(from start: UInt64, to end: UInt64) -> Bool {
        let shared = reduce(0 as UInt64) { sum, wait in
            let (first, last) = (
                Swift.max(wait.startNanoseconds, start), Swift.min(wait.endNanoseconds, end)
            )
            return sum + (last > first ? last - first : 0)
        }
        return shared * 2 >= end - start
    }
}
