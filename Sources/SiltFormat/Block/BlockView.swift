package import SiltBytes

// Safety: a view only reads, and its owner promises that nobody writes.
/// A data block in memory, searched and read where it lies.
///
/// Its header, sections and offsets are checked once, when the view is made; afterwards every
/// index in
/// `0..<count` is read without checks. The bytes must stay in place and unchanged while the view is
/// used: whoever holds the memory holds the view beside it. Part of the format:
/// docs/format/block.md.
@safe
package struct BlockView: @unchecked Sendable {
    @usableFromInline let base: UnsafeRawPointer
    @usableFromInline let layout: BlockPlaces

    /// Checks the block in `buffer`.
    ///
    /// Linear in the number of entries.
    package init(_ buffer: UnsafeRawBufferPointer) throws(DecodingError) {
        // Safety: all of the buffer is there.
        try unsafe self.init(buffer) { _ throws(DecodingError) in }
    }

    /// Checks a block of which nothing need be there but what `restore` was asked for: so many bytes of its beginning.
    ///
    /// It is asked for everything but the values, which are the caller's matter.
    package init(
        _ buffer: UnsafeRawBufferPointer, restore: (Int) throws(DecodingError) -> Void
    ) throws(DecodingError) {
        guard buffer.count >= BlockLayout.headerByteCount, let start = buffer.baseAddress else {
            throw DecodingError(offset: 0, "block is too short size=\(buffer.count)")
        }
        guard buffer.count <= BlockLayout.byteCountMax else {
            throw DecodingError(offset: 0, "block is too long size=\(buffer.count)")
        }
        try restore(BlockLayout.headerByteCount)
        // Safety: the guard found room for a header, which was restored.
        let checked = try unsafe BlockLayout(reading: buffer, blockByteCount: buffer.count)
        try restore(checked.values)
        layout = BlockPlaces(checked)
        unsafe base = start
        try verifyOffsets()
    }

    /// The number of entries.
    @inlinable package var count: Int { layout.entryCount }

    /// The time stamp of entry `index`.
    @inlinable @inline(__always)
    package func timestamp(_ index: Int) -> Int64 {
        layout.timestampBase
            &+ Int64(bitPattern: load(layout.timestamps, index, width: layout.timestampWidth))
    }

    /// The sequence number of entry `index`.
    @inlinable @inline(__always)
    package func sequence(_ index: Int) -> UInt64 {
        layout.sequenceBase &+ load(layout.sequences, index, width: layout.sequenceWidth)
    }

    /// The type code of entry `index`; a `CellType` unless the block was damaged before its
    /// checksum.
    @inlinable @inline(__always)
    package func type(_ index: Int) -> UInt8 {
        layout.columns & 1 == 0
            ? layout.type : UInt8(truncatingIfNeeded: load(layout.types, index, width: 1))
    }

    /// The flags of entry `index`.
    @inlinable @inline(__always)
    package func flags(_ index: Int) -> UInt8 {
        layout.columns & 2 == 0
            ? layout.flags : UInt8(truncatingIfNeeded: load(layout.flagBytes, index, width: 1))
    }

    /// The value of entry `index`, valid as long as the block.
    @inlinable @inline(__always)
    package func value(_ index: Int) -> UnsafeRawBufferPointer {
        let start: Int
        let end: Int
        if layout.valueOffsetWidth == 0 {
            start = index &* layout.fixedValueByteCount
            end = start &+ layout.fixedValueByteCount
        } else {
            start = Int(
                truncatingIfNeeded: load(layout.valueOffsets, index, width: layout.valueOffsetWidth)
            )
            end = Int(
                truncatingIfNeeded: load(
                    layout.valueOffsets, index &+ 1, width: layout.valueOffsetWidth))
        }
        // Safety: `verifyOffsets` found the offsets ascending and within the value section.
        return unsafe UnsafeRawBufferPointer(
            start: base + layout.values + start, count: end &- start)
    }

    /// The number of the column key of entry `index`; consecutive entries of one column have the
    /// same.
    @inlinable @inline(__always)
    package func keyNumber(_ index: Int) -> Int {
        layout.keyNumberWidth == 0
            ? index
            : Int(truncatingIfNeeded: load(layout.keyNumbers, index, width: layout.keyNumberWidth))
    }

    /// What all column keys of the block begin with.
    @inlinable package var commonPrefix: UnsafeRawBufferPointer {
        // Safety: the layout places the section within the block.
        unsafe UnsafeRawBufferPointer(start: base + layout.common, count: layout.commonByteCount)
    }

    /// The length of the column key of entry `index`.
    @inlinable @inline(__always)
    package func columnKeyByteCount(_ index: Int) -> Int {
        let number = keyNumber(index)
        let rest = restRange(number)
        return layout.commonByteCount &+ prefixByteCount(number) &+ rest.end &- rest.start
    }

    /// Copies the column key of entry `index` to `target`, which has room for it, and returns its
    /// length.
    @inlinable @inline(__always)
    package func copyColumnKey(_ index: Int, to target: UnsafeMutableRawPointer) -> Int {
        // Safety: the caller gives room for `columnKeyByteCount(index)` bytes.
        unsafe target.copyMemory(from: base + layout.common, byteCount: layout.commonByteCount)
        return unsafe layout.commonByteCount
            &+ copyKeyTail(keyNumber(index), to: target + layout.commonByteCount)
    }

    /// Copies what follows the common prefix in column key `number`, and returns its length.
    @inlinable @inline(__always)
    package func copyKeyTail(_ number: Int, to target: UnsafeMutableRawPointer) -> Int {
        let prefix = prefixByteCount(number)
        let rest = restRange(number)
        // Safety: the caller gives room for the tail; the source ranges were verified.
        unsafe target.copyMemory(from: base + 48 + number &* 8, byteCount: prefix)
        unsafe (target + prefix).copyMemory(
            from: base + layout.rests + rest.start, byteCount: rest.end &- rest.start)
        return prefix &+ rest.end &- rest.start
    }

    /// The column key of entry `index`, copied.
    package func columnKey(_ index: Int) -> [UInt8] {
        let length = columnKeyByteCount(index)
        // Safety: the key's bytes are all written, see inside.
        return unsafe [UInt8](unsafeUninitializedCapacity: length) { buffer, initialized in
            // Safety: the buffer has room for `length` bytes.
            if let target = buffer.baseAddress {
                initialized = unsafe copyColumnKey(index, to: UnsafeMutableRawPointer(target))
            }
        }
    }

    /// The cell key of entry `index`, copied.
    package func cellKey(_ index: Int) -> [UInt8] {
        var key = columnKey(index)
        CellKey.appendTail(
            timestamp: timestamp(index), type: type(index), sequence: sequence(index), to: &key)
        return key
    }

    /// How many bytes of column key `number` the prefix column holds: 8 unless the key is shorter.
    @inlinable @inline(__always)
    package func prefixByteCount(_ number: Int) -> Int {
        layout.columns & 4 == 0
            ? 8 : Int(truncatingIfNeeded: load(layout.prefixLengths, number, width: 1))
    }

    /// Where the bytes of column key `number` after its 8-byte prefix lie in the rest section.
    @inlinable @inline(__always)
    package func restRange(_ number: Int) -> (start: Int, end: Int) {
        if layout.restOffsetWidth == 0 {
            let start = number &* layout.fixedRestByteCount
            return (start, start &+ layout.fixedRestByteCount)
        }
        return (
            Int(
                truncatingIfNeeded: load(layout.restOffsets, number, width: layout.restOffsetWidth)),
            Int(
                truncatingIfNeeded: load(
                    layout.restOffsets, number &+ 1, width: layout.restOffsetWidth))
        )
    }

    /// The first 8 bytes after the common prefix of column key `number`, as a number that compares
    /// alike.
    @inlinable @inline(__always)
    package func prefix(_ number: Int) -> UInt64 {
        // Safety: the prefix section has `keyCount` words from offset 48.
        unsafe UInt64(
            bigEndian: base.loadUnaligned(fromByteOffset: 48 &+ number &* 8, as: UInt64.self))
    }

    /// Entry `index` of a column of unsigned little-endian numbers.
    @inlinable @inline(__always)
    func load(_ section: Int, _ index: Int, width: Int) -> UInt64 {
        // Safety: the layout gives each section room for its entries, all within the block.
        switch width {
        case 0: 0
        case 1: unsafe UInt64(base.load(fromByteOffset: section &+ index, as: UInt8.self))
        case 2:
            unsafe UInt64(
                UInt16(
                    littleEndian: base.loadUnaligned(
                        fromByteOffset: section &+ index &* 2, as: UInt16.self)))
        case 4:
            unsafe UInt64(
                UInt32(
                    littleEndian: base.loadUnaligned(
                        fromByteOffset: section &+ index &* 4, as: UInt32.self)))
        default:
            unsafe UInt64(
                littleEndian: base.loadUnaligned(
                    fromByteOffset: section &+ index &* 8, as: UInt64.self))
        }
    }
}

extension BlockView {
    /// Checks what later accesses rely on: offsets ascend from 0 to their section's size, key
    /// numbers count up from 0 by at most 1, short prefixes have no rest.
    private func verifyOffsets() throws(DecodingError) {
        try verifyAscending(
            layout.restOffsets, count: layout.keyCount, width: layout.restOffsetWidth,
            total: layout.restByteCount)
        try verifyAscending(
            layout.valueOffsets, count: layout.entryCount, width: layout.valueOffsetWidth,
            total: layout.valueByteCount)
        if layout.keyNumberWidth != 0 {
            var previous: UInt64 = 0
            for index in 0..<layout.entryCount {
                let number = load(layout.keyNumbers, index, width: layout.keyNumberWidth)
                guard number == previous || number == previous &+ 1 && index > 0 else {
                    throw DecodingError(
                        offset: layout.keyNumbers, "block key numbers are not ascending")
                }
                previous = number
            }
            guard Int(previous) == max(0, layout.keyCount - 1) else {
                throw DecodingError(
                    offset: layout.keyNumbers, "block key numbers do not reach the end")
            }
        }
        if layout.columns & BlockLayout.hasPrefixLengths != 0 {
            for number in 0..<layout.keyCount {
                let length = load(layout.prefixLengths, number, width: 1)
                let rest = restRange(number)
                guard length == 8 || length < 8 && rest.start == rest.end else {
                    throw DecodingError(
                        offset: layout.prefixLengths, "block key prefix is too long")
                }
            }
        }
    }

    private func verifyAscending(_ section: Int, count: Int, width: Int, total: Int)
        throws(DecodingError)
    {
        if width == 0 { return }
        let first = load(section, 0, width: width)
        let last = load(section, count, width: width)
        let isAscending =
            width == 2
            ? ascends(section, count, UInt16.self) : ascends(section, count, UInt32.self)
        guard first == 0, isAscending, Int(last) == total else {
            throw DecodingError(
                offset: section, "block offsets are not ascending to their section's end")
        }
    }

    /// Whether none of a section's numbers is above the one after it; several are compared at once.
    @inline(__always)
    private func ascends<Number: FixedWidthInteger & BitwiseCopyable>(
        _ section: Int, _ count: Int, _: Number.Type
    ) -> Bool {
        // Safety: the layout gave the section room for `count + 1` numbers of this size.
        var descents: Number = 0
        var place = unsafe base + section
        for _ in 0..<count {
            let number = unsafe Number(littleEndian: place.loadUnaligned(as: Number.self))
            unsafe place += MemoryLayout<Number>.size
            let next = unsafe Number(littleEndian: place.loadUnaligned(as: Number.self))
            descents |= number > next ? 1 : 0
        }
        return descents == 0
    }
}
