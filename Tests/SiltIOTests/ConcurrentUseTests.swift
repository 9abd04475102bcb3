import Foundation
import SiltIO
import SiltModel
import Testing

@Suite struct ConcurrentUseTests {
    @Test(
        "objects, segments and listings of many threads do not disturb each other",
        arguments: StorageBacking.allCases)
    func threads(_ backing: StorageBacking) throws {
        try backing.with { store, log throws in
            DispatchQueue.concurrentPerform(iterations: 6) { thread in
                do {
                    let segment = try log.createSegment(
                        incarnation, UInt64(thread), capacity: 10_000)
                    for step in 0..<5 {
                        let content = bytes(2000, seed: UInt64(thread * 10 + step))
                        let writer = try store.makeUnique("t/\(thread)/\(step)")
                        try writer.append(content)
                        try writer.finish()
                        try segment.append(content, durably: step % 2 == 0)
                        #expect(try store.get("t/\(thread)/\(step)") == content)
                        _ = try store.list(prefix: "t/", after: nil)
                    }
                    try segment.close()
                } catch {
                    Issue.record("unexpected \(error)")
                }
            }
            #expect(try store.list(prefix: "t/", after: nil).count == 30)
            for thread in 0..<6 {
                let expected = (0..<5).flatMap { bytes(2000, seed: UInt64(thread * 10 + $0)) }
                #expect(try log.read(incarnation, UInt64(thread)) == expected)
            }
        }
    }
}
