/// The first 8 of `count` bytes as a big-endian number, zeros after the end: numbers compare as the
/// bytes do, as far as they go.
@inline(__always)
func loadPrefix(_ bytes: UnsafeRawPointer, count: Int) -> UInt64 {
    // Safety: the caller's pointer is valid for `count` bytes, and no more are read.
    if count >= 8 { return unsafe UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)) }
    var value: UInt64 = 0
    for index in 0..<max(0, count) {
        let byte = unsafe bytes.load(fromByteOffset: index, as: UInt8.self)
        value |= UInt64(byte) << UInt64(56 &- 8 &* index)
    }
    return value
}

/// How many of the first `limit` bytes, which both buffers must have, are the same.
func sharedByteCount(
    _ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer, limit: Int
) -> Int {
    guard limit > 0, let a = left.baseAddress, let b = right.baseAddress else { return 0 }
    var index = 0
    // Safety: every load ends at or before `limit`.
    while index &+ 8 <= limit {
        let mine = unsafe a.loadUnaligned(fromByteOffset: index, as: UInt64.self)
        let other = unsafe b.loadUnaligned(fromByteOffset: index, as: UInt64.self)
        let difference = (mine ^ other).littleEndian
        if difference != 0 { return index &+ (difference.trailingZeroBitCount >> 3) }
        index &+= 8
    }
    while index < limit,
        unsafe a.load(fromByteOffset: index, as: UInt8.self)
            == b.load(fromByteOffset: index, as: UInt8.self)
    {
        index &+= 1
    }
    return index
}
