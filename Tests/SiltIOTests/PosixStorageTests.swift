import Foundation
import SiltBytes
import SiltIO
import SiltModel
import Testing

@Suite struct PosixStorageTests {
    private func permissions(_ path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    @Test("files and folders are the owner's alone")
    func modes() throws {
        try withTemporaryDirectory { root in
            let environment = try Environment.posix(directory: root + "/x/y/", workerCount: 1)
            try environment.coordinator.join()
            _ = try environment.objects.putIfAbsent("a/b", [1])
            _ = try environment.log.createSegment(incarnation, 3, capacity: 100)
            #expect(try permissions(root + "/x") == 0o700)
            #expect(try permissions(root + "/x/y/a") == 0o700)
            #expect(try permissions(root + "/x/y/a/b") == 0o600)
            #expect(try permissions(root + "/x/y/LOCK") == 0o600)
            let segment = "/x/y/wal/\(incarnation)/0000000000000003.log"
            #expect(try permissions(root + segment) == 0o600)
            #expect(environment.log.name(incarnation, 3) == String(segment.dropFirst(5)))
            environment.workers.shutDown()
        }
    }

    @Test("reading an object leaves the time of its last access")
    func accessTime() throws {
        try withTemporaryDirectory { root in
            let environment = try Environment.posix(directory: root, workerCount: 1)
            defer { environment.workers.shutDown() }
            _ = try environment.objects.putIfAbsent("a/b", [1, 2, 3])
            let path = root + "/a/b"
            // Long ago, and before the last change: a read would be noted otherwise.
            var times = [timespec(tv_sec: 1_000, tv_nsec: 0), timespec(tv_sec: 2_000, tv_nsec: 0)]
            // Safety: the array has the two times that the call reads.
            #expect(unsafe utimensat(AT_FDCWD, path, &times, 0) == 0)
            #expect(try environment.objects.get("a/b") == [1, 2, 3])
            var found = stat()
            // Safety: the call fills the structure.
            #expect(unsafe stat(path, &found) == 0)
            #expect(found.st_atim.tv_sec == 1_000)
        }
    }

    @Test("a data directory that is a file, or cannot be made, is an error that names it")
    func badDirectory() throws {
        try withTemporaryDirectory { root in
            try Data([1]).write(to: URL(fileURLWithPath: root + "/file"))
            for path in [root + "/file", root + "/file/below"] {
                let error = try #require(throws: SiltstoneError.self) {
                    _ = try Environment.posix(directory: path, workerCount: 1)
                }
                #expect(error.location?.file == path)
            }
            #expect(
                code { _ = try Environment.posix(directory: "", workerCount: 1) }
                    == .invalidArgument)
        }
    }

    @Test("input is read behind what is there, as much as there is")
    func input() throws {
        try withTemporaryDirectory { root in
            let content = bytes(1000, seed: 7)
            try Data(content).write(to: URL(fileURLWithPath: root + "/in"))
            let files = PosixInputFiles()
            let file = try files.open(root + "/in")
            var read: [UInt8] = [1, 2]
            #expect(try file.read(300, at: 0, into: &read) == 300)
            #expect(try file.read(0, at: 300, into: &read) == 0)
            #expect(try file.read(900, at: 300, into: &read) == 700)
            #expect(try file.read(900, at: 1000, into: &read) == 0)
            #expect(read == [1, 2] + content)
            let error = try #require(throws: SiltstoneError.self) {
                try files.open(root).read(10, at: 0, into: &read)
            }
            #expect(error.location?.file == root)
            #expect(read.count == 1002)
        }
    }

    @Test("temporary files of an earlier process are removed, those of this one stay")
    func leftovers() throws {
        try withTemporaryDirectory { root in
            let old = try PosixObjectStore(root: root)
            let lost = try old.makeUnique("tables/t/sst/a.sst")
            try lost.append([1, 2])
            let store = try PosixObjectStore(root: root)
            let open = try store.makeUnique("tables/t/sst/b.sst")
            #expect(try store.removeUnfinished() == 1)
            #expect(try store.removeUnfinished() == 0)
            try open.append([3])
            try open.finish()
            #expect(try store.get("tables/t/sst/b.sst") == [3])
            #expect(throws: SiltstoneError.self) { try lost.finish() }
            let names = try FileManager.default.contentsOfDirectory(atPath: root + "/tables/t/sst")
            #expect(names == ["b.sst"])
        }
    }

    @Test("small and large records, durable or not, follow one another, and zeros follow")
    func mixedRecords() throws {
        try withTemporaryDirectory { root in
            let device = PosixLogDevice(root: root)
            let capacity = 3 << 20
            let segment = try device.createSegment(incarnation, 1, capacity: capacity)
            var expected: [UInt8] = []
            for number in 0..<240 {
                let count = [40, 9_000, 200, 8_192, 3, 30_000][number % 6]
                let record = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ number | 1) }
                // Safety: the device copies the bytes before it returns.
                try unsafe record.withUnsafeBytes {
                    try unsafe segment.append($0, durably: number % 5 == 0)
                }
                expected += record
                if number % 40 == 0 {
                    let bytes = try device.read(incarnation, 1)
                    #expect(bytes.count == capacity && bytes.starts(with: expected))
                    #expect(bytes[expected.count...].allSatisfy { $0 == 0 })
                }
            }
            #expect(segment.byteCount == expected.count)
            try segment.close()
            #expect(try device.read(incarnation, 1) == expected)
        }
    }

    @Test("a finished, abandoned or dropped writer leaves no temporary file")
    func noTemporaryFiles() throws {
        try withTemporaryDirectory { root in
            let store = try PosixObjectStore(root: root)
            try store.makeUnique("a").finish()
            try store.makeUnique("b").abandon()
            _ = try store.makeUnique("c")
            _ = try store.putIfAbsent("d", [1])
            _ = try store.putIfAbsent("d", [2])
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: root).sorted() == ["a", "d"])
        }
    }

    @Test("a file cut behind a reader's back is a damaged file")
    func cutFile() throws {
        try withTemporaryDirectory { root in
            let store = try PosixObjectStore(root: root)
            _ = try store.putIfAbsent("a/b", bytes(1000))
            let reader = try store.open("a/b")
            let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: root + "/a/b"))
            try handle.truncate(atOffset: 500)
            let error = try #require(throws: SiltstoneError.self) { try reader.read(100, at: 450) }
            #expect(error.code == .corrupted)
            #expect(error.location == .init(file: "a/b", offset: 450))
        }
    }

    @Test("a full device refuses objects and segments and leaves nothing behind")
    func fullDevice() throws {
        // Larger than any file system here: the reservation fails before a byte is written.
        try withTemporaryDirectory { root throws in
            let log = PosixLogDevice(root: root)
            #expect(throws: SiltstoneError.self) {
                _ = try log.createSegment(incarnation, 1, capacity: 1 << 50)
            }
            #expect(try log.segments(of: incarnation) == [])
        }
    }

    @Test("a segment's file is full of zeros from the start and cut at its end")
    func segmentFile() throws {
        try withTemporaryDirectory { root in
            let log = PosixLogDevice(root: root)
            let segment = try log.createSegment(incarnation, 1, capacity: 3_000_000)
            let path = root + "/" + log.name(incarnation, 1)
            let size = { try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int }
            #expect(try size() == 3_000_000)
            #expect(try log.read(incarnation, 1).allSatisfy { $0 == 0 })
            try segment.append(bytes(5000), durably: true)
            #expect(try size() == 3_000_000)
            try segment.close()
            #expect(try size() == 5000)
        }
    }

    @Test("foreign files among the logs are passed over")
    func foreignFiles() throws {
        try withTemporaryDirectory { root in
            let log = PosixLogDevice(root: root)
            _ = try log.createSegment(incarnation, 1, capacity: 10)
            let folder = "\(root)/wal/\(incarnation)"
            for name in ["1.log", "0000000000000002.txt", "x"] {
                try Data().write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
            }
            try FileManager.default.createDirectory(
                atPath: "\(root)/wal/zz", withIntermediateDirectories: true)
            #expect(try log.incarnations() == [incarnation])
            #expect(try log.segments(of: incarnation) == [1])
        }
    }
}
