/// A checked `BlockLayout` in two cache lines: each block in memory has one, and a seek waits for it.
///
/// Blocks have fewer than 2³² bytes. Part of the format: docs/format/block.md.
@usableFromInline
struct BlockPlaces: Sendable {
    @usableFromInline let timestampBase: Int64
    @usableFromInline let sequenceBase: UInt64
    @usableFromInline let storedEntryCount: UInt32
    @usableFromInline let storedKeyCount: UInt32
    @usableFromInline let storedCommonByteCount: UInt32
    @usableFromInline let storedRestByteCount: UInt32
    @usableFromInline let storedValueByteCount: UInt32
    @usableFromInline let storedTimestamps: UInt32
    @usableFromInline let storedSequences: UInt32
    @usableFromInline let storedRestOffsets: UInt32
    @usableFromInline let storedValueOffsets: UInt32
    @usableFromInline let storedKeyNumbers: UInt32
    @usableFromInline let storedTypes: UInt32
    @usableFromInline let storedFlagBytes: UInt32
    @usableFromInline let storedPrefixLengths: UInt32
    @usableFromInline let storedCommon: UInt32
    @usableFromInline let storedRests: UInt32
    @usableFromInline let storedValues: UInt32
    @usableFromInline let storedFixedRestByteCount: UInt32
    @usableFromInline let storedFixedValueByteCount: UInt32
    @usableFromInline let storedTimestampWidth: UInt8
    @usableFromInline let storedSequenceWidth: UInt8
    @usableFromInline let storedRestOffsetWidth: UInt8
    @usableFromInline let storedValueOffsetWidth: UInt8
    @usableFromInline let storedKeyNumberWidth: UInt8
    @usableFromInline let columns: UInt8
    @usableFromInline let type: UInt8
    @usableFromInline let flags: UInt8

    /// The places of a layout that was checked against its block's size.
    init(_ layout: BlockLayout) {
        timestampBase = layout.timestampBase
        sequenceBase = layout.sequenceBase
        columns = layout.columns
        type = layout.type
        flags = layout.flags
        storedEntryCount = UInt32(layout.entryCount)
        storedKeyCount = UInt32(layout.keyCount)
        storedCommonByteCount = UInt32(layout.commonByteCount)
        storedRestByteCount = UInt32(layout.restByteCount)
        storedValueByteCount = UInt32(layout.valueByteCount)
        storedTimestamps = UInt32(layout.timestamps)
        storedSequences = UInt32(layout.sequences)
        storedRestOffsets = UInt32(layout.restOffsets)
        storedValueOffsets = UInt32(layout.valueOffsets)
        storedKeyNumbers = UInt32(layout.keyNumbers)
        storedTypes = UInt32(layout.types)
        storedFlagBytes = UInt32(layout.flagBytes)
        storedPrefixLengths = UInt32(layout.prefixLengths)
        storedCommon = UInt32(layout.common)
        storedRests = UInt32(layout.rests)
        storedValues = UInt32(layout.values)
        storedFixedRestByteCount = UInt32(layout.fixedRestByteCount)
        storedFixedValueByteCount = UInt32(layout.fixedValueByteCount)
        storedTimestampWidth = UInt8(layout.timestampWidth)
        storedSequenceWidth = UInt8(layout.sequenceWidth)
        storedRestOffsetWidth = UInt8(layout.restOffsetWidth)
        storedValueOffsetWidth = UInt8(layout.valueOffsetWidth)
        storedKeyNumberWidth = UInt8(layout.keyNumberWidth)
    }

    @inlinable @inline(__always) var entryCount: Int { Int(storedEntryCount) }
    @inlinable @inline(__always) var keyCount: Int { Int(storedKeyCount) }
    @inlinable @inline(__always) var commonByteCount: Int { Int(storedCommonByteCount) }
    @inlinable @inline(__always) var restByteCount: Int { Int(storedRestByteCount) }
    @inlinable @inline(__always) var valueByteCount: Int { Int(storedValueByteCount) }
    @inlinable @inline(__always) var timestamps: Int { Int(storedTimestamps) }
    @inlinable @inline(__always) var sequences: Int { Int(storedSequences) }
    @inlinable @inline(__always) var restOffsets: Int { Int(storedRestOffsets) }
    @inlinable @inline(__always) var valueOffsets: Int { Int(storedValueOffsets) }
    @inlinable @inline(__always) var keyNumbers: Int { Int(storedKeyNumbers) }
    @inlinable @inline(__always) var types: Int { Int(storedTypes) }
    @inlinable @inline(__always) var flagBytes: Int { Int(storedFlagBytes) }
    @inlinable @inline(__always) var prefixLengths: Int { Int(storedPrefixLengths) }
    @inlinable @inline(__always) var common: Int { Int(storedCommon) }
    @inlinable @inline(__always) var rests: Int { Int(storedRests) }
    @inlinable @inline(__always) var values: Int { Int(storedValues) }
    @inlinable @inline(__always) var fixedRestByteCount: Int { Int(storedFixedRestByteCount) }
    @inlinable @inline(__always) var fixedValueByteCount: Int { Int(storedFixedValueByteCount) }
    @inlinable @inline(__always) var timestampWidth: Int { Int(storedTimestampWidth) }
    @inlinable @inline(__always) var sequenceWidth: Int { Int(storedSequenceWidth) }
    @inlinable @inline(__always) var restOffsetWidth: Int { Int(storedRestOffsetWidth) }
    @inlinable @inline(__always) var valueOffsetWidth: Int { Int(storedValueOffsetWidth) }
    @inlinable @inline(__always) var keyNumberWidth: Int { Int(storedKeyNumberWidth) }
}
