internal import CSiltstone

/// Searching a block: one binary search over the 8-byte prefixes, then over the few keys that
/// share the prefix looked for, then over the versions of the column found.
extension BlockView {
    /// Has the processor fetch the header, the prefixes of the keys, 32 cache lines at most, and what all begin with.
    package func prefetchKeys() {
        var place = 0
        let end = min(BlockLayout.headerByteCount &+ layout.keyCount &* 8, 2048)
        while place < end {
            // Safety: the header and the prefixes lie within the block; a prefetch reads nothing.
            unsafe silt_prefetch(base + place)
            place &+= 64
        }
        // Safety: as above.
        unsafe silt_prefetch(base + layout.common)
    }

    /// Has the processor fetch the keys of some entries from one on, and what all keys begin with.
    package func prefetchKeys(from entry: Int) {
        if layout.keyNumberWidth != 0 { return prefetchKeys() }
        // Safety: a prefetch reads nothing.
        let start = unsafe base + BlockLayout.headerByteCount + entry &* 8
        unsafe silt_prefetch(start)
        unsafe silt_prefetch(start + 64)
        unsafe silt_prefetch(base + layout.common)
    }

    /// The first entry whose cell key is at or after the given one; `count` when there is none.
    package func lowerBound(
        columnKey: UnsafeRawBufferPointer, timestamp: Int64, type: UInt8, sequence: UInt64
    ) -> Int {
        // Safety: the bound is used only while the caller's buffer is valid.
        unsafe lowerBound(
            CellKeyBound(
                columnKey: columnKey, timestamp: timestamp, type: type, sequence: sequence))
    }

    /// The first entry whose cell key is at or after `key`, any byte string in cell-key order.
    package func lowerBound(_ key: UnsafeRawBufferPointer) -> Int {
        // Safety: the bound is used only while the caller's buffer is valid.
        unsafe lowerBound(CellKeyBound(key))
    }

    /// The first entry whose cell key is at or after `key`, any byte string in cell-key order.
    package func lowerBound(_ key: [UInt8]) -> Int {
        // Safety: the buffer is used only inside the closure.
        unsafe key.withUnsafeBytes { buffer in unsafe lowerBound(CellKeyBound(buffer)) }
    }

    /// The first entry at or after the bound; `count` when there is none.
    package func lowerBound(_ bound: CellKeyBound) -> Int {
        // Safety: the bound's bytes outlive it, as it promises.
        let key = unsafe keyLowerBound(bound.columnKey)
        let first = firstEntry(ofKey: key.number)
        if !key.isEqual || !bound.isWholeColumn { return first }
        var low = first
        var high = firstEntry(ofKey: key.number + 1)
        while low < high {
            let middle = (low &+ high) >> 1
            if isBefore(middle, bound) { low = middle &+ 1 } else { high = middle }
        }
        return low
    }

    /// The first entry of some, which the block has, at or after the bound; their end when there is none.
    package func lowerBound(_ bound: CellKeyBound, in entries: Range<Int>) -> Int {
        var low = entries.lowerBound
        var high = entries.upperBound
        if layout.keyNumberWidth == 0, !entries.isEmpty {
            // The prefixes leave few to compare.
            let key = unsafe bound.columnKey
            let common = layout.commonByteCount
            // Safety: at most the smaller of the two counts is compared.
            let order = unsafe silt_compare(
                key.baseAddress, base + layout.common, min(key.count, common))
            if order != 0 { return order < 0 ? low : high }
            guard let start = key.baseAddress, key.count >= common else { return low }
            let wanted = unsafe loadPrefix(start + common, count: key.count - common)
            low = prefixLowerBound(wanted, in: entries)
            if low == high || prefix(low) != wanted { return low }
        }
        while low < high {
            let middle = (low &+ high) >> 1
            if compare(middle, bound) < 0 { low = middle &+ 1 } else { high = middle }
        }
        return low
    }

    /// The first entry at or after a column key, and whether it is of that column.
    package func find(_ columnKey: UnsafeRawBufferPointer) -> (entry: Int, isEqual: Bool) {
        // Safety: the key is used only while the caller's buffer is valid.
        let key = unsafe keyLowerBound(columnKey)
        return (firstEntry(ofKey: key.number), key.isEqual)
    }

    /// Below 0 when entry `index` sorts before the bound, above 0 when after it, 0 when it is that
    /// cell.
    package func compare(_ index: Int, _ bound: CellKeyBound) -> Int {
        // Safety: the bound's bytes outlive it, as it promises.
        let order = unsafe compareKey(keyNumber(index), bound.columnKey)
        if order != 0 || !bound.isWholeColumn { return order == 0 ? 1 : order }
        if isBefore(index, bound) { return -1 }
        return timestamp(index) == bound.timestamp && type(index) == bound.type
            && sequence(index) == bound.sequence ? 0 : 1
    }

    /// The first entry of column key `number`; `count` when there is no such key.
    package func firstEntry(ofKey number: Int) -> Int {
        if layout.keyNumberWidth == 0 { return min(number, count) }
        var low = 0
        var high = count
        while low < high {
            let middle = (low &+ high) >> 1
            if keyNumber(middle) < number { low = middle &+ 1 } else { high = middle }
        }
        return low
    }

    /// Whether entry `index`, of the bound's column, sorts before it: newer, or a higher type or
    /// sequence.
    @inline(__always)
    private func isBefore(_ index: Int, _ bound: CellKeyBound) -> Bool {
        let time = timestamp(index)
        if time != bound.timestamp { return time > bound.timestamp }
        let code = type(index)
        if code != bound.type { return code > bound.type }
        let number = sequence(index)
        return number > bound.sequence || number == bound.sequence && bound.isAfterTail
    }

    /// The first column key at or after `key`, and whether it is equal.
    private func keyLowerBound(_ key: UnsafeRawBufferPointer) -> (number: Int, isEqual: Bool) {
        let keyCount = layout.keyCount
        let common = layout.commonByteCount
        // Safety: at most the smaller of the two counts is compared.
        let order = unsafe silt_compare(
            key.baseAddress, base + layout.common, min(key.count, common))
        if order != 0 { return (order < 0 ? 0 : keyCount, false) }
        guard let start = key.baseAddress, key.count >= common else { return (0, false) }
        let wanted = unsafe loadPrefix(start + common, count: key.count - common)
        var low = prefixLowerBound(wanted, in: 0..<keyCount)
        guard low < keyCount, prefix(low) == wanted else { return (low, false) }
        var high = low &+ 1
        if high < keyCount, prefix(high) == wanted {
            high = wanted == .max ? keyCount : prefixLowerBound(wanted &+ 1, in: high..<keyCount)
        }
        while low < high {
            let middle = (low &+ high) >> 1
            let order = unsafe compareKey(middle, key)
            if order == 0 { return (middle, true) }
            if order < 0 { low = middle &+ 1 } else { high = middle }
        }
        return (low, false)
    }

    @inline(__always)
    private func prefixLowerBound(_ wanted: UInt64, in range: Range<Int>) -> Int {
        var low = range.lowerBound
        var length = range.count
        while length > 0 {
            let half = length >> 1
            let isLess = prefix(low &+ half) < wanted
            low = isLess ? low &+ half &+ 1 : low
            length = isLess ? length &- half &- 1 : half
        }
        return low
    }

    /// Byte-wise order of column key `number` and `key`.
    private func compareKey(_ number: Int, _ key: UnsafeRawBufferPointer) -> Int {
        let common = layout.commonByteCount
        // Safety: each comparison covers at most the smaller of two counts.
        let order = unsafe silt_compare(
            base + layout.common, key.baseAddress, min(key.count, common))
        if order != 0 { return Int(order) }
        guard let start = key.baseAddress, key.count >= common else { return 1 }
        let tail = key.count - common
        let wanted = unsafe loadPrefix(start + common, count: tail)
        let own = prefix(number)
        if own != wanted { return own < wanted ? -1 : 1 }
        let ownPrefix = prefixByteCount(number)
        let rest = restRange(number)
        let ownTail = ownPrefix &+ rest.end &- rest.start
        if ownPrefix == 8, tail > 8 {
            let shorter = min(rest.end &- rest.start, tail &- 8)
            let order = unsafe silt_compare(
                base + layout.rests + rest.start, start + common + 8, shorter)
            if order != 0 { return Int(order) }
        }
        return ownTail &- tail
    }

    /// Checks that every entry sorts after the one before it; for `silt check`.
    ///
    /// Linear.
    package var isInOrder: Bool {
        for index in 0..<max(0, count - 1)
        where !cellKey(index).lexicographicallyPrecedes(cellKey(index + 1)) { return false }
        return true
    }
}
