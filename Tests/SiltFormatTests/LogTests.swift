import SiltBytes
import SiltFormat
import SiltModel
import Testing

@Suite("Log records")
struct LogTests {
    static let incarnation = Identifier(high: 0x0190_0000_0000_7001, low: 0x8000_0000_0000_0002)

    /// A segment as a writer makes it, with the places where its records begin.
    struct Segment {
        var bytes: [UInt8]
        var offsets: [Int] = []
        var slot: UInt64 = 0
        var durable = LogPosition(segment: 3, offset: 0)

        init() { bytes = LogSegmentHeader(incarnation: incarnation, segment: 3).encoded() }

        mutating func append(_ sections: [TestSection]) {
            var writer = ByteWriter()
            slot += 1
            offsets.append(bytes.count)
            LogRecordEncoder(incarnation: incarnation, segment: 3).append(
                sections[...], slot: slot, offset: UInt64(bytes.count), durable: durable,
                to: &writer)
            bytes += writer.bytes
        }

        mutating func appendEndMark() {
            var writer = ByteWriter()
            slot += 1
            LogRecordEncoder(incarnation: incarnation, segment: 3).appendEndMark(
                slot: slot, offset: UInt64(bytes.count), durable: durable, to: &writer)
            bytes += writer.bytes
        }
    }

    static func sections(_ number: Int) -> [TestSection] {
        var first = OperationBuffer()
        first.append(
            .put, family: 1, columnKey: CellKey.columnKey(row: Bytes("r\(number)"), qualifier: "q"),
            timestamp: nil, value: Array("value \(number)".utf8))
        first.append(
            .deleteFamily, family: 0, columnKey: CellKey.columnKey(row: "r", qualifier: ""),
            timestamp: 77, value: [])
        var second = OperationBuffer()
        second.append(
            .put, family: 2, columnKey: CellKey.columnKey(row: "x", qualifier: ""), timestamp: -5,
            timeToLiveMilliseconds: 9000, value: [1, 2])
        return [
            .init(
                region: Identifier(high: 1, low: 1), firstSequence: UInt64(number * 10),
                serverTimestamp: 1000, operations: first),
            .init(
                region: Identifier(high: 1, low: 2), firstSequence: 5, serverTimestamp: 1001,
                operations: second),
        ]
    }

    static func segment(records: Int) -> Segment {
        var segment = Segment()
        for number in 1...records { segment.append(sections(number)) }
        return segment
    }

    static func read(_ bytes: [UInt8], durable: LogPosition = .init(segment: 0, offset: 0)) throws
        -> (
            [LogRecord], LogSegmentReader.End
        )
    {
        var reader = try LogSegmentReader(bytes, durable: durable)
        var records: [LogRecord] = []
        while let record = reader.next() { records.append(record) }
        return (records, try #require(reader.end))
    }

    @Test("Records and operations read back as written")
    func roundTrip() throws {
        let segment = Self.segment(records: 3)
        let (records, end) = try Self.read(segment.bytes + [UInt8](repeating: 0, count: 1000))
        #expect(end == .clean(offset: segment.bytes.count))
        #expect(records.map(\.slot) == [1, 2, 3])
        #expect(records.map(\.offset) == segment.offsets)
        let sections = records[1].sections
        #expect(sections.map(\.operationCount) == [2, 1])
        #expect(sections[0].firstSequence == 20 && sections[1].serverTimestamp == 1001)
        #expect(
            LogRecordEncoder.byteCount(Self.sections(2)[...]) == records[1].end - records[1].offset)

        var reader = OperationReader(segment.bytes, range: sections[0].range)
        let put = try #require(try reader.next())
        #expect(put.type == 4 && put.family == 1 && put.timestamp == nil && put.flags == 2)
        #expect(Array(segment.bytes[put.key]) == CellKey.columnKey(row: "r2", qualifier: "q"))
        #expect(Array(segment.bytes[put.value]) == Array("value 2".utf8))
        let marker = try #require(try reader.next())
        #expect(marker.type == 14 && marker.timestamp == 77 && marker.value.isEmpty)
        #expect(try reader.next() == nil)
        var other = OperationReader(segment.bytes, range: sections[1].range)
        let timed = try #require(try other.next())
        #expect(timed.flags == 1 && timed.timestamp == -5 && timed.value.count == 10)
    }

    @Test("An end mark ends a segment")
    func endMark() throws {
        var segment = Self.segment(records: 2)
        segment.appendEndMark()
        let (records, end) = try Self.read(segment.bytes + [0, 0, 0])
        #expect(records.count == 2)
        #expect(end == .marked(offset: segment.bytes.count))
    }

    @Test("A cut at any byte of the last record is a torn tail, and earlier records stay")
    func tornTail() throws {
        let segment = Self.segment(records: 3)
        let last = segment.offsets[2]
        for length in (last + 1)..<(segment.bytes.count - 7) {
            for fill in [0, 200] {
                let bytes = segment.bytes[..<length] + [UInt8](repeating: 0, count: fill)
                let (records, end) = try Self.read(Array(bytes))
                #expect(records.count >= 2)
                if records.count == 2 {
                    guard case .torn(let offset, let count, _) = end else {
                        Issue.record("not torn length=\(length) end=\(end)")
                        return
                    }
                    #expect(offset == last && count > 0 && count <= length - last)
                }
            }
        }
    }

    @Test("A changed byte in a record that others follow is damage; in the last one, a torn tail")
    func damage() throws {
        let segment = Self.segment(records: 3)
        let whole = try Self.read(segment.bytes).0
        for place in LogSegmentHeader.byteCount..<segment.bytes.count {
            var copy = segment.bytes
            copy[place] ^= UInt8(1 + place % 255)
            let (records, end) = try Self.read(copy + [UInt8](repeating: 0, count: 64))
            let number = segment.offsets.lastIndex { $0 <= place } ?? 0
            if records.count == 3 {
                // Padding is not covered: the same values come out.
                #expect(records.map(\.slot) == whole.map(\.slot))
                #expect(place >= whole[number].sections[1].range.upperBound)
                continue
            }
            #expect(records.count == number)
            switch end {
            case .damaged(let offset, _): #expect(offset == segment.offsets[number] && number < 2)
            case .torn(let offset, _, _): #expect(offset == segment.offsets[2] && number == 2)
            default: Issue.record("place=\(place) end=\(end)")
            }
        }
    }

    @Test("A torn place before what was on the device is damage")
    func durableOffset() throws {
        let segment = Self.segment(records: 3)
        var copy = segment.bytes
        copy[segment.offsets[2] + 50] ^= 1
        let known = LogPosition(segment: 3, offset: UInt64(segment.bytes.count))
        guard case .damaged = try Self.read(copy, durable: known).1 else {
            Issue.record("known from elsewhere")
            return
        }
        guard case .damaged = try Self.read(copy, durable: .init(segment: 4, offset: 0)).1 else {
            Issue.record("a later segment")
            return
        }
        let before = LogPosition(segment: 3, offset: UInt64(segment.offsets[2]))
        guard case .torn = try Self.read(copy, durable: before).1 else {
            Issue.record("durable only up to the record")
            return
        }
        // Zeros where durable bytes should be are damage too: a lost end, not a clean one.
        let lost = Array(segment.bytes[..<segment.offsets[2]]) + [UInt8](repeating: 0, count: 512)
        guard case .damaged = try Self.read(lost, durable: known).1 else {
            Issue.record("a lost end")
            return
        }
    }

    @Test("The durable offset that a record carries counts for what precedes it")
    func durableInRecord() throws {
        var segment = Self.segment(records: 1)
        segment.durable.offset = UInt64(segment.bytes.count)
        segment.append(Self.sections(2))
        let reach = segment.bytes.count
        segment.durable.offset = UInt64(reach)
        segment.append(Self.sections(3))
        var reader = try LogSegmentReader(segment.bytes)
        while reader.next() != nil {}
        #expect(reader.durable == LogPosition(segment: 3, offset: UInt64(reach)))
        #expect(reader.lastSlot == 3)
    }

    @Test("A zeroed record between valid ones is damage")
    func zeroedRecord() throws {
        let segment = Self.segment(records: 3)
        var copy = segment.bytes
        for place in segment.offsets[1]..<segment.offsets[2] { copy[place] = 0 }
        let (records, end) = try Self.read(copy)
        #expect(records.count == 1)
        guard case .damaged(let offset, _) = end else {
            Issue.record("end=\(end)")
            return
        }
        #expect(offset == segment.offsets[1])
    }

    @Test("A record of another incarnation, segment or offset is not taken for one of this log")
    func foreignRecords() throws {
        let segment = Self.segment(records: 1)
        var writer = ByteWriter()
        let place = UInt64(segment.bytes.count)
        let other = Identifier(high: 9, low: 9)
        for (incarnation, number, offset) in [
            (other, UInt64(3), place), (Self.incarnation, 4, place),
            (Self.incarnation, 3, place + 8),
        ] {
            writer.removeAll()
            LogRecordEncoder(incarnation: incarnation, segment: number).append(
                Self.sections(2)[...], slot: 2, offset: offset, durable: segment.durable,
                to: &writer)
            let (records, end) = try Self.read(segment.bytes + writer.bytes)
            #expect(records.count == 1)
            guard case .torn = end else {
                Issue.record("end=\(end)")
                return
            }
        }
    }

    @Test("A whole record whose slot does not count up, or whose sections do not add up, is damage")
    func wrongButWhole() throws {
        var segment = Self.segment(records: 2)
        segment.slot = 1
        segment.append(Self.sections(3))
        let (records, end) = try Self.read(segment.bytes)
        #expect(records.count == 2)
        guard case .damaged(segment.offsets[2], let cause) = end else {
            Issue.record("end=\(end)")
            return
        }
        #expect(cause.message.contains("slot does not count up"))

        // One section more than there are, under a right checksum.
        var bytes = Self.segment(records: 1).bytes
        bytes[LogSegmentHeader.byteCount + LogRecord.headerByteCount] = 200
        var binding = ByteWriter()
        binding.write(Self.incarnation)
        binding.write(UInt64(3))
        binding.write(UInt64(40))
        let body = Int(bytes[44]) | Int(bytes[45]) << 8
        var writer = ByteWriter()
        writer.write(
            CRC32C.checksum(
                Array(bytes[44..<(80 + body)]), seed: CRC32C.checksum(binding.bytes)))
        bytes.replaceSubrange(40..<44, with: writer.bytes)
        let other = try Self.read(bytes)
        #expect(other.0.isEmpty)
        guard case .damaged(40, let reason) = other.1 else {
            Issue.record("end=\(other.1)")
            return
        }
        #expect(reason.message.contains("too many sections"))
    }

    @Test("A segment cut off before what was on the device is damage, also between records")
    func cutSegment() throws {
        let segment = Self.segment(records: 2)
        let known = LogPosition(segment: 3, offset: UInt64(segment.bytes.count + 8))
        guard case .damaged = try Self.read(segment.bytes, durable: known).1 else {
            Issue.record("cut after a record")
            return
        }
        let exact = LogPosition(segment: 3, offset: UInt64(segment.bytes.count))
        #expect(
            try Self.read(segment.bytes, durable: exact).1 == .clean(offset: segment.bytes.count))
    }

    @Test("Each changed byte of a segment header is an error")
    func header() throws {
        let bytes = LogSegmentHeader(incarnation: Self.incarnation, segment: 3).encoded()
        #expect(bytes.count == LogSegmentHeader.byteCount)
        #expect(LogSegmentReader.isUnwritten([0, 0]) && !LogSegmentReader.isUnwritten(bytes))
        for place in bytes.indices {
            var copy = bytes
            copy[place] ^= 0x41
            #expect(throws: DecodingError.self) { try LogSegmentReader(copy) }
            #expect(throws: DecodingError.self) { try LogSegmentReader(Array(bytes[..<place])) }
        }
    }

    @Test("Random bytes after a header, and random operations, never trap")
    func garbage() throws {
        var random = SeededRandom(seed: TestRun.seed)
        let header = LogSegmentHeader(incarnation: Self.incarnation, segment: 3).encoded()
        for _ in 0..<TestRun.steps {
            var bytes = header + random.bytes(random.below(2000))
            if bytes.count > 60 {
                bytes.replaceSubrange(
                    44..<52, with: [UInt8(random.below(255)), 0, 0, 0, 0x53, 0x4c, 1, 1])
            }
            let (records, _) = try Self.read(bytes)
            #expect(records.isEmpty)
            var reader = OperationReader(bytes, range: 0..<bytes.count)
            while let operation = try? reader.next() {
                #expect(operation.value.upperBound <= bytes.count)
            }
        }
    }
}
