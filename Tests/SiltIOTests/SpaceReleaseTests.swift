import Foundation
import SiltBytes
import SiltIO
import SiltModel
import Testing

/// What becomes of the space of removed files, and of those who still use them.
@Suite("Space release") struct SpaceReleaseTests {
    private static let count = 3 << 20

    /// How many descriptors of this process show removed files below a directory.
    private static func removedFileCount(_ root: String) throws -> Int {
        let folder = "/proc/self/fd"
        return try FileManager.default.contentsOfDirectory(atPath: folder).count { name in
            let target = try? FileManager.default.destinationOfSymbolicLink(
                atPath: "\(folder)/\(name)")
            return target.map { $0.hasPrefix(root) && $0.hasSuffix("(deleted)") } ?? false
        }
    }

    private static func wait(until isDone: () throws -> Bool) rethrows -> Bool {
        for _ in 0..<3000 {
            if try isDone() { return true }
            usleep(10_000)
        }
        return false
    }

    @Test("the space of a large object comes back, a little at a time")
    func comesBack() throws {
        try withTemporaryDirectory { root in
            let release = SpaceRelease()
            let store = try PosixObjectStore(root: root, release: release)
            _ = try store.putIfAbsent("a/b", bytes(Self.count))
            _ = try store.putIfAbsent("a/small", bytes(1000))
            try store.delete(["a/b", "a/small"])
            // Gone at once for everybody, whatever becomes of its space.
            #expect(try store.size("a/b") == nil)
            #expect(try store.list(prefix: "", after: nil) == [])
            #expect(release.waitingByteCount > 0)
            #expect(try Self.wait { try Self.removedFileCount(root) == 0 })
            #expect(release.waitingByteCount == 0)
        }
    }

    @Test("who still reads a removed object reads it whole")
    func readers() throws {
        try withTemporaryDirectory { root in
            let release = SpaceRelease()
            let store = try PosixObjectStore(root: root, release: release)
            let expected = bytes(Self.count)
            _ = try store.putIfAbsent("a/b", expected)
            let reader = try store.open("a/b")
            try store.delete(["a/b"])
            #expect(release.waitingByteCount == 0)
            usleep(50_000)
            #expect(try reader.read(Self.count, at: 0) == expected)
        }
    }

    @Test("an object with another name stays whole")
    func links() throws {
        try withTemporaryDirectory { root in
            let release = SpaceRelease()
            let store = try PosixObjectStore(root: root, release: release)
            let expected = bytes(Self.count)
            _ = try store.putIfAbsent("a/b", expected)
            try FileManager.default.linkItem(atPath: root + "/a/b", toPath: root + "/kept")
            try store.delete(["a/b"])
            #expect(release.waitingByteCount == 0)
            usleep(50_000)
            #expect(try Data(contentsOf: URL(fileURLWithPath: root + "/kept")) == Data(expected))
        }
    }

    @Test("segments of logs give theirs back too, and those beside them stay")
    func segments() throws {
        try withTemporaryDirectory { root in
            let release = SpaceRelease()
            let device = PosixLogDevice(root: root, release: release)
            for number in [1, 2] as [UInt64] {
                let segment = try device.createSegment(incarnation, number, capacity: Self.count)
                try segment.append(bytes(1000), durably: true)
                try segment.close()
            }
            let kept = try device.read(incarnation, 2)
            try device.trim(incarnation, below: 2)
            #expect(try device.segments(of: incarnation) == [2])
            #expect(try Self.wait { try Self.removedFileCount(root) == 0 })
            #expect(release.waitingByteCount == 0)
            #expect(try device.read(incarnation, 2) == kept)
        }
    }
}
