package import SiltBytes
package import SiltCodec

/// What a framed block holds; bound into its checksum.
///
/// Part of the format: docs/format/table.md.
package enum BlockKind: UInt8, Sendable, CaseIterable {
    /// Entries: `BlockView`.
    case data = 1
    /// Where the data blocks are: `IndexView`.
    case index = 2
    /// A bloom filter: `FilterView`.
    case filter = 3
    /// `TableProperties`.
    case properties = 4
}

/// A block as stored in a file: its payload, compressed or not, and a 9-byte trailer.
///
/// The trailer is codec (u8), raw size (u32) and a CRC-32C over kind, file id, offset, the stored
/// bytes,
/// codec and raw size: a block read from a wrong place or file is found, not only a damaged one.
/// Part of the format: docs/format/table.md.
package enum BlockFrame {
    /// The bytes after the payload.
    package static let trailerByteCount = 9
    /// The largest raw size that a reader accepts.
    package static let rawByteCountMax = BlockLayout.byteCountMax

    /// What a trailer says, after its checksum was found right.
    package struct Contents: Sendable {
        /// How the payload is stored.
        package let codec: Codec
        /// The size of the payload when it is decompressed.
        package let rawByteCount: Int
        /// The size of the payload as stored, without the trailer.
        package let storedByteCount: Int
        /// Whether what decompressing gives is a packed block: see `BlockUnpacker`.
        package let isPacked: Bool
    }

    /// Set in the codec's byte when the payload is a packed data block.
    static let packedBit: UInt8 = 0x80

    /// The stored form of a data block that is packed before it is compressed.
    package static func sealPacked(
        _ payload: [UInt8], compressor: Compressor, fileID: Identifier, offset: UInt64
    ) throws(DecodingError) -> [UInt8] {
        let packed = try BlockPacker.pack(payload)
        var stored: [UInt8] = []
        stored.reserveCapacity(packed.bytes.count / 2)
        // Safety: the buffer is used only inside the closure.
        let codec = unsafe packed.bytes.withUnsafeBytes { buffer in
            unsafe compressor.compress(buffer, cuts: packed.cuts, into: &stored)
        }
        finish(
            .data, &stored, codec.rawValue | packedBit, rawByteCount: packed.bytes.count,
            fileID: fileID, offset: offset)
        return stored
    }

    /// The stored form of a payload that will lie at `offset` of file `fileID`.
    package static func seal(
        _ kind: BlockKind, _ payload: [UInt8], compressor: Compressor?, fileID: Identifier,
        offset: UInt64
    ) -> [UInt8] {
        var stored: [UInt8] = []
        stored.reserveCapacity(payload.count + trailerByteCount)
        var codec = Codec.none
        if let compressor {
            // Safety: the buffer is used only inside the closure.
            codec = unsafe payload.withUnsafeBytes { buffer in
                unsafe compressor.compress(buffer, into: &stored)
            }
        } else {
            stored += payload
        }
        finish(
            kind, &stored, codec.rawValue, rawByteCount: payload.count, fileID: fileID,
            offset: offset)
        return stored
    }

    /// Appends the trailer.
    private static func finish(
        _ kind: BlockKind, _ stored: inout [UInt8], _ code: UInt8, rawByteCount: Int,
        fileID: Identifier, offset: UInt64
    ) {
        stored.append(code)
        appendUInt32(UInt32(rawByteCount), to: &stored)
        // Safety: the buffer is used only inside the closure.
        let sum = unsafe stored.withUnsafeBytes { buffer in
            unsafe checksum(kind, fileID: fileID, offset: offset, buffer)
        }
        appendUInt32(sum, to: &stored)
    }

    /// Checks a stored block, trailer included, without decompressing it.
    package static func check(
        _ kind: BlockKind, _ stored: UnsafeRawBufferPointer, fileID: Identifier, offset: UInt64
    ) throws(DecodingError) -> Contents {
        let end = stored.count - trailerByteCount
        guard end >= 0 else {
            throw DecodingError(
                offset: 0, "block is too short for its trailer size=\(stored.count)")
        }
        // Safety: the guard above found 9 bytes or more from `end` on.
        let body = unsafe UnsafeRawBufferPointer(rebasing: stored[..<(end + 5)])
        let expected = unsafe loadUInt32(stored, at: end + 5)
        guard unsafe checksum(kind, fileID: fileID, offset: offset, body) == expected else {
            throw DecodingError(offset: 0, "block checksum is wrong kind=\(kind)")
        }
        let code = unsafe stored[end]
        let isPacked = kind == .data && code & packedBit != 0
        guard let codec = Codec(rawValue: isPacked ? code & ~packedBit : code) else {
            throw DecodingError(offset: end, "block codec is unknown codec=\(code)")
        }
        let raw = unsafe Int(loadUInt32(stored, at: end + 1))
        guard raw <= rawByteCountMax, codec != .none || raw == end else {
            throw DecodingError(offset: end + 1, "block raw size is not possible size=\(raw)")
        }
        return Contents(
            codec: codec, rawByteCount: raw, storedByteCount: end, isPacked: isPacked)
    }

    /// Binds a stored block to another file, at the same offset, once it was found right.
    package static func rebind(
        _ kind: BlockKind, _ stored: inout [UInt8], from: Identifier, to: Identifier,
        offset: UInt64
    ) throws(DecodingError) {
        var failure: DecodingError?
        // Safety: the buffer is used only inside the closure.
        unsafe stored.withUnsafeBytes { buffer in
            do throws(DecodingError) {
                _ = try unsafe check(kind, buffer, fileID: from, offset: offset)
            } catch { failure = error }
        }
        if let failure { throw failure }
        stored.removeLast(4)
        // Safety: the buffer is used only inside the closure.
        let sum = unsafe stored.withUnsafeBytes { buffer in
            unsafe checksum(kind, fileID: to, offset: offset, buffer)
        }
        appendUInt32(sum, to: &stored)
    }

    /// Checks a stored block and returns its payload.
    package static func open(
        _ kind: BlockKind, _ stored: [UInt8], decompressor: Decompressor, fileID: Identifier,
        offset: UInt64
    ) throws(DecodingError) -> [UInt8] {
        // Safety: the buffers are used only inside the closures.
        let result = unsafe stored.withUnsafeBytes { buffer -> Result<[UInt8], DecodingError> in
            do throws(DecodingError) {
                let contents = try unsafe check(kind, buffer, fileID: fileID, offset: offset)
                return try unsafe .success(payload(contents, buffer, decompressor))
            } catch { return .failure(error) }
        }
        return try result.get()
    }

    private static func payload(
        _ contents: Contents, _ stored: UnsafeRawBufferPointer, _ decompressor: Decompressor
    ) throws(DecodingError) -> [UInt8] {
        // Safety: `check` found the stored size within the buffer; the target is `raw`'s own.
        let source = unsafe UnsafeRawBufferPointer(rebasing: stored[..<contents.storedByteCount])
        var raw = [UInt8](repeating: 0, count: contents.rawByteCount)
        var failure: DecodingError?
        unsafe raw.withUnsafeMutableBytes { target in
            do throws(DecodingError) {
                try unsafe decompressor.decompress(contents.codec, source, into: target)
            } catch { failure = error }
        }
        if let failure { throw failure }
        return contents.isPacked ? try unpacked(raw) : raw
    }

    private static func unpacked(_ packed: [UInt8]) throws(DecodingError) -> [UInt8] {
        // Safety: the buffers are used only inside the closures.
        let result = unsafe packed.withUnsafeBytes { buffer -> Result<[UInt8], DecodingError> in
            do throws(DecodingError) {
                let count = try unsafe BlockUnpacker.byteCount(of: buffer)
                var block = [UInt8](repeating: 0, count: count)
                var failure: DecodingError?
                unsafe block.withUnsafeMutableBytes { target in
                    do throws(DecodingError) {
                        try unsafe BlockUnpacker.unpack(buffer, into: target)
                    } catch { failure = error }
                }
                if let failure { return .failure(failure) }
                return .success(block)
            } catch { return .failure(error) }
        }
        return try result.get()
    }

    private static func checksum(
        _ kind: BlockKind, fileID: Identifier, offset: UInt64, _ body: UnsafeRawBufferPointer
    ) -> UInt32 {
        // Safety: the caller's buffer is valid for this call.
        unsafe CRC32C.checksum(body, seed: seed(kind, fileID: fileID, offset: offset))
    }

    /// The checksum of what a block is bound to.
    private static func seed(_ kind: BlockKind, fileID: Identifier, offset: UInt64) -> UInt32 {
        // The identifier most significant byte first, the offset last; without memory for each block read.
        let words = (fileID.high.bigEndian, fileID.low.bigEndian, offset.littleEndian)
        // Safety: plain bytes and words of the stack are lent for each call.
        let sum = unsafe withUnsafeBytes(of: kind.rawValue) { unsafe CRC32C.checksum($0) }
        return unsafe withUnsafeBytes(of: words) { unsafe CRC32C.checksum($0, seed: sum) }
    }

    private static func appendUInt32(_ value: UInt32, to bytes: inout [UInt8]) {
        for shift in stride(from: UInt32(0), to: 32, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    private static func loadUInt32(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> UInt32 {
        // Safety: callers checked that 4 bytes follow `offset`; the buffer checks in debug builds.
        unsafe UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
}

extension BlockFrame {
    /// Where a data block that begins at `start` ends, trailer included, found by its checksum alone: for files whose index is lost.
    ///
    /// Linear in the bytes looked at; a block ends by chance with one in four thousand million bytes.
    package static func end(
        ofDataBlockAt start: Int, in file: [UInt8], fileID: Identifier
    ) -> Int? {
        let seed = seed(.data, fileID: fileID, offset: UInt64(start))
        // Safety: every access is below the file's count.
        return unsafe file.withUnsafeBytes { bytes in
            var sum = seed
            var place = start
            while place + 4 < bytes.count, place - start <= rawByteCountMax {
                unsafe sum = CRC32C.checksum(
                    UnsafeRawBufferPointer(rebasing: bytes[place..<(place + 1)]), seed: sum)
                place += 1
                if place - start >= 5, unsafe loadUInt32(bytes, at: place) == sum {
                    return place + 4
                }
            }
            return nil
        }
    }
}
