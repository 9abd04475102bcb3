internal import CSiltstone
internal import SiltBytes

/// Builds the payload of one data block from entries in cell order; `finish` makes it ready for
/// the next.
///
/// Entries are kept as columns; the common prefix is known only at the end, when it is what the
/// first
/// and the last key share. Part of the format: docs/format/block.md.
package struct BlockBuilder: ~Copyable, Sendable {
    /// How many entries were appended since the last `finish`.
    package var count: Int { timestamps.count }
    /// How many of them are delete markers.
    package private(set) var markerCount = 0

    private var keyBytes: [UInt8] = []
    private var keyEnds: [Int] = []
    private var keyNumbers: [UInt32] = []
    private var timestamps: [Int64] = []
    private var sequences: [UInt64] = []
    private var types: [UInt8] = []
    private var flags: [UInt8] = []
    private var valueBytes: [UInt8] = []
    private var valueEnds: [Int] = []
    private var commonByteCount = 0
    private var lastKeyStart = 0

    /// A builder without entries.
    package init() {}

    /// Whether there are no entries.
    package var isEmpty: Bool { timestamps.isEmpty }

    /// Roughly the size of the payload if it were finished now; never less than the bytes of
    /// values.
    package var estimatedByteCount: Int {
        BlockLayout.headerByteCount + keyBytes.count - (keyEnds.count - 1) * commonByteCount
            + keyEnds.count * 6 + timestamps.count * 10 + valueBytes.count
    }

    /// The cell key of the entry appended first; empty without entries.
    package var firstCellKey: [UInt8] { isEmpty ? [] : cellKey(of: 0) }

    /// The cell key of the entry appended last; empty without entries.
    package var lastCellKey: [UInt8] { isEmpty ? [] : cellKey(of: count - 1) }

    /// Appends an entry, which must sort after those before it.
    package mutating func append(
        columnKey: UnsafeRawBufferPointer, timestamp: Int64, type: UInt8, flags: UInt8,
        sequence: UInt64, value: UnsafeRawBufferPointer
    ) {
        // Safety: the buffers are the caller's, valid for this call; their bytes are copied.
        if unsafe keyEnds.isEmpty || !lastKeyEquals(columnKey) { unsafe append(key: columnKey) }
        keyNumbers.append(UInt32(truncatingIfNeeded: keyEnds.count &- 1))
        timestamps.append(timestamp)
        sequences.append(sequence)
        types.append(type)
        self.flags.append(flags)
        unsafe valueBytes.append(contentsOf: value)
        valueEnds.append(valueBytes.count)
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
                    columnKey: key, timestamp: timestamp, type: type, flags: flags,
                    sequence: sequence, value: bytes)
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
        keyBytes.removeAll(keepingCapacity: true)
        keyEnds.removeAll(keepingCapacity: true)
        keyNumbers.removeAll(keepingCapacity: true)
        timestamps.removeAll(keepingCapacity: true)
        sequences.removeAll(keepingCapacity: true)
        types.removeAll(keepingCapacity: true)
        flags.removeAll(keepingCapacity: true)
        valueBytes.removeAll(keepingCapacity: true)
        valueEnds.removeAll(keepingCapacity: true)
        commonByteCount = 0
        lastKeyStart = 0
        markerCount = 0
    }

    private func cellKey(of index: Int) -> [UInt8] {
        let number = Int(keyNumbers[index])
        let start = number == 0 ? 0 : keyEnds[number - 1]
        var key = Array(keyBytes[start..<keyEnds[number]])
        CellKey.appendTail(
            timestamp: timestamps[index], type: types[index], sequence: sequences[index], to: &key)
        return key
    }

    private func lastKeyEquals(_ key: UnsafeRawBufferPointer) -> Bool {
        let start = lastKeyStart
        guard keyBytes.count - start == key.count else { return false }
        // Safety: the last key's bytes are `start..<keyBytes.count`, as many as `key.count`.
        return unsafe keyBytes.withUnsafeBytes { bytes in
            unsafe silt_compare(
                bytes.baseAddress.map { unsafe $0 + start }, key.baseAddress, key.count) == 0
        }
    }

    private mutating func append(key: UnsafeRawBufferPointer) {
        lastKeyStart = keyBytes.count
        if keyEnds.isEmpty {
            commonByteCount = key.count
        } else {
            let limit = min(commonByteCount, key.count)
            // Safety: both buffers hold at least `limit` bytes.
            commonByteCount = unsafe keyBytes.withUnsafeBytes { bytes in
                unsafe sharedByteCount(bytes, key, limit: limit)
            }
        }
        // Safety: the bytes are copied while the caller's buffer is valid.
        unsafe keyBytes.append(contentsOf: key)
        keyEnds.append(keyBytes.count)
    }
}

extension BlockBuilder {
    private func makeLayout() -> BlockLayout {
        var layout = BlockLayout()
        layout.entryCount = count
        layout.keyCount = keyEnds.count
        layout.commonByteCount = commonByteCount
        layout.valueByteCount = valueBytes.count
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
        layout.valueOffsetWidth = hasEqualValues ? 0 : valueBytes.count <= 0xffff ? 2 : 4
        if types.contains(where: { $0 != types[0] }) {
            layout.columns |= BlockLayout.hasTypes
        } else {
            layout.type = types[0]
        }
        if flags.contains(where: { $0 != flags[0] }) {
            layout.columns |= BlockLayout.hasFlags
        } else {
            layout.flags = flags[0]
        }
        let earliest = timestamps.reduce(Int64.max, min)
        let latest = timestamps.reduce(Int64.min, max)
        layout.timestampBase = earliest
        layout.timestampWidth = Self.width(UInt64(bitPattern: latest &- earliest))
        let lowest = sequences.reduce(UInt64.max, min)
        layout.sequenceBase = lowest
        layout.sequenceWidth = Self.width(sequences.reduce(0, max) - lowest)
        layout.place()
        return layout
    }

    private var hasEqualValues: Bool {
        let first = valueEnds[0]
        var expected = 0
        for end in valueEnds {
            expected += first
            if end != expected { return false }
        }
        return true
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
        unsafe keyBytes.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            unsafe (target + layout.common).copyMemory(from: base, byteCount: commonByteCount)
            var start = 0
            var rest = 0
            for number in 0..<keyEnds.count {
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
    }

    private func writeColumns(_ layout: BlockLayout, to target: UnsafeMutableRawPointer) {
        let n = count
        // Safety: as in `writeKeys`; each column has `count` entries of its width.
        for index in 0..<n {
            unsafe Self.store(
                UInt64(bitPattern: timestamps[index] &- layout.timestampBase),
                target + layout.timestamps, index: index, width: layout.timestampWidth)
        }
        for index in 0..<n {
            unsafe Self.store(
                sequences[index] &- layout.sequenceBase, target + layout.sequences, index: index,
                width: layout.sequenceWidth)
        }
        unsafe Self.store(
            0, target + layout.valueOffsets, index: 0, width: layout.valueOffsetWidth)
        for index in 0..<n {
            unsafe Self.store(
                UInt64(valueEnds[index]), target + layout.valueOffsets, index: index + 1,
                width: layout.valueOffsetWidth)
        }
        for index in 0..<n {
            unsafe Self.store(
                UInt64(keyNumbers[index]), target + layout.keyNumbers, index: index,
                width: layout.keyNumberWidth)
        }
        if layout.columns & BlockLayout.hasTypes != 0 {
            unsafe Self.copy(types, to: target + layout.types)
        }
        if layout.columns & BlockLayout.hasFlags != 0 {
            unsafe Self.copy(flags, to: target + layout.flagBytes)
        }
        unsafe Self.copy(valueBytes, to: target + layout.values)
    }

    private static func copy(_ bytes: [UInt8], to target: UnsafeMutableRawPointer) {
        // Safety: the caller's section is as long as `bytes`.
        unsafe bytes.withUnsafeBytes { buffer in
            if let base = buffer.baseAddress {
                unsafe target.copyMemory(from: base, byteCount: buffer.count)
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
