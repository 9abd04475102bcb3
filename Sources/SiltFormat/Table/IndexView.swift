internal import CSiltstone
package import SiltBytes

// Safety: a view only reads, and its owner promises that nobody writes.
/// An index block in memory, searched where it lies; the bytes must stay while it is used.
///
/// Part of the format: docs/format/table.md.
@safe
package struct IndexView: @unchecked Sendable {
    /// How many data blocks the file has.
    package let count: Int

    private let base: UnsafeRawPointer
    private let commonByteCount: Int
    private let entries: Int
    private let offsets: Int
    private let common: Int
    private let tails: Int

    /// Checks the payload in `buffer`.
    ///
    /// Linear in the number of blocks.
    package init(_ buffer: UnsafeRawBufferPointer) throws(DecodingError) {
        guard let start = buffer.baseAddress, buffer.count >= IndexBuilder.headerByteCount else {
            throw DecodingError(offset: 0, "index is too short size=\(buffer.count)")
        }
        let header = unsafe [UInt8](
            UnsafeRawBufferPointer(rebasing: buffer[..<IndexBuilder.headerByteCount]))
        var reader = ByteReader(header)
        guard try reader.readUInt32() == UInt32(IndexBuilder.version) else {
            throw DecodingError(offset: 0, "index version is unknown version=\(header[0])")
        }
        count = Int(try reader.readUInt32())
        commonByteCount = Int(try reader.readUInt32())
        let tailByteCount = Int(try reader.readUInt32())
        entries = IndexBuilder.headerByteCount + count * 8
        offsets = entries + count * IndexBuilder.entryByteCount
        common = offsets + (count + 1) * 4
        tails = common + commonByteCount
        guard tails + tailByteCount == buffer.count else {
            throw DecodingError(
                offset: 4,
                "index sections do not fill it wanted=\(tails + tailByteCount) got=\(buffer.count)")
        }
        unsafe base = start
        try verify(tailByteCount)
    }

    /// The block in which the first cell at or after `key` is, if it is not the first of the block
    /// after it; `count` when `key` is after the last cell.
    ///
    /// `key` is any byte string in cell-key order.
    package func find(_ key: UnsafeRawBufferPointer) -> Int {
        // Safety: at most the smaller of the two counts is compared.
        let order = unsafe silt_compare(
            key.baseAddress, base + common, min(key.count, commonByteCount))
        if order != 0 { return order < 0 ? 0 : count }
        guard let start = key.baseAddress, key.count >= commonByteCount else { return 0 }
        let wanted = unsafe loadPrefix(start + commonByteCount, count: key.count - commonByteCount)
        let tail = unsafe UnsafeRawBufferPointer(rebasing: key[commonByteCount...])
        var low = 0
        var high = count
        while low < high {
            let middle = (low &+ high) >> 1
            let own = prefix(middle)
            let isBefore = unsafe own == wanted ? compareTail(middle, tail) < 0 : own < wanted
            if isBefore { low = middle &+ 1 } else { high = middle }
        }
        return low
    }

    /// The block in which the first cell at or after `key` is; see above.
    package func find(_ key: [UInt8]) -> Int {
        // Safety: the buffer is used only inside the closure.
        unsafe key.withUnsafeBytes { buffer in unsafe find(buffer) }
    }

    /// Where block `number` is and what it holds.
    package func entry(_ number: Int) -> IndexEntry {
        precondition(number >= 0 && number < count)
        let place = entries + number * IndexBuilder.entryByteCount
        // Safety: the initializer found 24 bytes for each block there.
        return unsafe IndexEntry(
            offset: UInt64(
                littleEndian: base.loadUnaligned(fromByteOffset: place, as: UInt64.self)),
            storedByteCount: loadUInt32(place + 8), rawByteCount: loadUInt32(place + 12),
            entryCount: loadUInt32(place + 16), markerCount: loadUInt32(place + 20))
    }

    /// The separator after block `number`, copied: at or after its last cell, before the next
    /// block's first.
    package func separator(_ number: Int) -> [UInt8] {
        precondition(number >= 0 && number < count)
        let start = loadUInt32(offsets + number * 4)
        let end = loadUInt32(offsets + number * 4 + 4)
        // Safety: `verify` found the offsets ascending and within the tail section.
        return unsafe [UInt8](UnsafeRawBufferPointer(start: base + common, count: commonByteCount))
            + [UInt8](UnsafeRawBufferPointer(start: base + tails + start, count: end - start))
    }

    private func verify(_ tailByteCount: Int) throws(DecodingError) {
        var previous = 0
        var isAscending = loadUInt32(offsets) == 0
        for number in 0..<count {
            let end = loadUInt32(offsets + number * 4 + 4)
            isAscending = isAscending && end >= previous
            previous = end
        }
        guard isAscending, previous == tailByteCount else {
            throw DecodingError(offset: offsets, "index offsets are not ascending to the end")
        }
        for number in 0..<count {
            let entry = entry(number)
            guard entry.offset <= UInt64(Int64.max / 2),
                entry.storedByteCount >= BlockFrame.trailerByteCount,
                entry.rawByteCount <= BlockFrame.rawByteCountMax,
                entry.markerCount <= entry.entryCount
            else {
                throw DecodingError(offset: entries, "index entry is not possible number=\(number)")
            }
        }
    }

    private func prefix(_ number: Int) -> UInt64 {
        // Safety: the prefix section has `count` words after the header.
        unsafe UInt64(
            bigEndian: base.loadUnaligned(
                fromByteOffset: IndexBuilder.headerByteCount &+ number &* 8, as: UInt64.self))
    }

    private func compareTail(_ number: Int, _ tail: UnsafeRawBufferPointer) -> Int {
        let start = loadUInt32(offsets &+ number &* 4)
        let length = loadUInt32(offsets &+ number &* 4 &+ 4) &- start
        // Safety: at most the smaller of the two counts is compared.
        let order = unsafe silt_compare(
            base + tails + start, tail.baseAddress, min(length, tail.count))
        return order != 0 ? Int(order) : length &- tail.count
    }

    private func loadUInt32(_ offset: Int) -> Int {
        // Safety: callers stay within the sections that the initializer placed.
        unsafe Int(
            UInt32(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
    }
}
