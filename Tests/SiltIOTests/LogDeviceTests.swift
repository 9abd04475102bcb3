import SiltBytes
import SiltIO
import SiltModel
import Testing

@Suite struct LogDeviceTests {
    @Test(
        "durable and other appends may be mixed and read back in order",
        arguments: StorageBacking.allCases)
    func mixed(_ backing: StorageBacking) throws {
        try backing.with { _, log in
            let segment = try log.createSegment(incarnation, 1, capacity: 100_000)
            #expect(segment.capacity == 100_000)
            #expect(segment.byteCount == 0)
            var expected: [UInt8] = []
            var random = Xoshiro256(seed: 7)
            for index in 0..<60 {
                let record = bytes(Int(random.next() % 1500), seed: UInt64(index))
                try segment.append(record, durably: random.next() & 3 == 0)
                expected += record
                #expect(segment.byteCount == expected.count)
                if index % 16 == 0 { try segment.sync() }
                #expect(try Array(log.read(incarnation, 1).prefix(expected.count)) == expected)
            }
            let all = try log.read(incarnation, 1)
            #expect(all.count == 100_000)
            #expect(all[expected.count...].allSatisfy { $0 == 0 })
            try segment.close()
            try segment.close()
            #expect(try log.read(incarnation, 1) == expected)
            #expect(code { try segment.append([1], durably: true) } == .closed)
            #expect(code { try segment.sync() } == .closed)
        }
    }

    @Test("a segment takes exactly its capacity", arguments: StorageBacking.allCases)
    func capacity(_ backing: StorageBacking) throws {
        try backing.with { _, log in
            for durably in [false, true] {
                let number: UInt64 = durably ? 1 : 2
                let segment = try log.createSegment(incarnation, number, capacity: 4097)
                try segment.append(bytes(4000), durably: durably)
                #expect(
                    code { try segment.append(bytes(98), durably: durably) } == .invalidArgument)
                try segment.append(bytes(97), durably: durably)
                #expect(code { try segment.append([1], durably: durably) } == .invalidArgument)
                try segment.append([], durably: durably)
                #expect(segment.byteCount == 4097)
                #expect(try log.read(incarnation, number) == bytes(4000) + bytes(97))
            }
            #expect(
                code { _ = try log.createSegment(incarnation, 3, capacity: 0) } == .invalidArgument)
        }
    }

    @Test(
        "segments are listed in order and trimmed from the front",
        arguments: StorageBacking.allCases)
    func trimming(_ backing: StorageBacking) throws {
        try backing.with { _, log in
            #expect(try log.incarnations() == [])
            #expect(try log.segments(of: incarnation) == [])
            for number: UInt64 in [10, 2, 1, 11] {
                _ = try log.createSegment(laterIncarnation, number, capacity: 10)
            }
            _ = try log.createSegment(incarnation, 5, capacity: 10)
            #expect(
                code { _ = try log.createSegment(incarnation, 5, capacity: 10) } == .alreadyExists)
            #expect(try log.incarnations() == [incarnation, laterIncarnation])
            #expect(try log.segments(of: laterIncarnation) == [1, 2, 10, 11])
            try log.trim(laterIncarnation, below: 10)
            #expect(try log.segments(of: laterIncarnation) == [10, 11])
            try log.trim(incarnation, below: .max)
            #expect(try log.incarnations() == [laterIncarnation])
            #expect(code { _ = try log.read(incarnation, 5) } == .notFound)
            try log.trim(laterIncarnation, below: 12)
            #expect(try log.incarnations() == [])
            try log.trim(incarnation, below: .max)
            _ = try log.createSegment(incarnation, 6, capacity: 10)
            #expect(try log.incarnations() == [incarnation])
        }
    }
}
