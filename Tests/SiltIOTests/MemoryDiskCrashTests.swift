import Foundation
import SiltBytes
import SiltIO
import SiltModel
import Testing

@Suite struct MemoryDiskCrashTests {
    private func read(_ disk: MemoryDisk) throws -> [UInt8] { try disk.log.read(incarnation, 1) }

    @Test(
        "finished objects survive every crash, unfinished ones none",
        arguments: CrashPolicy.allCases)
    func objects(_ policy: CrashPolicy) throws {
        let disk = MemoryDisk()
        let random = SeededRandom(seed: 1)
        _ = try disk.objects.putIfAbsent("a/1", [1])
        let writer = try disk.objects.makeUnique("a/2")
        try writer.append([1])
        try writer.finish()
        let open = try disk.objects.makeUnique("a/3")
        try open.append([1])
        try disk.objects.delete(["a/1"])
        let next = disk.crashed(keeping: policy, random: random)
        #expect(try next.objects.list(prefix: "", after: nil) == ["a/2"])
        #expect(next.usedBytes == 1)
        #expect(disk.isStopped)
        #expect(code { try open.finish() } == .unavailable)
        #expect(code { _ = try disk.objects.get("a/2") } == .unavailable)
    }

    @Test("each policy leaves of the undurable bytes what it says")
    func policies() throws {
        let disk = MemoryDisk()
        let random = SeededRandom(seed: 1)
        let durable = bytes(700, seed: 1)
        let rest = bytes(5000, seed: 2)
        let segment = try disk.log.createSegment(incarnation, 1, capacity: 10_000)
        try segment.append(durable, durably: true)
        try segment.append(rest, durably: false)
        let all = durable + rest
        let padded = { (bytes: [UInt8]) in
            bytes + [UInt8](repeating: 0, count: 10_000 - bytes.count)
        }
        for policy in [CrashPolicy.processKill, .keepUnsynced] {
            #expect(try read(disk.crashed(keeping: policy, random: random)) == padded(all))
        }
        let dropped = disk.crashed(keeping: .dropUnsynced, random: random)
        #expect(try read(dropped) == padded(durable))
        var cuts: Set<Int> = []
        var tears: Set<Int> = []
        var withHole = 0
        for _ in 0..<200 {
            let prefix = try read(disk.crashed(keeping: .keepPrefix, random: random))
            let cut = prefix.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0
            #expect(prefix == padded(Array(all.prefix(cut))))
            #expect(cut >= 700)
            cuts.insert(cut)
            let torn = try read(disk.crashed(keeping: .tearAtSector, random: random))
            let tear = torn.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0
            #expect(torn == padded(Array(all.prefix(tear))))
            #expect(tear == 700 || tear % 512 == 0)
            tears.insert(tear)
            let sectors = try read(disk.crashed(keeping: .keepSectors, random: random))
            for start in stride(from: 0, to: 5700, by: 512) {
                guard start + 512 > 700 else { continue }
                let range = max(start, 700)..<min(start + 512, 5700)
                let kept = sectors[range].elementsEqual(all[range])
                #expect(kept || sectors[range].allSatisfy { $0 == 0 })
                if !kept, sectors[range.upperBound...].contains(where: { $0 != 0 }) {
                    withHole += 1
                }
            }
            #expect(Array(sectors.prefix(700)) == durable)
        }
        #expect(cuts.count > 50)
        #expect(tears.count == 11)
        #expect(withHole > 100)
    }

    @Test("a later durable append or sync makes everything before it durable")
    func laterSync() throws {
        for usesSync in [true, false] {
            let disk = MemoryDisk()
            let segment = try disk.log.createSegment(incarnation, 1, capacity: 100)
            try segment.append([1, 2], durably: false)
            if usesSync { try segment.sync() } else { try segment.append([3], durably: true) }
            try segment.append([4], durably: false)
            let next = disk.crashed(keeping: .dropUnsynced, random: SeededRandom(seed: 1))
            #expect(try Array(read(next).prefix(4)) == (usesSync ? [1, 2, 0, 0] : [1, 2, 3, 0]))
        }
    }

    @Test("what a killed process left undurable can still be lost to a later power cut")
    func killThenPower() throws {
        let disk = MemoryDisk()
        let segment = try disk.log.createSegment(incarnation, 1, capacity: 10)
        try segment.append([1, 2], durably: false)
        let random = SeededRandom(seed: 1)
        let killed = disk.crashed(keeping: .processKill, random: random)
        #expect(try read(killed).prefix(2) == [1, 2])
        let cut = killed.crashed(keeping: .dropUnsynced, random: random)
        #expect(try read(cut).prefix(2) == [0, 0])
    }

    @Test(
        "over random scripts and every policy, durable bytes survive and others are theirs or zeros"
    )
    func property() throws {
        let given = ProcessInfo.processInfo.environment
        let seed = given["SILT_SEED"].flatMap { UInt64($0) } ?? 1
        let steps = given["SILT_STEPS"].flatMap { Int($0) } ?? 60
        print("seed=\(seed) steps=\(steps)")
        for step in 0..<steps {
            let random = SeededRandom(seed: seed &+ UInt64(step))
            let disk = MemoryDisk()
            var written: [[UInt8]] = []
            var durable: [Int] = []
            for number in 1...UInt64(1 + random.next(below: 3)) {
                let segment = try disk.log.createSegment(incarnation, number, capacity: 6_000)
                var all: [UInt8] = []
                var safe = 0
                for _ in 0..<random.next(below: 10) {
                    let record = bytes(random.next(below: 600), seed: random.next())
                    let durably = random.nextBool()
                    try segment.append(record, durably: durably)
                    all += record
                    if durably { safe = all.count }
                    if random.next(below: 8) == 0 {
                        try segment.sync()
                        safe = all.count
                    }
                }
                if random.next(below: 4) == 0 {
                    try segment.close()
                    safe = all.count
                }
                written.append(all)
                durable.append(safe)
            }
            for policy in CrashPolicy.allCases {
                let next = disk.crashed(keeping: policy, random: random)
                #expect(try next.log.segments(of: incarnation).count == written.count)
                for (index, all) in written.enumerated() {
                    let image = try next.log.read(incarnation, UInt64(index + 1))
                    try #require(image.prefix(durable[index]) == all.prefix(durable[index]))
                    let matches = image[durable[index]...].enumerated().allSatisfy { place, byte in
                        let place = place + durable[index]
                        return byte == 0 || place < all.count && byte == all[place]
                    }
                    try #require(matches, "seed=\(random.seed) policy=\(policy)")
                }
            }
        }
    }
}
