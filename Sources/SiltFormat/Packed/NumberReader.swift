internal import SiltBytes

/// Reads what `NumberColumn` wrote, from memory, and stores the numbers at any width.
///
/// Part of the format: docs/format/packed.md.
@safe
struct NumberReader {
    private let base: UnsafeRawPointer
    private let end: Int
    /// Where the next column begins.
    private(set) var offset: Int

    init(_ packed: UnsafeRawBufferPointer, at offset: Int, base: UnsafeRawPointer) {
        // Safety: the buffer begins at `base`; the caller keeps it while the reader lives.
        unsafe self.base = base
        end = packed.count
        self.offset = offset
    }

    /// A place of `count` bytes, which it steps over.
    mutating func take(_ count: Int) throws(DecodingError) -> UnsafeRawPointer {
        guard count >= 0, count <= end - offset else {
            throw DecodingError(offset: offset, "packed block is too short wanted=\(count)")
        }
        defer { offset += count }
        // Safety: the range was found within the buffer.
        return unsafe base + offset
    }

    /// Fills `numbers` with the next column.
    mutating func read(into numbers: UnsafeMutableBufferPointer<UInt64>) throws(DecodingError) {
        let count = numbers.count
        guard count > 0, let target = numbers.baseAddress else { return }
        // Safety: `take` finds each range within the buffer; `target` has room for `count` numbers.
        let mode = try unsafe Int(take(1).load(as: UInt8.self))
        let width = try unsafe Int(take(1).load(as: UInt8.self))
        let (order, lag) = (mode & 3, (mode >> 2) + 1)
        guard order <= 2, lag <= NumberColumn.lagMax, width <= 8 else {
            throw DecodingError(offset: offset - 2, "packed column has an unknown shape")
        }
        let least = try readVarint()
        let divisor = try readVarint()
        let planes = try unsafe take(width * count)
        unsafe Self.join(planes, width: width, target, count: count)
        if order > 0 {
            for index in 0..<count {
                // Safety: the index is below the count.
                let number = unsafe target[index]
                unsafe target[index] = (number >> 1) ^ (0 &- (number & 1))
            }
            for _ in 0..<order {
                // Safety: as above.
                for index in min(lag, count)..<count {
                    unsafe target[index] = target[index] &+ target[index &- lag]
                }
            }
        }
        if divisor != 1 || least != 0 {
            for index in 0..<count {
                // Safety: as above.
                unsafe target[index] = target[index] &* divisor &+ least
            }
        }
    }

    /// A varint.
    mutating func readVarint() throws(DecodingError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            // Safety: `take` finds the byte within the buffer.
            let byte = try unsafe UInt64(take(1).load(as: UInt8.self))
            value |= (byte & 0x7f) << shift
            if byte < 0x80 { return value }
        }
        throw DecodingError(offset: offset, "packed number is too long")
    }

    /// Makes numbers of their bytes, which stand in planes, the lowest first.
    private static func join(
        _ planes: UnsafeRawPointer, width: Int, _ target: UnsafeMutablePointer<UInt64>, count: Int
    ) {
        // Safety: there are `width` planes of `count` bytes, and room for `count` numbers.
        if width == 0 {
            unsafe target.update(repeating: 0, count: count)
            return
        }
        let low = unsafe planes.assumingMemoryBound(to: UInt8.self)
        for index in 0..<count { unsafe target[index] = UInt64(low[index]) }
        for plane in 1..<max(1, width) {
            let bytes = unsafe low + plane &* count
            let shift = UInt64(plane &* 8)
            for index in 0..<count { unsafe target[index] |= UInt64(bytes[index]) &<< shift }
        }
    }
}
