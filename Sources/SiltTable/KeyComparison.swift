/// Comparisons of a borrowed key with an array.
enum KeyComparison {
    /// Whether the bytes are the same.
    static func equal(_ left: UnsafeRawBufferPointer, _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        // Safety: both buffers have `left.count` bytes; every load ends within them.
        return unsafe right.withUnsafeBytes { right in
            var offset = 0
            while offset + 8 <= left.count {
                let one = unsafe left.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                let other = unsafe right.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                if one != other { return false }
                offset += 8
            }
            while offset < left.count {
                if unsafe left[offset] != right[offset] { return false }
                offset += 1
            }
            return true
        }
    }

    /// Below 0 when `left` sorts before `right`, 0 when they are the same, else above 0.
    static func order(_ left: UnsafeRawBufferPointer, _ right: [UInt8]) -> Int {
        // Safety: every index is below both counts.
        unsafe right.withUnsafeBytes { right in
            let count = min(left.count, right.count)
            var offset = 0
            while offset < count {
                let one = unsafe left[offset]
                let other = unsafe right[offset]
                if one != other { return Int(one) - Int(other) }
                offset += 1
            }
            return left.count - right.count
        }
    }

    /// As for a borrowed key.
    static func order(_ left: [UInt8], _ right: [UInt8]) -> Int {
        // Safety: the array lends its bytes for the comparison.
        unsafe left.withUnsafeBytes { unsafe order($0, right) }
    }

    /// Whether `bytes` begin with a prefix.
    static func hasPrefix(_ bytes: [UInt8], _ prefix: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count >= prefix.count else { return false }
        // Safety: both have at least `prefix.count` bytes; every load ends within them.
        return unsafe bytes.withUnsafeBytes { bytes in
            var offset = 0
            while offset + 8 <= prefix.count {
                let one = unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                let other = unsafe prefix.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                if one != other { return false }
                offset += 8
            }
            while offset < prefix.count {
                if unsafe bytes[offset] != prefix[offset] { return false }
                offset += 1
            }
            return true
        }
    }
}
