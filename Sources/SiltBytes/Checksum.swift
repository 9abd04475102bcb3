internal import CSiltstone

/// CRC-32C (Castagnoli), in hardware where the processor has it.
public enum CRC32C {
    /// The checksum of `bytes`, continuing from `seed` (the checksum of what came before; 0 at first).
    public static func checksum(_ bytes: [UInt8], seed: UInt32 = 0) -> UInt32 {
        // Safety: the pointer and count come from the array's own buffer and are used only inside.
        unsafe bytes.withUnsafeBytes { buffer in unsafe checksum(buffer, seed: seed) }
    }

    /// The checksum of a buffer, continuing from `seed`.
    public static func checksum(_ buffer: UnsafeRawBufferPointer, seed: UInt32 = 0) -> UInt32 {
        guard let base = buffer.baseAddress else { return seed }
        // Safety: `base` is valid for `buffer.count` bytes by the buffer's own contract.
        return unsafe silt_crc32c(seed, base, buffer.count)
    }

    /// The same checksum by table, as machines without the instruction compute it; for tests.
    package static func portableChecksum(_ bytes: [UInt8], seed: UInt32 = 0) -> UInt32 {
        // Safety: the C function reads exactly `count` bytes of the array's own buffer.
        unsafe bytes.withUnsafeBytes { buffer in
            unsafe silt_crc32c_portable(seed, buffer.baseAddress, buffer.count)
        }
    }
}

/// A 64-bit hash for filters, shards and key tables.
///
/// Part of the format: docs/format/filter.md.
public enum Hash64 {
    /// The hash of a buffer.
    public static func hash(_ buffer: UnsafeRawBufferPointer, seed: UInt64 = 0) -> UInt64 {
        // Safety: the C function reads exactly `count` bytes at the base, none when count is 0.
        unsafe silt_hash64(buffer.baseAddress, buffer.count, seed)
    }

    /// The hash of an array's bytes.
    public static func hash(_ bytes: [UInt8], seed: UInt64 = 0) -> UInt64 {
        // Safety: the buffer is used only inside the closure.
        unsafe bytes.withUnsafeBytes { buffer in unsafe hash(buffer, seed: seed) }
    }

    /// The hash of a range of an array's bytes, which must lie within it.
    public static func hash(_ bytes: [UInt8], in range: Range<Int>, seed: UInt64 = 0) -> UInt64 {
        precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count)
        // Safety: the range was checked against the array; the buffer is used only inside.
        return unsafe bytes.withUnsafeBytes { buffer in
            unsafe hash(UnsafeRawBufferPointer(rebasing: buffer[range]), seed: seed)
        }
    }
}
