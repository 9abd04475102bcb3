internal import SiltBytes

/// Where the sections of a data block lie; computed from its header, by builder and view alike.
///
/// Part of the format: docs/format/block.md.
@usableFromInline
package struct BlockLayout: Sendable {
    /// The layout's version, the first byte of a block.
    static let version: UInt8 = 1
    /// The bytes before the first section.
    static let headerByteCount = 48
    /// The most bytes that a block may have before compression.
    static let byteCountMax = 64 << 20

    static let hasTypes: UInt8 = 1
    static let hasFlags: UInt8 = 2
    static let hasPrefixLengths: UInt8 = 4

    @usableFromInline var entryCount = 0
    @usableFromInline var keyCount = 0
    @usableFromInline var commonByteCount = 0
    @usableFromInline var restByteCount = 0
    @usableFromInline var valueByteCount = 0
    @usableFromInline var timestampWidth = 0
    @usableFromInline var sequenceWidth = 0
    @usableFromInline var restOffsetWidth = 0
    @usableFromInline var valueOffsetWidth = 0
    @usableFromInline var keyNumberWidth = 0
    @usableFromInline var columns: UInt8 = 0
    @usableFromInline var type: UInt8 = 0
    @usableFromInline var flags: UInt8 = 0
    @usableFromInline var timestampBase: Int64 = 0
    @usableFromInline var sequenceBase: UInt64 = 0

    // Section offsets, in the order of the sections.
    @usableFromInline var timestamps = 0
    @usableFromInline var sequences = 0
    @usableFromInline var restOffsets = 0
    @usableFromInline var valueOffsets = 0
    @usableFromInline var keyNumbers = 0
    @usableFromInline var types = 0
    @usableFromInline var flagBytes = 0
    @usableFromInline var prefixLengths = 0
    @usableFromInline var common = 0
    @usableFromInline var rests = 0
    @usableFromInline var values = 0
    @usableFromInline var end = 0
    /// The length of every key rest when there are no rest offsets.
    @usableFromInline var fixedRestByteCount = 0
    /// The length of every value when there are no value offsets.
    @usableFromInline var fixedValueByteCount = 0

    init() {}

    /// Sets the section offsets from counts and widths.
    ///
    /// Counts are at most 32 bits wide, so that nothing overflows.
    mutating func place() {
        timestamps = Self.headerByteCount + keyCount * 8
        sequences = timestamps + entryCount * timestampWidth
        restOffsets = sequences + entryCount * sequenceWidth
        valueOffsets = restOffsets + (keyCount + 1) * restOffsetWidth
        keyNumbers = valueOffsets + (entryCount + 1) * valueOffsetWidth
        types = keyNumbers + entryCount * keyNumberWidth
        flagBytes = types + (columns & Self.hasTypes != 0 ? entryCount : 0)
        prefixLengths = flagBytes + (columns & Self.hasFlags != 0 ? entryCount : 0)
        common = prefixLengths + (columns & Self.hasPrefixLengths != 0 ? keyCount : 0)
        rests = common + commonByteCount
        values = rests + restByteCount
        end = values + valueByteCount
        fixedRestByteCount = keyCount == 0 ? 0 : restByteCount / keyCount
        fixedValueByteCount = entryCount == 0 ? 0 : valueByteCount / entryCount
    }

    /// Writes the 48 bytes of the header.
    func writeHeader(to writer: inout ByteWriter) {
        writer.write(Self.version)
        writer.write(UInt8(timestampWidth))
        writer.write(UInt8(sequenceWidth))
        writer.write(UInt8(restOffsetWidth))
        writer.write(UInt8(valueOffsetWidth))
        writer.write(UInt8(keyNumberWidth))
        writer.write(columns)
        writer.write(type)
        writer.write(flags)
        writer.write(contentsOf: [0, 0, 0])
        writer.write(UInt32(entryCount))
        writer.write(UInt32(keyCount))
        writer.write(UInt32(commonByteCount))
        writer.write(UInt32(restByteCount))
        writer.write(UInt32(valueByteCount))
        writer.write(timestampBase)
        writer.write(sequenceBase)
    }

    /// Reads and checks a header; `blockByteCount` must be the block's exact size, if it is known.
    init(reading header: [UInt8], blockByteCount: Int?) throws(DecodingError) {
        // Safety: the buffer is used only inside the closure.
        self = try unsafe header.withUnsafeBufferPointer { bytes throws(DecodingError) in
            try unsafe BlockLayout(
                reading: UnsafeRawBufferPointer(bytes), blockByteCount: blockByteCount)
        }
    }

    /// The same of a block in memory, without a copy: every read of the disk makes one of these.
    init(reading block: UnsafeRawBufferPointer, blockByteCount: Int?) throws(DecodingError) {
        precondition(block.count >= Self.headerByteCount)
        // Safety: every offset lies within the header, of which all bytes are there.
        func byte(_ offset: Int) -> UInt8 {
            unsafe block.load(fromByteOffset: offset, as: UInt8.self)
        }
        func number(_ offset: Int) -> Int {
            unsafe Int(
                UInt32(
                    littleEndian: block.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
        }
        func word(_ offset: Int) -> UInt64 {
            unsafe UInt64(
                littleEndian: block.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
        guard byte(0) == Self.version else {
            throw DecodingError(offset: 0, "block version is unknown version=\(byte(0))")
        }
        timestampWidth = try Self.width(byte(1), at: 1, allowsBytes: true)
        sequenceWidth = try Self.width(byte(2), at: 2, allowsBytes: true)
        restOffsetWidth = try Self.width(byte(3), at: 3, allowsBytes: false)
        valueOffsetWidth = try Self.width(byte(4), at: 4, allowsBytes: false)
        keyNumberWidth = try Self.width(byte(5), at: 5, allowsBytes: false)
        columns = byte(6)
        type = byte(7)
        flags = byte(8)
        guard columns <= 7, byte(9) | byte(10) | byte(11) == 0 else {
            throw DecodingError(offset: 6, "block header has unknown bits")
        }
        entryCount = number(12)
        keyCount = number(16)
        commonByteCount = number(20)
        restByteCount = number(24)
        valueByteCount = number(28)
        timestampBase = Int64(bitPattern: word(32))
        sequenceBase = word(40)
        place()
        guard end == blockByteCount ?? min(end, Self.byteCountMax) else {
            throw DecodingError(
                offset: 12,
                "block sections do not fill the block wanted=\(end) got=\(blockByteCount ?? Self.byteCountMax)"
            )
        }
        try checkCounts()
    }

    private func checkCounts() throws(DecodingError) {
        guard keyCount <= entryCount, (keyCount == 0) == (entryCount == 0) else {
            throw DecodingError(offset: 16, "block has a wrong number of keys keys=\(keyCount)")
        }
        guard keyNumberWidth != 0 || keyCount == entryCount else {
            throw DecodingError(offset: 5, "block has no key numbers but repeated keys")
        }
        guard restOffsetWidth != 0 || fixedRestByteCount * keyCount == restByteCount else {
            throw DecodingError(offset: 24, "block keys do not divide evenly")
        }
        guard valueOffsetWidth != 0 || fixedValueByteCount * entryCount == valueByteCount else {
            throw DecodingError(offset: 28, "block values do not divide evenly")
        }
    }

    /// The width of a column of numbers; columns of one byte or eight are not for offsets.
    private static func width(_ code: UInt8, at offset: Int, allowsBytes: Bool)
        throws(DecodingError) -> Int
    {
        switch code {
        case 0, 2, 4: return Int(code)
        case 1, 8: if allowsBytes { return Int(code) }
        default: break
        }
        throw DecodingError(offset: offset, "block column width is unknown width=\(code)")
    }
}
