/// What the rows of some keys begin with, unescaped once for all of them.
///
/// Safety: whoever makes it keeps the bytes.
@safe
struct CommonRow {
    /// How many bytes of the keys it is made of.
    let escapedCount: Int
    /// Its length.
    let count: Int
    /// Its bytes, with room for 8 more.
    let bytes: UnsafeMutableRawPointer

    /// A row beginning that was found before.
    init(escapedCount: Int, count: Int, bytes: UnsafeMutableRawPointer) {
        self.escapedCount = escapedCount
        self.count = count
        unsafe self.bytes = unsafe bytes
    }

    /// The beginning of the rows of keys that begin with `prefix`; `nil` when that ends their row.
    ///
    /// - Parameter target: room for as many bytes as the prefix has, and 8 more.
    init?(of prefix: UnsafeRawBufferPointer, into target: UnsafeMutableRawPointer) {
        var place = 0
        var count = 0
        // Safety: `place` stays below the prefix's count, and `count` is never above it.
        while place < prefix.count {
            var byte = unsafe prefix[place]
            if byte == 0 { return nil }
            if byte == 1 {
                // A pair that is cut belongs to what differs.
                if place + 1 == prefix.count { break }
                byte = unsafe prefix[place + 1]
                if byte == 0 || byte > 2 { return nil }
                byte &-= 1
                place += 1
            }
            unsafe target.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
            count += 1
            place += 1
        }
        escapedCount = place
        self.count = count
        unsafe bytes = target
    }
}

extension CellBatch {
    /// Adds the row of a key; `false` when it is damaged.
    ///
    /// - Parameters:
    ///   - key: a column key, after which 8 bytes more can be read.
    ///   - rowEnd: the length of its escaped row, for which there is room.
    @inline(__always)
    mutating func appendRow(_ key: UnsafeRawPointer, _ rowEnd: Int, _ common: CommonRow) -> Bool {
        // Safety: the batch has room for `rowEnd` bytes and 16 more, and the common row for 8.
        let start = unsafe rows + rowBytes
        var offset = 0
        while offset < common.count {
            unsafe (start + offset).storeBytes(
                of: common.bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self),
                as: UInt64.self)
            offset &+= 8
        }
        var target = unsafe start + common.count
        var place = common.escapedCount
        var ones: UInt64 = 0
        while place < rowEnd {
            let word = unsafe key.loadUnaligned(fromByteOffset: place, as: UInt64.self)
            // A byte of `other` is zero where one of `word` is 1.
            let other = word ^ 0x0101_0101_0101_0101
            ones |= (other &- 0x0101_0101_0101_0101) & ~other & 0x8080_8080_8080_8080
            unsafe target.storeBytes(of: word, as: UInt64.self)
            unsafe target += 8
            place &+= 8
        }
        var count = common.count &+ rowEnd &- common.escapedCount
        if ones != 0 {
            let tail = unsafe Self.unescape(
                key, from: common.escapedCount, to: rowEnd, into: start + common.count)
            if tail < 0 { return false }
            count = common.count &+ tail
        }
        unsafe lastRow = UnsafeRawPointer(start)
        lastRowCount = Int32(truncatingIfNeeded: count)
        rowBytes &+= (count &+ 7) & ~7
        return true
    }

    /// Unescapes bytes of a key; -1 when they are damaged.
    private static func unescape(
        _ key: UnsafeRawPointer, from start: Int, to end: Int, into target: UnsafeMutableRawPointer
    ) -> Int {
        var place = start
        var count = 0
        // Safety: the target has room for as many bytes as are read.
        while place < end {
            var byte = unsafe key.load(fromByteOffset: place, as: UInt8.self)
            if byte == 1 {
                place &+= 1
                guard place < end else { return -1 }
                byte = unsafe key.load(fromByteOffset: place, as: UInt8.self)
                guard byte == 1 || byte == 2 else { return -1 }
                byte &-= 1
            }
            unsafe target.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
            count &+= 1
            place &+= 1
        }
        return count
    }
}
