import SiltBytes
import Testing

@Suite struct ByteReaderTests {
    @Test("what was written is read back")
    func roundTrip() throws {
        var writer = ByteWriter(capacity: 100)
        writer.write(UInt8(0xab))
        writer.write(UInt16(0x1234))
        writer.write(UInt32(0xdead_beef))
        writer.write(UInt64.max - 1)
        writer.write(Int64.min)
        writer.writeVarint(300)
        writer.writeSignedVarint(-3)
        writer.writeSized([1, 2, 3])
        writer.writeSized("naïve")
        writer.write(contentsOf: [9, 9])
        var reader = ByteReader(writer.bytes)
        #expect(try reader.readUInt8() == 0xab)
        #expect(try reader.readUInt16() == 0x1234)
        #expect(try reader.readUInt32() == 0xdead_beef)
        #expect(try reader.readUInt64() == UInt64.max - 1)
        #expect(try reader.readInt64() == Int64.min)
        #expect(try reader.readVarint() == 300)
        #expect(try reader.readSignedVarint() == -3)
        #expect(try reader.readSized() == [1, 2, 3])
        #expect(try reader.readSizedString() == "naïve")
        try reader.skip(1)
        #expect(try reader.readBytes(1) == [9])
        #expect(reader.isAtEnd)
    }

    @Test("integers are little-endian and varints LEB128 and zigzag")
    func layout() {
        var writer = ByteWriter()
        writer.write(UInt32(1))
        writer.writeVarint(300)
        writer.writeSignedVarint(-1)
        writer.writeSignedVarint(1)
        #expect(writer.bytes == [1, 0, 0, 0, 0xac, 0x02, 1, 2])
        writer.overwrite(0x0403_0201 as UInt32, at: 2)
        #expect(writer.bytes == [1, 0, 1, 2, 3, 4, 1, 2])
        writer.removeAll()
        #expect(writer.count == 0)
    }

    @Test("varints of every size go back and forth")
    func varints() throws {
        var values: [UInt64] = [0, .max]
        for shift in 0..<64 { values += [1 << UInt64(shift), (1 << UInt64(shift)) - 1] }
        for value in values {
            var writer = ByteWriter()
            writer.writeVarint(value)
            writer.writeSignedVarint(Int64(bitPattern: value))
            #expect(writer.count <= 20)
            var reader = ByteReader(writer.bytes)
            #expect(try reader.readVarint() == value)
            #expect(try reader.readSignedVarint() == Int64(bitPattern: value))
        }
    }

    @Test(
        "a varint that does not end or does not fit is refused",
        arguments: [
            [], [0x80], [UInt8](repeating: 0xff, count: 9), [UInt8](repeating: 0xff, count: 10),
            [UInt8](repeating: 0x80, count: 9) + [2], [UInt8](repeating: 0x80, count: 11),
        ] as [[UInt8]])
    func badVarints(_ bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        #expect(throws: DecodingError.self) { try reader.readVarint() }
    }

    @Test("reads past the end are errors at the place where they began, and take nothing")
    func pastTheEnd() throws {
        var reader = ByteReader([0, 1, 2, 3, 4], range: 1..<4, baseOffset: 100)
        #expect(try reader.readUInt8() == 1)
        let error = try #require(throws: DecodingError.self) { try reader.readUInt32() }
        #expect(error.offset == 102)
        #expect(throws: DecodingError.self) { try reader.readBytes(3) }
        #expect(throws: DecodingError.self) { try reader.readBytes(-1) }
        #expect(throws: DecodingError.self) { try reader.skip(3) }
        #expect(throws: DecodingError.self) { try reader.skip(-1) }
        #expect(throws: DecodingError.self) { try reader.readUInt64() }
        #expect(throws: DecodingError.self) { try reader.readIdentifier() }
        #expect(try reader.readBytes(2) == [2, 3])
        #expect(reader.remaining == 0)
        #expect(throws: DecodingError.self) { try reader.readUInt8() }
    }

    @Test("lengths from the bytes are held against what is there")
    func lengths() throws {
        var huge = ByteWriter()
        huge.writeVarint(.max)
        var reader = ByteReader(huge.bytes)
        #expect(throws: DecodingError.self) { try reader.readSized() }
        reader = ByteReader([5, 1, 2])
        #expect(throws: DecodingError.self) { try reader.readSized() }
        reader = ByteReader([5])
        #expect(try reader.readCount(limit: 5) == 5)
        reader = ByteReader([5])
        let error = try #require(throws: DecodingError.self) { try reader.readCount(limit: 4) }
        #expect(error.offset == 0)
        #expect(error.description.hasSuffix("offset=0"))
        reader = ByteReader([2, 0xc3, 0x28])
        #expect(throws: DecodingError.self) { try reader.readSizedString() }
    }

    @Test("arbitrary bytes never trap")
    func arbitrary() {
        for seed in 0..<300 {
            var reader = ByteReader(pseudoRandomBytes(40, seed: UInt64(seed)))
            while (try? reader.readSized()) != nil, (try? reader.readSignedVarint()) != nil {}
            #expect(reader.offset <= 40)
        }
    }
}
