internal import SiltBytes
internal import SiltCodec
internal import SiltFormat
internal import SiltModel

/// What can be read of a table file whose parts may be damaged.
struct TableSalvage {
    /// A cell or marker, copied out of its block.
    struct Entry {
        var columnKey: [UInt8]
        var timestamp: Int64
        var type: UInt8
        var flags: UInt8
        var sequence: UInt64
        var value: [UInt8]
    }

    /// The cells of the good blocks, in order.
    private(set) var entries: [Entry] = []
    /// What is wrong with the file; empty when it is whole.
    private(set) var damage: [String] = []
    /// The properties, when they can be read.
    private(set) var properties: TableProperties?

    private let bytes: [UInt8]
    private let file: TableFile
    private let decompressor = Decompressor()

    /// Reads the file that a manifest knows as `file`.
    init(_ bytes: [UInt8], _ file: TableFile) {
        self.bytes = bytes
        self.file = file
        if !readByIndex() { readByChecksums() }
        if damage.isEmpty, UInt64(entries.count) != file.entryCount {
            damage.append("entries=\(entries.count) of \(file.entryCount)")
        }
    }

    /// The whole file, as its footer and index say; `false` when those cannot be read.
    private mutating func readByIndex() -> Bool {
        let places: [IndexEntry]
        do throws(DecodingError) {
            let footer = try TableFooter(
                decodingEndOf: bytes, fileByteCount: UInt64(bytes.count))
            guard footer.fileID == file.id else {
                throw DecodingError(offset: 0, "footer is of another file")
            }
            let index = try payload(.index, footer.index.offset, Int(footer.index.byteCount))
            places = try Self.places(index)
            readParts(footer)
        } catch {
            damage.append("index: \(error.message)")
            return false
        }
        for place in places {
            do throws(DecodingError) {
                try take(try payload(.data, place.offset, place.storedByteCount))
            } catch {
                damage.append(
                    "block at \(place.offset) with \(place.entryCount) entries: \(error.message)")
            }
        }
        return true
    }

    private mutating func readParts(_ footer: TableFooter) {
        do throws(DecodingError) {
            if footer.filter.byteCount > 0 {
                _ = try payload(.filter, footer.filter.offset, Int(footer.filter.byteCount))
            }
            properties = try TableProperties(
                decoding: try payload(
                    .properties, footer.properties.offset, Int(footer.properties.byteCount)))
        } catch { damage.append("filter or properties: \(error.message)") }
    }

    /// Block after block from the beginning: each ends where its checksum fits.
    ///
    /// Ends at the first that is damaged.
    private mutating func readByChecksums() {
        var place = 0
        while let end = BlockFrame.end(ofDataBlockAt: place, in: bytes, fileID: file.id) {
            do throws(DecodingError) {
                try take(try payload(.data, UInt64(place), end - place))
            } catch {
                damage.append("block at \(place): \(error.message)")
                return
            }
            place = end
        }
    }

    private mutating func take(_ payload: [UInt8]) throws(DecodingError) {
        // Safety: the view is used only while the array lends its bytes, and entries are copied.
        let result = unsafe payload.withUnsafeBytes { buffer -> Result<[Entry], DecodingError> in
            do throws(DecodingError) {
                let view = try unsafe BlockView(buffer)
                guard view.isInOrder else { throw DecodingError(offset: 0, "cells out of order") }
                return .success(
                    (0..<view.count).map { index in
                        unsafe Entry(
                            columnKey: view.columnKey(index), timestamp: view.timestamp(index),
                            type: view.type(index), flags: view.flags(index),
                            sequence: view.sequence(index), value: Array(view.value(index)))
                    })
            } catch { return .failure(error) }
        }
        entries += try result.get()
    }

    private func payload(_ kind: BlockKind, _ offset: UInt64, _ count: Int) throws(DecodingError)
        -> [UInt8]
    {
        guard let start = Int(exactly: offset), count >= 0, start <= bytes.count - count else {
            throw DecodingError(offset: 0, "block lies outside the file")
        }
        return try BlockFrame.open(
            kind, Array(bytes[start..<(start + count)]), decompressor: decompressor,
            fileID: file.id, offset: offset)
    }

    private static func places(_ index: [UInt8]) throws(DecodingError) -> [IndexEntry] {
        // Safety: the view is used only while the array lends its bytes.
        let result = unsafe index.withUnsafeBytes { buffer -> Result<[IndexEntry], DecodingError> in
            do throws(DecodingError) {
                let view = try unsafe IndexView(buffer)
                return .success((0..<view.count).map(view.entry))
            } catch { return .failure(error) }
        }
        return try result.get()
    }
}
