import Foundation
import SiltModel
import Synchronization
import Testing

@testable import SiltLSM

/// Memory that goes from thread to thread.
private final class Handover: Sendable {
    let pieces = Mutex<[(bytes: RawBytes, mark: UInt8)]>([])
}

@Suite("Memory of blocks") struct RawBytesTests {
    @Test("Memory is nobody else's while it is held, whichever thread gives it back")
    func exclusive() async throws {
        let handover = Handover()
        let seed = TestRandom.seed
        await withTaskGroup(of: Void.self) { group in
            for thread in UInt64(0)..<4 {
                group.addTask {
                    var random = TestRandom(seed: seed &+ thread)
                    var own: [(bytes: RawBytes, mark: UInt8)] = []
                    for step in 0..<8_000 {
                        // It grows and shrinks, so that slabs come and go.
                        let wanted = step / 1000 % 2 == 0 ? 300 : 20
                        if own.count < wanted {
                            let count = 500 + random.below(random.below(40) == 0 ? 140_000 : 18_000)
                            let mark = UInt8(truncatingIfNeeded: step &* 7 &+ Int(thread))
                            let bytes = RawBytes(byteCount: count)
                            unsafe bytes.buffer.initializeMemory(as: UInt8.self, repeating: mark)
                            own.append((bytes, mark))
                        } else {
                            let (bytes, mark) = own.remove(at: random.below(own.count))
                            let isOwn = unsafe bytes.bytes.allSatisfy { $0 == mark }
                            #expect(isOwn, "seed=\(seed) thread=\(thread) step=\(step)")
                            let other = handover.pieces.withLock { list in
                                list.append((bytes, mark))
                                return list.count > 50 ? list.removeFirst() : nil
                            }
                            if let other { own.append(other) }
                        }
                    }
                }
            }
        }
    }

    @Test("What takes as much as it gives has no page made anew")
    func warm() {
        let byteCount = 16_500
        let make = {
            let bytes = RawBytes(byteCount: byteCount)
            unsafe bytes.buffer.initializeMemory(as: UInt8.self, repeating: 1)
            return bytes
        }
        var held = (0..<300).map { _ in make() }
        // Far more is free than is kept warm.
        held.removeLast(200)
        let before = Self.faultCount
        #expect(before > 0)
        for step in 0..<10_000 {
            held[step % held.count] = make()
        }
        #expect(Self.faultCount - before < 10_000, "a piece has four pages besides its first")
    }

    /// The pages that this thread had made so far.
    private static var faultCount: Int {
        let text = (try? String(contentsOfFile: "/proc/thread-self/stat", encoding: .utf8)) ?? ""
        // The eighth field behind the name, which may hold anything.
        let fields = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")
        return fields.count > 8 ? Int(fields[8]) ?? 0 : 0
    }
}
