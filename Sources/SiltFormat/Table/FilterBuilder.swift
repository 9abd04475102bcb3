internal import CSiltstone
internal import SiltBytes
package import SiltModel

/// Collects the hashes of a file's rows or columns and makes the payload of its filter block.
///
/// A split-block bloom filter: each key sets one bit in each of the eight 32-bit lanes of one
/// 32-byte
/// block. Part of the format: docs/format/filter.md.
package struct FilterBuilder: ~Copyable, Sendable {
    /// The layout's version, the first byte of the payload.
    static let version: UInt8 = 1
    /// The bytes before the filter's blocks.
    static let headerByteCount = 32
    /// The bits aimed at for each key: about 1.3 % false positives.
    static let bitsPerKey = 10

    /// What is hashed: row prefixes, or whole column keys.
    package let kind: BloomFilterKind
    /// How many different keys were added (neighbours compared).
    package var count: Int { hashes.count }

    private var hashes: [UInt64] = []

    /// A builder without keys.
    ///
    /// `kind` `none` gives an empty filter, which holds everything.
    package init(_ kind: BloomFilterKind) { self.kind = kind }

    /// Adds the hash (`Hash64`, seed 0) of a key; the same hash twice in a row counts once.
    package mutating func append(_ hash: UInt64) {
        if hashes.last != hash { hashes.append(hash) }
    }

    /// The payload; afterwards there are no keys.
    package mutating func finish() -> [UInt8] {
        let blockCount = kind == .none ? 0 : (hashes.count * Self.bitsPerKey + 255) / 256
        var writer = ByteWriter(capacity: Self.headerByteCount)
        writer.write(Self.version)
        writer.write(kind.rawValue)
        writer.write(UInt16(0))
        writer.write(UInt32(blockCount))
        writer.write(UInt64(hashes.count))
        writer.write(contentsOf: repeatElement(0, count: 16))
        var payload = writer.bytes
        payload.append(contentsOf: repeatElement(0, count: blockCount * 32))
        if blockCount > 0 {
            // Safety: `blockCount` blocks of 32 bytes follow the header, and the hashes are as counted.
            unsafe payload.withUnsafeMutableBytes { bytes in
                unsafe hashes.withUnsafeBufferPointer { list in
                    unsafe silt_filter_add(
                        bytes.baseAddress.map { unsafe $0 + Self.headerByteCount },
                        UInt32(blockCount), list.baseAddress, list.count)
                }
            }
        }
        hashes.removeAll(keepingCapacity: true)
        return payload
    }
}
