internal import CSiltstone
package import SiltBytes
package import SiltModel

// Safety: a view only reads, and its owner promises that nobody writes.
/// A filter block in memory, asked where it lies; the bytes must stay while it is used.
///
/// Part of the format: docs/format/filter.md.
@safe
package struct FilterView: @unchecked Sendable {
    /// What must be hashed to ask it.
    package let kind: BloomFilterKind
    /// How many keys it was built of.
    package let keyCount: UInt64

    private let blocks: UnsafeRawPointer
    private let blockCount: UInt32

    /// Checks the payload in `buffer`.
    package init(_ buffer: UnsafeRawBufferPointer) throws(DecodingError) {
        guard let base = buffer.baseAddress, buffer.count >= FilterBuilder.headerByteCount else {
            throw DecodingError(offset: 0, "filter is too short size=\(buffer.count)")
        }
        let header = unsafe [UInt8](
            UnsafeRawBufferPointer(rebasing: buffer[..<FilterBuilder.headerByteCount]))
        var reader = ByteReader(header)
        let version = try reader.readUInt8()
        guard version == FilterBuilder.version else {
            throw DecodingError(offset: 0, "filter version is unknown version=\(version)")
        }
        let code = try reader.readUInt8()
        guard let kind = BloomFilterKind(rawValue: code), try reader.readUInt16() == 0 else {
            throw DecodingError(offset: 1, "filter kind is unknown kind=\(code)")
        }
        self.kind = kind
        blockCount = try reader.readUInt32()
        keyCount = try reader.readUInt64()
        let padding = try reader.readBytes(16)
        guard padding.allSatisfy({ $0 == 0 }),
            Int(blockCount) * 32 == buffer.count - FilterBuilder.headerByteCount
        else {
            throw DecodingError(offset: 4, "filter size is wrong blocks=\(blockCount)")
        }
        unsafe blocks = unsafe base + FilterBuilder.headerByteCount
    }

    /// Whether a key with this hash may be in the file; `false` is certain.
    package func mayContain(_ hash: UInt64) -> Bool {
        // Safety: the initializer found `blockCount` blocks of 32 bytes there.
        unsafe silt_filter_contains(blocks, blockCount, hash) != 0
    }

    /// The same answer without vector instructions.
    func mayContainPortably(_ hash: UInt64) -> Bool {
        // Safety: as above.
        unsafe silt_filter_contains_portable(blocks, blockCount, hash) != 0
    }
}
