internal import SiltBytes

/// Builds the payload of one data block from entries in cell order; `finish` makes it ready for
/// the next.
///
/// Entries are kept as columns; the common prefix is known only at the end, when it is what the
/// first
/// and the last key share. Part of the format: docs/format/block.md.
package struct BlockBuilder: ~Copyable, Sendable {
    /// What of an entry is kept for the columns.
    private struct Entry {
        let timestamp: Int64
        let sequence: UInt64
        let valueEnd: Int
        let keyNumber: UInt32
        let type: UInt8
        let flags: UInt8
    }

    /// How many entries were appended since the last `finish`.
    package var count: Int { entries.count }
    /// How many of them are delete markers.
    package private(set) var markerCount = 0

    private var entries: [Entry] = []
    private var keys = ByteRoom()
    private var keyEnds: [Int] = []
    private var values = ByteRoom()
    private var commonByteCount = 0
    private var lastKeyByteCount = 0

    /// A builder without entries.
    package init() {}

    /// Whether there are no entries.
    package var isEmpty: Bool { entries.isEmpty }

    /// Roughly the size of the payload if it were finished now; never less than the bytes of
    /// values.
    package var estimatedByteCount: Int {
        BlockLayout.headerByteCount + keys.count - (keyEnds.count - 1) * commonByteCount
            + keyEnds.count * 6 + entries.count * 10 + values.count
    }

    /// The cell key of the entry appended first; empty without entries.
    package var firstCellKey: [UInt8] { isEmpty ? [] : cellKey(of: 0) }

    /// The cell key of the entry appended last; empty without entries.
    package var lastCellKey: [UInt8] { isEmpty ? [] : cellKey(of: count - 1) }

    /// How many bytes a key has in common with that of the entry appended last, from the beginning; 0 without entries.
    package func sharedByteCount(with key: UnsafeRawBufferPointer) -> Int {
        // Safety: the last key's bytes are the last that were appended.
        let last = unsafe UnsafeRawBufferPointer(
            start: keys.base + (keys.count - lastKeyByteCount), count: lastKeyByteCount)
        return unsafe SiltFormat.sharedByteCount(last, key, limit: min(last.count, key.count))
    }

    /// Appends an entry, which must sort after those before it.
    ///
    /// - Parameter shared: how many bytes the key has in common with that of the entry appended before, from the beginning; anything
    ///   when there is none.
    package mutating func append(
        columnKey: UnsafeRawBufferPointer, sharing shared: Int, timestamp: Int64, type: UInt8,
        flags: UInt8, sequence: UInt64, value: UnsafeRawBufferPointer
    ) {
        // Safety: the buffers are the caller's, valid for this call; their bytes are copied.
        assert(unsafe isEmpty || shared == sharedByteCount(with: columnKey))
        if keyEnds.isEmpty {
            commonByteCount = columnKey.count
            unsafe append(key: columnKey)
        } else if shared != columnKey.count || shared != lastKeyByteCount {
            // Of keys in order, all share what each shares with the one before.
            commonByteCount = min(commonByteCount, shared)
            unsafe append(key: columnKey)
        }
        unsafe values.append(value)
        entries.append(
            Entry(
                timestamp: timestamp, sequence: sequence, valueEnd: values.count,
                keyNumber: UInt32(truncatingIfNeeded: keyEnds.count &- 1), type: type,
                flags: flags))
        if type != 4 { markerCount &+= 1 }
    }

    /// Appends an entry, which must sort after those before it.
    package mutating func append(
        columnKey: [UInt8], timestamp: Int64, type: UInt8, flags: UInt8, sequence: UInt64,
        value: [UInt8]
    ) {
        // Safety: the buffers are used only inside the closures.
        unsafe columnKey.withUnsafeBytes { key in
            unsafe value.withUnsafeBytes { bytes in
                unsafe append(
                    columnKey: key, sharing: sharedByteCount(with: key), timestamp: timestamp,
                    type: type, flags: flags, sequence: sequence, value: bytes)
            }
        }
    }

    /// The payload of the entries appended; afterwards there are none.
    ///
    /// At least one is needed.
    package mutating func finish() -> [UInt8] {
        precondition(!isEmpty)
        let layout = makeLayout()
        var header = ByteWriter(capacity: BlockLayout.headerByteCount)
        layout.writeHeader(to: &header)
        let headerBytes = header.bytes
        // Safety: every byte of the buffer is written, see inside.
        let payload = unsafe [UInt8](unsafeUninitializedCapacity: layout.end) {
            buffer, initialized in
            // Safety: the layout places every section between the header and `layout.end`, one after
            // the other without gaps, so that each byte of the buffer is written once.
            if let base = buffer.baseAddress {
                let target = UnsafeMutableRawPointer(base)
                unsafe headerBytes.withUnsafeBytes { bytes in
                    unsafe target.copyMemory(
                        from: bytes.baseAddress ?? UnsafeRawPointer(target), byteCount: bytes.count)
                }
                unsafe writeKeys(layout, to: target)
                unsafe writeColumns(layout, to: target)
            }
            initialized = layout.end
        }
        removeAll()
        return payload
    }

    /// Forgets the entries appended and keeps the memory.
    package mutating func removeAll() {
        entries.removeAll(keepingCapacity: true)
        keys.removeAll()
        keyEnds.removeAll(keepingCapacity: true)
        values.removeAll()
        commonByteCount = 0
        lastKeyByteCount = 0
        markerCount = 0
    }

    private func cellKey(of index: Int) -> [UInt8] {
        let entry = entries[index]
        let number = Int(entry.keyNumber)
        let start = number == 0 ? 0 : keyEnds[number - 1]
        // Safety: keys lie between their ends.
        var key = unsafe [UInt8](keys.bytes[start..<keyEnds[number]])
        CellKey.appendTail(
            timestamp: entry.timestamp, type: entry.type, sequence: entry.sequence, to: &key)
        return key
    }

    private mutating func append(key: UnsafeRawBufferPointer) {
        // Safety: the bytes are copied while the caller's buffer is valid.
        unsafe keys.append(key)
        keyEnds.append(keys.count)
        lastKeyByteCount = key.count
    }
}

extension BlockBuilder {
    private func makeLayout() -> BlockLayout {
        var layout = BlockLayout()
        layout.entryCount = count
        layout.keyCount = keyEnds.count
        layout.commonByteCount = commonByteCount
        layout.valueByteCount = values.count
        var start = 0
        var shortest = Int.max
        var hasEqualRests = true
        var firstRest = -1
        for end in keyEnds {
            let tail = end - start - commonByteCount
            let rest = max(0, tail - 8)
            shortest = min(shortest, tail)
            if firstRest < 0 { firstRest = rest }
            hasEqualRests = hasEqualRests && rest == firstRest
            layout.restByteCount += rest
            start = end
        }
        layout.restOffsetWidth = hasEqualRests ? 0 : layout.restByteCount <= 0xffff ? 2 : 4
        if shortest < 8 { layout.columns |= BlockLayout.hasPrefixLengths }
        layout.keyNumberWidth = layout.keyCount == count ? 0 : count <= 0x1_0000 ? 2 : 4
        measureEntries(&layout)
        layout.place()
        return layout
    }

    /// Sets what depends on the entries' columns.
    private func measureEntries(_ layout: inout BlockLayout) {
        let first = entries[0]
        var (differentTypes, differentFlags): (UInt8, UInt8) = (0, 0)
        var (earliest, latest) = (first.timestamp, first.timestamp)
        var (lowest, highest) = (first.sequence, first.sequence)
        var hasEqualValues = true
        var valueEnd = 0
        for entry in entries {
            differentTypes |= entry.type ^ first.type
            differentFlags |= entry.flags ^ first.flags
            earliest = min(earliest, entry.timestamp)
            latest = max(latest, entry.timestamp)
            lowest = min(lowest, entry.sequence)
            highest = max(highest, entry.sequence)
            valueEnd &+= first.valueEnd
            hasEqualValues = hasEqualValues && entry.valueEnd == valueEnd
        }
        if differentTypes != 0 {
            layout.columns |= BlockLayout.hasTypes
        } else {
            layout.type = first.type
        }
        if differentFlags != 0 {
            layout.columns |= BlockLayout.hasFlags
        } else {
            layout.flags = first.flags
        }
        layout.valueOffsetWidth = hasEqualValues ? 0 : values.count <= 0xffff ? 2 : 4
        layout.timestampBase = earliest
        layout.timestampWidth = Self.width(UInt64(bitPattern: latest &- earliest))
        layout.sequenceBase = lowest
        layout.sequenceWidth = Self.width(highest - lowest)
    }

    private static func width(_ spread: UInt64) -> Int {
        switch spread {
        case 0: 0
        case ...0xff: 1
        case ...0xffff: 2
        case ...0xffff_ffff: 4
        default: 8
        }
    }

    private func writeKeys(_ layout: BlockLayout, to target: UnsafeMutableRawPointer) {
        // Safety: `finish` gives a target of `layout.end` bytes; keys have `commonByteCount` bytes or
        // more, and the layout counted their rests.
        let base = unsafe UnsafeRawPointer(keys.base)
        unsafe (target + layout.common).copyMemory(from: base, byteCount: commonByteCount)
        var start = 0
        var rest = 0
        for number in keyEnds.indices {
            let tailStart = start + commonByteCount
            let tail = keyEnds[number] - tailStart
            let prefix = unsafe loadPrefix(base + tailStart, count: tail)
            unsafe (target + BlockLayout.headerByteCount + number * 8).storeBytes(
                of: prefix.bigEndian, as: UInt64.self)
            if layout.columns & BlockLayout.hasPrefixLengths != 0 {
                unsafe (target + layout.prefixLengths + number).storeBytes(
                    of: UInt8(min(tail, 8)), as: UInt8.self)
            }
            unsafe Self.store(
                UInt64(rest), target + layout.restOffsets, index: number,
                width: layout.restOffsetWidth)
            if tail > 8 {
                unsafe (target + layout.rests + rest).copyMemory(
                    from: base + tailStart + 8, byteCount: tail - 8)
                rest += tail - 8
            }
            start = keyEnds[number]
        }
        unsafe Self.store(
            UInt64(rest), target + layout.restOffsets, index: keyEnds.count,
            width: layout.restOffsetWidth)
    }

    private func writeColumns(_ layout: BlockLayout, to target: UnsafeMutableRawPointer) {
        // Safety: as in `writeKeys`; each column has `count` entries of its width, value offsets one more.
        unsafe writeColumn(target + layout.timestamps, width: layout.timestampWidth) {
            UInt64(bitPattern: $0.timestamp &- layout.timestampBase)
        }
        unsafe writeColumn(target + layout.sequences, width: layout.sequenceWidth) {
            $0.sequence &- layout.sequenceBase
        }
        let width = layout.valueOffsetWidth
        unsafe Self.store(0, target + layout.valueOffsets, index: 0, width: width)
        unsafe writeColumn(target + layout.valueOffsets + width, width: width) {
            UInt64($0.valueEnd)
        }
        unsafe writeColumn(target + layout.keyNumbers, width: layout.keyNumberWidth) {
            UInt64($0.keyNumber)
        }
        if layout.columns & BlockLayout.hasTypes != 0 {
            unsafe writeColumn(target + layout.types, width: 1) { UInt64($0.type) }
        }
        if layout.columns & BlockLayout.hasFlags != 0 {
            unsafe writeColumn(target + layout.flagBytes, width: 1) { UInt64($0.flags) }
        }
        unsafe (target + layout.values).copyMemory(from: values.base, byteCount: values.count)
    }

    /// Writes a column of all entries; the loops of all widths are made for what the caller takes of an entry.
    @inline(__always)
    private func writeColumn(
        _ section: UnsafeMutableRawPointer, width: Int, _ value: (Entry) -> UInt64
    ) {
        // Safety: the caller's section has room for all entries.
        switch width {
        case 0: break
        case 1:
            for index in entries.indices {
                unsafe Self.store(value(entries[index]), section, index: index, width: 1)
            }
        case 2:
            for index in entries.indices {
                unsafe Self.store(value(entries[index]), section, index: index, width: 2)
            }
        case 4:
            for index in entries.indices {
                unsafe Self.store(value(entries[index]), section, index: index, width: 4)
            }
        default:
            for index in entries.indices {
                unsafe Self.store(value(entries[index]), section, index: index, width: 8)
            }
        }
    }

    @inline(__always)
    private static func store(
        _ value: UInt64, _ section: UnsafeMutableRawPointer, index: Int, width: Int
    ) {
        // Safety: the caller's section has room for `index`.
        switch width {
        case 0: break
        case 1:
            unsafe section.storeBytes(
                of: UInt8(truncatingIfNeeded: value), toByteOffset: index, as: UInt8.self)
        case 2:
            unsafe section.storeBytes(
                of: UInt16(truncatingIfNeeded: value).littleEndian, toByteOffset: index &* 2,
                as: UInt16.self)
        case 4:
            unsafe section.storeBytes(
                of: UInt32(truncatingIfNeeded: value).littleEndian, toByteOffset: index &* 4,
                as: UInt32.self)
        default:
            unsafe section.storeBytes(
                of: value.littleEndian, toByteOffset: index &* 8, as: UInt64.self)
        }
    }
}
