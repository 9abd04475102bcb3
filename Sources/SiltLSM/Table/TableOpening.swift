internal import SiltBytes
internal import SiltCodec
internal import SiltFormat
internal import SiltIO
internal import SiltModel

/// The steps of opening a table file: its tail in memory, its footer understood, its blocks
/// unpacked.
struct TableOpening {
    let object: any ObjectReader
    let footer: TableFooter
    let decompressor = Decompressor()
    private let file: TableFile
    private let tail: RawBytes
    private let tailStart: Int

    init(_ file: TableFile, _ objects: any ObjectStore) throws(SiltstoneError) {
        // Safety: buffers are read within their bounds, while the object that owns them is held.
        self.file = file
        object = try objects.open(file.key)
        let size = object.byteCount
        let tailCount = min(size, TableFooter.tailReadByteCount)
        tail = RawBytes(byteCount: tailCount)
        tailStart = size - tailCount
        if tailCount > 0 { try unsafe object.read(into: tail.buffer, at: tailStart) }
        let location = SiltstoneError.Location(
            file: object.key, offset: max(0, size - TableFooter.byteCount))
        do throws(DecodingError) {
            footer = try unsafe TableFooter(
                decodingEndOf: Array(tail.bytes), fileByteCount: UInt64(size))
        } catch {
            throw SiltstoneError(.corrupted, error.message, at: location)
        }
        guard footer.fileID == file.id else {
            throw SiltstoneError(
                .corrupted, "table is another file wanted=\(file.id) got=\(footer.fileID)",
                at: location)
        }
    }

    /// The payload of one of the file's blocks.
    func payload(_ kind: BlockKind, _ place: TableFooter.Place) throws(SiltstoneError) -> RawBytes {
        // Safety: buffers are read within their bounds, while the object that owns them is held.
        let count = Int(place.byteCount)
        guard let offset = Int(exactly: place.offset), offset <= object.byteCount - count else {
            throw error("block lies outside the file kind=\(kind)", place.offset)
        }
        let stored = RawBytes(byteCount: count)
        if offset >= tailStart {
            // Safety: the block lies within the tail, of which `stored` takes as many bytes as it
            // has room for.
            unsafe stored.buffer.copyMemory(
                from: UnsafeRawBufferPointer(
                    rebasing: tail.bytes[(offset - tailStart)..<(offset - tailStart + count)]))
        } else {
            try unsafe object.read(into: stored.buffer, at: offset)
        }
        return try located(place.offset) { () throws(DecodingError) in
            try unsafe Self.unpack(
                kind, stored.bytes, file: file.id, offset: place.offset, decompressor)
        }
    }

    /// Gives an error in a block its place in the file.
    func located<Value>(
        _ offset: UInt64, _ body: () throws(DecodingError) -> Value
    ) throws(SiltstoneError) -> Value {
        do throws(DecodingError) { return try body() } catch {
            throw self.error(error.message, offset)
        }
    }

    /// Checks a stored block and decompresses it.
    static func unpack(
        _ kind: BlockKind, _ stored: UnsafeRawBufferPointer, file: Identifier, offset: UInt64,
        _ decompressor: Decompressor
    ) throws(DecodingError) -> RawBytes {
        // Safety: buffers are read within their bounds, while the object that owns them is held.
        let contents = try unsafe BlockFrame.check(kind, stored, fileID: file, offset: offset)
        let memory = RawBytes(byteCount: contents.rawByteCount)
        // Safety: the payload is the first `storedByteCount` bytes of what was checked.
        try unsafe decompressor.decompress(
            contents.codec,
            UnsafeRawBufferPointer(rebasing: stored[..<contents.storedByteCount]),
            into: memory.buffer)
        if !contents.isPacked { return memory }
        let block = RawBytes(byteCount: try unsafe BlockUnpacker.byteCount(of: memory.bytes))
        try unsafe BlockUnpacker.unpack(memory.bytes, into: block.buffer)
        return block
    }

    private func error(_ message: String, _ offset: UInt64) -> SiltstoneError {
        SiltstoneError(
            .corrupted, message,
            at: .init(file: object.key, offset: Int(truncatingIfNeeded: offset)))
    }
}
