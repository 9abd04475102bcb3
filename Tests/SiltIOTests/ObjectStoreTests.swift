import Foundation
import SiltIO
import SiltModel
import Synchronization
import Testing

@Suite struct ObjectStoreTests {
    @Test(
        "the first put of a key creates the object, the second changes nothing",
        arguments: StorageBacking.allCases)
    func putIfAbsent(_ backing: StorageBacking) throws {
        try backing.with { store, _ throws in
            #expect(try store.putIfAbsent("regions/r1/manifest/1", [1, 2, 3]))
            #expect(try !store.putIfAbsent("regions/r1/manifest/1", [9]))
            #expect(try store.get("regions/r1/manifest/1") == [1, 2, 3])
            #expect(try store.size("regions/r1/manifest/1") == 3)
            #expect(try store.putIfAbsent("empty", []))
            #expect(try store.get("empty") == [])
            #expect(try store.size("regions/r1/manifest/2") == nil)
            #expect(try store.size("regions/r1/manifest") == nil)
            #expect(code { _ = try store.get("regions/r1/manifest/2") } == .notFound)
            #expect(code { _ = try store.open("absent") } == .notFound)
        }
    }

    @Test(
        "of many threads that put one key, exactly one creates it",
        arguments: StorageBacking.allCases)
    func race(_ backing: StorageBacking) throws {
        try backing.with { store, _ in
            let winners = Mutex<[Int]>([])
            DispatchQueue.concurrentPerform(iterations: 8) { index in
                if (try? store.putIfAbsent(
                    "race/key", [UInt8](repeating: UInt8(index), count: 5000))) == true
                {
                    winners.withLock { $0.append(index) }
                }
            }
            let won = winners.withLock { $0 }
            try #require(won.count == 1)
            #expect(try store.get("race/key") == [UInt8](repeating: UInt8(won[0]), count: 5000))
            #expect(try store.list(prefix: "", after: nil) == ["race/key"])
        }
    }

    @Test("an object appears only when it is finished", arguments: StorageBacking.allCases)
    func unfinished(_ backing: StorageBacking) throws {
        try backing.with { store, _ in
            let first = bytes(3_000_000)
            let writer = try store.makeUnique("tables/t/sst/a.sst")
            for start in stride(from: 0, to: first.count, by: 300_007) {
                try writer.append(Array(first[start..<min(start + 300_007, first.count)]))
            }
            try writer.append([])
            try writer.append([7, 8])
            #expect(writer.byteCount == 3_000_002)
            #expect(try store.size("tables/t/sst/a.sst") == nil)
            #expect(try store.list(prefix: "", after: nil) == [])
            try writer.finish()
            #expect(try store.get("tables/t/sst/a.sst") == first + [7, 8])
            #expect(code { try writer.append([1]) } == .closed)
            #expect(code { try writer.finish() } == .closed)
            writer.abandon()
            #expect(try store.size("tables/t/sst/a.sst") == 3_000_002)

            let given = try store.makeUnique("tables/t/sst/b.sst")
            try given.append([1])
            given.abandon()
            #expect(code { try given.finish() } == .closed)
            #expect(try store.size("tables/t/sst/b.sst") == nil)
            let second = try store.makeUnique("tables/t/sst/a.sst")
            try second.append([1])
            #expect(code { try second.finish() } == .alreadyExists)
            #expect(try store.size("tables/t/sst/a.sst") == 3_000_002)
        }
    }

    @Test(
        "reads at any offset give the bytes there, and past the end name key and offset",
        arguments: StorageBacking.allCases)
    func reading(_ backing: StorageBacking) throws {
        try backing.with { store, _ in
            let content = bytes(10_000)
            _ = try store.putIfAbsent("a/b", content)
            let reader = try store.open("a/b")
            #expect(reader.key == "a/b")
            #expect(reader.byteCount == 10_000)
            #expect(try reader.read(100, at: 0) == Array(content[0..<100]))
            #expect(try reader.read(100, at: 9_900) == Array(content[9_900...]))
            #expect(try reader.read(0, at: 10_000) == [])
            let error = try #require(throws: SiltstoneError.self) {
                try reader.read(101, at: 9_900)
            }
            #expect(error.code == .corrupted)
            #expect(error.location == .init(file: "a/b", offset: 9_900))
            #expect(code { _ = try reader.read(1, at: 20_000) } == .corrupted)
            #expect(code { _ = try reader.read(1, at: -1) } == .corrupted)
        }
    }

    @Test(
        "deleting leaves open readers alone and forgives absent keys",
        arguments: StorageBacking.allCases)
    func deleting(_ backing: StorageBacking) throws {
        try backing.with { store, _ in
            _ = try store.putIfAbsent("a/1", [1, 2, 3])
            _ = try store.putIfAbsent("a/2", [4])
            let reader = try store.open("a/1")
            try store.delete(["a/1", "a/absent", "b/absent"])
            #expect(try reader.read(3, at: 0) == [1, 2, 3])
            #expect(try store.list(prefix: "a/", after: nil) == ["a/2"])
            #expect(try store.putIfAbsent("a/1", [5]))
            #expect(try reader.read(3, at: 0) == [1, 2, 3])
        }
    }

    @Test(
        "listing goes by prefix, at any depth, after a key, in order",
        arguments: StorageBacking.allCases)
    func listing(_ backing: StorageBacking) throws {
        try backing.with { store, log in
            _ = try log.createSegment(incarnation, 1, capacity: 512)
            for key in ["b/2", "b/10", "a/x/y/z", "a/x/w", "FORMAT", "bb/1", "a/xx"] {
                #expect(try store.putIfAbsent(key, [1]))
            }
            let all = ["FORMAT", "a/x/w", "a/x/y/z", "a/xx", "b/10", "b/2", "bb/1"]
            #expect(try store.list(prefix: "", after: nil) == all)
            #expect(try store.list(prefix: "a/x", after: nil) == ["a/x/w", "a/x/y/z", "a/xx"])
            #expect(try store.list(prefix: "a/x/", after: nil) == ["a/x/w", "a/x/y/z"])
            #expect(try store.list(prefix: "b", after: "b/10") == ["b/2", "bb/1"])
            #expect(try store.list(prefix: "none/", after: nil) == [])
            #expect(try store.list(prefix: "../", after: nil) == [])
            #expect(try store.list(prefix: "", after: "zz") == [])
        }
    }

    @Test(
        "keys that leave the store, or that belong to something else, are refused",
        arguments: [
            "", "/", "/a", "a/", "a//b", "..", "../a", "a/../b", "a/./b", "a b", "a\u{e9}", "a\0b",
            "x.tmp", "wal/1", "wal", "LOCK", String(repeating: "a", count: 201),
        ])
    func badKeys(_ key: String) throws {
        for backing in StorageBacking.allCases {
            try backing.with { store, _ in
                #expect(code { _ = try store.putIfAbsent(key, []) } == .invalidArgument)
                #expect(code { _ = try store.makeUnique(key) } == .invalidArgument)
                #expect(code { _ = try store.get(key) } == .invalidArgument)
                #expect(code { _ = try store.open(key) } == .invalidArgument)
                #expect(code { _ = try store.size(key) } == .invalidArgument)
                #expect(code { try store.delete([key]) } == .invalidArgument)
            }
        }
        #expect(ObjectKey.isValid("tables/0a/sst/x-1_2.sst"))
    }
}
