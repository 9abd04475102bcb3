import SiltBytes
import SiltIO
import SiltModel
import Testing

@Suite struct FaultPlanTests {
    /// Seven mutating calls, each with an effect that can be seen; returns how many were answered.
    private func script(_ disk: MemoryDisk) -> Int {
        var answered = 0
        do {
            _ = try disk.objects.putIfAbsent("a", [1])
            answered += 1
            let segment = try disk.log.createSegment(incarnation, 1, capacity: 5000)
            answered += 1
            try segment.append(bytes(3000), durably: true)
            answered += 1
            let writer = try disk.objects.makeUnique("b")
            answered += 1
            try writer.append([1, 2])
            answered += 1
            try writer.finish()
            answered += 1
            try disk.objects.delete(["a", "b"])
            answered += 1
        } catch {}
        return answered
    }

    @Test(
        "the world stops at the planned call, and what was answered before is there",
        arguments: FaultPlan.StopEffect.allCases)
    func stopping(_ effect: FaultPlan.StopEffect) throws {
        for k in 1...8 {
            let disk = MemoryDisk()
            disk.install(FaultPlan(stopAtMutatingCall: k, stopEffect: effect, seed: UInt64(k)))
            #expect(script(disk) == min(k - 1, 7))
            #expect(disk.isStopped == (k <= 7))
            if k <= 7 { #expect(code { _ = try disk.objects.size("a") } == .unavailable) }
            let next = disk.crashed(keeping: .dropUnsynced, random: SeededRandom(seed: 1))
            // How many calls have had their whole effect.
            let done = effect == .applied ? min(k, 7) : min(k - 1, 7)
            let keys = try next.objects.list(prefix: "", after: nil)
            if k == 7 && effect == .torn {
                #expect(Set(keys).isSubset(of: ["a", "b"]))
            } else {
                #expect(keys == [[], ["a"], ["a"], ["a"], ["a"], ["a"], ["a", "b"], []][done])
            }
            let hasSegment = try next.log.segments(of: incarnation) == [1]
            #expect(hasSegment == (done >= 2 || k == 2 && effect == .torn))
            guard hasSegment, done >= 2 else { continue }
            let log = try next.log.read(incarnation, 1)
            if k == 3 && effect == .torn {
                #expect(log.count { $0 != 0 } < 3000)
            } else {
                #expect(
                    Array(log.prefix(3000))
                        == (done >= 3 ? bytes(3000) : [UInt8](repeating: 0, count: 3000)))
            }
        }
    }

    @Test("reads are no mutating calls, but they are counted and can fail")
    func reads() throws {
        let disk = MemoryDisk()
        _ = try disk.objects.putIfAbsent("a", [1, 2])
        disk.install(FaultPlan(failures: [.init(.get, number: 2), .init(.read, number: 1)]))
        #expect(try disk.objects.get("a") == [1, 2])
        #expect(code { _ = try disk.objects.get("a") } == .unavailable)
        #expect(try disk.objects.get("a") == [1, 2])
        let reader = try disk.objects.open("a")
        #expect(code { _ = try reader.read(1, at: 0) } == .unavailable)
        #expect(try reader.read(1, at: 1) == [2])
        #expect(disk.mutatingCallCount == 0)
        #expect(disk.callCount(.get) == 3)
        #expect(disk.callCount(.putIfAbsent) == 1)
    }

    @Test(
        "after a failed sync its bytes are shown but never reach the device, though a later sync succeeds"
    )
    func failedSync() throws {
        for operation in [DiskOperation.sync, .appendDurably] {
            let disk = MemoryDisk()
            let segment = try disk.log.createSegment(incarnation, 1, capacity: 10)
            let other = try disk.log.createSegment(incarnation, 2, capacity: 10)
            try segment.append([1], durably: true)
            try segment.append([2], durably: false)
            disk.install(FaultPlan(failures: [.init(operation, number: 1)]))
            #expect(
                code {
                    if operation == .sync {
                        try segment.sync()
                    } else {
                        try segment.append([3], durably: true)
                    }
                } == .unavailable)
            // The segment is not used again; the rest of the disk works.
            #expect(code { try segment.sync() } == .unavailable)
            #expect(code { try segment.append([4], durably: false) } == .unavailable)
            try other.append([9], durably: true)
            #expect(try disk.log.read(incarnation, 1).prefix(2) == [1, 2])
            let random = SeededRandom(seed: 1)
            let killed = disk.crashed(keeping: .processKill, random: random)
            #expect(try killed.log.read(incarnation, 1).prefix(2) == [1, 2])
            for start in [disk, killed] {
                let cut = start.crashed(keeping: .keepUnsynced, random: random)
                #expect(try cut.log.read(incarnation, 1).prefix(3) == [1, 0, 0])
                #expect(try cut.log.read(incarnation, 2).first == 9)
            }
        }
    }

    @Test("a failed put, finish or delete changes nothing and the next one works")
    func singleFailures() throws {
        let disk = MemoryDisk()
        disk.install(
            FaultPlan(failures: [
                .init(.putIfAbsent, number: 1), .init(.writerFinish, number: 1),
                .init(.delete, number: 1),
            ]))
        #expect(code { _ = try disk.objects.putIfAbsent("a", [1]) } == .unavailable)
        #expect(try disk.objects.putIfAbsent("a", [2]))
        let writer = try disk.objects.makeUnique("b")
        #expect(code { try writer.finish() } == .unavailable)
        #expect(try disk.objects.size("b") == nil)
        #expect(code { try disk.objects.delete(["a"]) } == .unavailable)
        #expect(try disk.objects.get("a") == [2])
        try disk.objects.delete(["a"])
        #expect(try disk.objects.size("a") == nil)
    }

    @Test(
        "a full disk refuses what does not fit, and takes it when room is made or the limit lifted")
    func fullDisk() throws {
        let disk = MemoryDisk()
        disk.limit(capacityBytes: 1000)
        let segment = try disk.log.createSegment(incarnation, 1, capacity: 600)
        _ = try disk.objects.putIfAbsent("a", bytes(300))
        #expect(disk.usedBytes == 900)
        #expect(code { _ = try disk.objects.putIfAbsent("b", bytes(101)) } == .storageFull)
        #expect(try disk.objects.size("b") == nil)
        #expect(
            code { _ = try disk.log.createSegment(incarnation, 2, capacity: 101) } == .storageFull)
        try segment.append(bytes(600), durably: true)
        let writer = try disk.objects.makeUnique("c")
        try writer.append(bytes(100))
        #expect(code { try writer.append([1]) } == .storageFull)
        writer.abandon()
        #expect(disk.usedBytes == 900)
        try disk.objects.delete(["a"])
        #expect(try disk.objects.putIfAbsent("b", bytes(101)))
        disk.limit(capacityBytes: nil)
        #expect(try disk.objects.putIfAbsent("d", bytes(5000)))
    }

    @Test("damage to a named file is seen by new and open readers")
    func damage() throws {
        let disk = MemoryDisk()
        _ = try disk.objects.putIfAbsent("a", [0, 0, 0])
        let segment = try disk.log.createSegment(incarnation, 1, capacity: 8)
        try segment.append([1, 1], durably: true)
        #expect(disk.files.map(\.file) == [.object("a"), .segment(incarnation, 1)])
        #expect(disk.files.map(\.byteCount) == [3, 8])
        let reader = try disk.objects.open("a")
        try disk.flipBit(of: .object("a"), offset: 1, bit: 7)
        #expect(try reader.read(3, at: 0) == [0, 128, 0])
        try disk.truncate(.object("a"), to: 1)
        #expect(try disk.objects.get("a") == [0])
        #expect(code { _ = try reader.read(3, at: 0) } == .corrupted)
        try disk.flipBit(of: .segment(incarnation, 1), offset: 0, bit: 1)
        try disk.flipBit(of: .segment(incarnation, 1), offset: 6, bit: 0)
        #expect(try disk.log.read(incarnation, 1) == [3, 1, 0, 0, 0, 0, 1, 0])
        try disk.truncate(.segment(incarnation, 1), to: 1)
        #expect(try disk.log.read(incarnation, 1) == [3])
        try disk.remove(.segment(incarnation, 1))
        try disk.remove(.object("a"))
        #expect(disk.files.isEmpty)
        #expect(code { try disk.remove(.object("a")) } == .notFound)
    }
}
