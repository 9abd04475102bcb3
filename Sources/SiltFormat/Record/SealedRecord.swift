internal import SiltBytes

/// The frame of every object that is one record: magic (8 bytes), version (u32), body length
/// (u64), body, CRC-32C of all before it.
///
/// Part of the format: the first page of docs/format.
enum SealedRecord {
    static let headerByteCount = 20

    /// A whole object.
    static func seal(magic: String, version: UInt32, _ body: [UInt8]) -> [UInt8] {
        var writer = ByteWriter(capacity: headerByteCount + body.count + 4)
        writer.write(
            contentsOf: header(magic: magic, version: version, bodyCount: body.count))
        writer.write(contentsOf: body)
        writer.write(CRC32C.checksum(writer.bytes))
        return writer.bytes
    }

    /// What comes before a body of so many bytes.
    static func header(magic: String, version: UInt32, bodyCount: Int) -> [UInt8] {
        var writer = ByteWriter(capacity: headerByteCount)
        writer.write(contentsOf: magic.utf8)
        writer.write(version)
        writer.write(UInt64(bodyCount))
        return writer.bytes
    }

    /// The version under which an object that `open` found right was written.
    static func version(of bytes: [UInt8]) -> UInt32 {
        var reader = ByteReader(bytes, range: min(8, bytes.count)..<bytes.count)
        return (try? reader.readUInt32()) ?? 0
    }

    /// A reader over the body of an object, after magic, version, size and checksum were found
    /// right.
    static func open(magic: String, version known: UInt32, _ bytes: [UInt8]) throws(DecodingError)
        -> ByteReader
    {
        var reader = ByteReader(bytes)
        let name = magic.dropLast()
        guard bytes.count >= headerByteCount + 4 else {
            throw DecodingError(offset: 0, "record is too short kind=\(name) size=\(bytes.count)")
        }
        let found = try reader.readBytes(8)
        guard found == Array(magic.utf8) else {
            throw DecodingError(offset: 0, "record has no magic kind=\(name)")
        }
        let version = try reader.readUInt32()
        guard version <= known, version > 0 else {
            throw DecodingError(
                offset: 8,
                "written by a newer version of siltstone kind=\(name) version=\(version) known=\(known)"
            )
        }
        guard try reader.readUInt64() == UInt64(bytes.count - headerByteCount - 4) else {
            throw DecodingError(
                offset: 12, "record has a wrong size kind=\(name) size=\(bytes.count)")
        }
        let end = bytes.count - 4
        var tail = ByteReader(bytes, range: end..<bytes.count)
        guard try tail.readUInt32() == CRC32C.checksum(Array(bytes[..<end])) else {
            throw DecodingError(offset: end, "record checksum is wrong kind=\(name)")
        }
        return ByteReader(bytes, range: headerByteCount..<end)
    }
}

extension ByteReader {
    /// Reads how many elements follow, each of at least one byte.
    mutating func readElementCount() throws(DecodingError) -> Int {
        try readCount(limit: remaining)
    }

    /// Reads a varint that must fit an `Int`.
    mutating func readInt() throws(DecodingError) -> Int { try readCount(limit: .max) }

    /// Reads one byte that must be 0 or 1.
    mutating func readBool() throws(DecodingError) -> Bool {
        let value = try readUInt8()
        guard value <= 1 else { throw error("flag is neither 0 nor 1 value=\(value)") }
        return value == 1
    }

    /// Fails when bytes are left.
    func finish() throws(DecodingError) {
        guard isAtEnd else { throw error("bytes after the end left=\(remaining)") }
    }

    /// Reads attributes: a count, then name and value each.
    mutating func readAttributes() throws(DecodingError) -> [String: String] {
        var attributes: [String: String] = [:]
        for _ in 0..<(try readElementCount()) {
            let name = try readSizedString()
            attributes[name] = try readSizedString()
        }
        return attributes
    }
}

extension ByteWriter {
    /// Appends attributes in the order of their names.
    mutating func writeAttributes(_ attributes: [String: String]) {
        writeVarint(UInt64(attributes.count))
        for (name, value) in attributes.sorted(by: { $0.key < $1.key }) {
            writeSized(name)
            writeSized(value)
        }
    }

    /// Appends one byte, 0 or 1.
    mutating func write(_ value: Bool) { write(UInt8(value ? 1 : 0)) }
}
