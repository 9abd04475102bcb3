import Synchronization

/// The bytes of one object of a memory disk, shared by its readers and by those who damage it.
final class MemoryContent: Sendable {
    private let state: Mutex<[UInt8]>

    init(_ bytes: [UInt8]) { state = Mutex(bytes) }

    var bytes: [UInt8] { state.withLock { $0 } }

    func change(_ body: (inout [UInt8]) -> Void) { state.withLock { body(&$0) } }
}

/// One log segment of a memory disk.
struct MemoryLogFile: Sendable {
    static let sectorBytes = 512

    /// What reads show, without the zeros of the unused room.
    var bytes: [UInt8] = []
    /// How many bytes from the front survive a power cut, but for `lost`.
    var durableCount = 0
    /// Bytes that a failed sync dropped: shown by reads, never on the device.
    var lost: [Range<Int>] = []
    /// The file's size.
    var byteCountOfFile: Int
    /// Whether somebody may append.
    var isOpen = true

    /// What a reader gets.
    var image: [UInt8] {
        var image = bytes
        image.append(contentsOf: repeatElement(0, count: max(0, byteCountOfFile - bytes.count)))
        return image
    }

    /// A sync fails: its bytes will never be on the device, though later syncs succeed.
    mutating func loseUnsynced() {
        if durableCount < bytes.count { lost.append(durableCount..<bytes.count) }
        durableCount = bytes.count
    }

    /// Everything not durable is written to the device, each sector or not, by chance.
    mutating func tear(_ random: inout Xoshiro256) {
        self = crashed(.keepSectors) { random.next() }
        isOpen = true
    }

    /// What a crash leaves.
    func crashed(_ policy: CrashPolicy, _ random: () -> UInt64) -> MemoryLogFile {
        var left = self
        left.isOpen = false
        guard policy != .processKill else { return left }
        for range in lost { for index in range { left.bytes[index] = 0 } }
        left.lost = []
        keep(policy, &left, random)
        left.durableCount = left.bytes.count
        return left
    }

    private func keep(
        _ policy: CrashPolicy, _ left: inout MemoryLogFile, _ random: () -> UInt64
    ) {
        let pending = bytes.count - durableCount
        guard pending > 0 else { return }
        let sector = MemoryLogFile.sectorBytes
        switch policy {
        case .processKill, .keepUnsynced: return
        case .dropUnsynced: left.bytes.removeLast(pending)
        case .keepPrefix:
            left.bytes.removeLast(Int(random() % UInt64(pending + 1)))
        case .tearAtSector:
            let first = durableCount / sector
            let last = bytes.count / sector
            let cut = (first + Int(random() % UInt64(last - first + 1))) * sector
            left.bytes.removeLast(bytes.count - max(cut, durableCount))
        case .keepSectors:
            var start = durableCount
            while start < bytes.count {
                let end = min(bytes.count, (start / sector + 1) * sector)
                if random() & 1 == 0 { for index in start..<end { left.bytes[index] = 0 } }
                start = end
            }
        case .mixed:
            let choices: [CrashPolicy] = [
                .dropUnsynced, .keepUnsynced, .keepPrefix, .tearAtSector, .keepSectors,
            ]
            keep(choices[Int(random() % UInt64(choices.count))], &left, random)
        }
    }
}
