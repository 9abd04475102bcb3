import SiltBytes
import SiltCodec
import SiltFormat
import SiltModel

/// A table file, whole in memory, with every checksum looked at as its parts are asked for.
struct TableFileBytes {
    /// The file's name, for errors.
    let name: String
    let bytes: [UInt8]
    let footer: TableFooter
    let properties: TableProperties
    /// Where the data blocks are.
    let entries: [IndexEntry]
    /// What the index says stands after each block.
    let separators: [[UInt8]]
    /// The payload of the filter block; `nil` without one.
    let filter: [UInt8]?

    private let decompressor = Decompressor()

    /// Reads everything but the data blocks.
    init(_ bytes: [UInt8], name: String) throws(SiltstoneError) {
        self.bytes = bytes
        self.name = name
        let tailStart = max(0, bytes.count - TableFooter.byteCount)
        footer = try located(name, tailStart) { () throws(DecodingError) in
            try TableFooter(decodingEndOf: bytes, fileByteCount: UInt64(bytes.count))
        }
        let parts = Parts(bytes: bytes, name: name, file: footer.fileID, decompressor: decompressor)
        let payload = try parts.payload(.properties, footer.properties)
        properties = try located(name, Int(footer.properties.offset)) { () throws(DecodingError) in
            try TableProperties(decoding: payload)
        }
        filter = footer.filter.byteCount == 0 ? nil : try parts.payload(.filter, footer.filter)
        let index = try parts.payload(.index, footer.index)
        (entries, separators) = try located(name, Int(footer.index.offset)) {
            () throws(DecodingError) in
            try TableFileBytes.readIndex(index)
        }
    }

    /// The cells of a data block, in order.
    func cells(ofBlock number: Int) throws(SiltstoneError) -> [StoredCell] {
        let entry = entries[number]
        let parts = Parts(bytes: bytes, name: name, file: footer.fileID, decompressor: decompressor)
        guard let size = UInt32(exactly: entry.storedByteCount) else {
            throw SiltstoneError(
                .corrupted, "block is too long size=\(entry.storedByteCount)",
                at: .init(file: name, offset: Int(truncatingIfNeeded: entry.offset)))
        }
        let payload = try parts.payload(.data, .init(offset: entry.offset, byteCount: size))
        return try located(name, Int(entry.offset)) { () throws(DecodingError) in
            guard payload.count == entry.rawByteCount else {
                throw DecodingError(offset: 0, "block size differs from the index")
            }
            let cells = try TableFileBytes.readBlock(payload)
            guard cells.count == entry.entryCount else {
                throw DecodingError(offset: 0, "block entries differ from the index")
            }
            return cells
        }
    }

    /// The hashes among `hashes` that the filter denies, although it must not.
    func denied(_ hashes: [UInt64]) throws(SiltstoneError) -> Int {
        guard let filter else { return 0 }
        return try located(name, Int(footer.filter.offset)) { () throws(DecodingError) in
            // Safety: the view is used only while the array lends its bytes.
            let result = unsafe filter.withUnsafeBytes { buffer -> Result<Int, DecodingError> in
                do throws(DecodingError) {
                    let view = try unsafe FilterView(buffer)
                    return .success(hashes.count { !view.mayContain($0) })
                } catch { return .failure(error) }
            }
            return try result.get()
        }
    }

    private static func readIndex(_ payload: [UInt8]) throws(DecodingError)
        -> (entries: [IndexEntry], separators: [[UInt8]])
    {
        typealias Index = (entries: [IndexEntry], separators: [[UInt8]])
        // Safety: the view is used only while the array lends its bytes.
        let result = unsafe payload.withUnsafeBytes { buffer -> Result<Index, DecodingError> in
            do throws(DecodingError) {
                let view = try unsafe IndexView(buffer)
                let numbers = 0..<view.count
                return .success((numbers.map(view.entry), numbers.map(view.separator)))
            } catch { return .failure(error) }
        }
        return try result.get()
    }

    private static func readBlock(_ payload: [UInt8]) throws(DecodingError) -> [StoredCell] {
        // Safety: the view is used only while the array lends its bytes, and values are copied.
        let result = unsafe payload.withUnsafeBytes {
            buffer -> Result<[StoredCell], DecodingError> in
            do throws(DecodingError) {
                let view = try unsafe BlockView(buffer)
                return .success(
                    (0..<view.count).map { index in
                        unsafe StoredCell(
                            columnKey: view.columnKey(index), timestamp: view.timestamp(index),
                            type: view.type(index), flags: view.flags(index),
                            sequence: view.sequence(index), value: Array(view.value(index)))
                    })
            } catch { return .failure(error) }
        }
        return try result.get()
    }
}

/// The framed blocks of a file.
private struct Parts {
    let bytes: [UInt8]
    let name: String
    let file: Identifier
    let decompressor: Decompressor

    func payload(_ kind: BlockKind, _ place: TableFooter.Place) throws(SiltstoneError) -> [UInt8] {
        guard let start = Int(exactly: place.offset), start <= bytes.count - Int(place.byteCount)
        else {
            throw SiltstoneError(
                .corrupted, "block lies outside the file kind=\(kind)",
                at: .init(file: name, offset: Int(truncatingIfNeeded: place.offset)))
        }
        let stored = Array(bytes[start..<(start + Int(place.byteCount))])
        return try located(name, start) { () throws(DecodingError) in
            try BlockFrame.open(
                kind, stored, decompressor: decompressor, fileID: file, offset: place.offset)
        }
    }
}

/// Gives a decoding error its place in a file.
func located<Value>(_ file: String, _ offset: Int, _ body: () throws(DecodingError) -> Value)
    throws(SiltstoneError) -> Value
{
    do throws(DecodingError) { return try body() } catch {
        throw SiltstoneError(
            .corrupted, error.message, at: .init(file: file, offset: offset &+ error.offset))
    }
}
