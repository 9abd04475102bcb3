internal import SiltFormat

/// Reading entries one after another; every index is below the block's counts.
extension BlockColumns {
    /// The number of the column key of an entry.
    @inline(__always) func keyNumber(_ index: Int) -> Int {
        keyNumbers.width == 0 ? index : Int(truncatingIfNeeded: keyNumbers.load(index))
    }

    /// Where the bytes of a column key after its prefix lie.
    @inline(__always) func rest(_ number: Int) -> (start: Int, count: Int) {
        if restOffsets.width == 0 { return (number &* fixedRestByteCount, fixedRestByteCount) }
        let start = Int(truncatingIfNeeded: restOffsets.load(number))
        return (start, Int(truncatingIfNeeded: restOffsets.load(number &+ 1)) &- start)
    }

    /// The value of an entry.
    @inline(__always) func value(_ index: Int) -> UnsafeRawBufferPointer {
        // Safety: the view found the offsets ascending and within the value section.
        if valueOffsets.width == 0 {
            return unsafe UnsafeRawBufferPointer(
                start: values + index &* fixedValueByteCount, count: fixedValueByteCount)
        }
        let start = Int(truncatingIfNeeded: valueOffsets.load(index))
        let end = Int(truncatingIfNeeded: valueOffsets.load(index &+ 1))
        return unsafe UnsafeRawBufferPointer(start: values + start, count: end &- start)
    }
}

extension BlockColumns.Column {
    /// The number of an entry.
    @inline(__always) func load(_ index: Int) -> UInt64 {
        // Safety: the index is below the column's count, by which the layout gave it room, and 8 bytes can be read there.
        let word = unsafe start.loadUnaligned(fromByteOffset: index &* width, as: UInt64.self)
        return base &+ UInt64(littleEndian: word) & mask
    }
}
