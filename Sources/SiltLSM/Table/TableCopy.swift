internal import SiltBytes
package import SiltFormat
package import SiltIO
package import SiltModel

/// Copies of table files between a data directory and other places.
package enum TableCopy {
    private static let pieceBytes = 1 << 20

    /// Copies a file as it is, and reads the copy again: every block, cell and figure.
    ///
    /// - Returns: the size and the CRC-32C of all bytes.
    /// - Throws: `corrupted` when the file is damaged; then no copy that could be used is left.
    package static func copy(
        _ file: TableFile, from source: any ObjectStore, to target: any ObjectStore
    ) throws(SiltstoneError) -> (byteCount: UInt64, checksum: UInt32) {
        let object = try source.open(file.key)
        let writer = try target.makeUnique(file.key)
        var checksum: UInt32 = 0
        do throws(SiltstoneError) {
            try pieces(of: object) { (piece) throws(SiltstoneError) in
                checksum = CRC32C.checksum(piece, seed: checksum)
                try writer.append(piece)
            }
            try writer.finish()
        } catch {
            writer.abandon()
            throw error
        }
        do throws(SiltstoneError) {
            try TableVerification.runWhole(file, target)
        } catch {
            try target.delete([file.key])
            throw error
        }
        return (UInt64(object.byteCount), checksum)
    }

    /// The CRC-32C of all bytes of a file.
    package static func checksum(_ key: String, _ objects: any ObjectStore) throws(SiltstoneError)
        -> UInt32
    {
        var checksum: UInt32 = 0
        try pieces(of: try objects.open(key)) { (piece) throws(SiltstoneError) in
            checksum = CRC32C.checksum(piece, seed: checksum)
        }
        return checksum
    }

    private static func pieces(
        of object: any ObjectReader, _ body: ([UInt8]) throws(SiltstoneError) -> Void
    ) throws(SiltstoneError) {
        var offset = 0
        while offset < object.byteCount {
            let count = min(pieceBytes, object.byteCount - offset)
            try body(try object.bytes(count, at: offset))
            offset += count
        }
    }

    /// Copies a file under another identifier and table: the same blocks, each found right and bound anew.
    ///
    /// A data directory never has two files of one identifier, whatever is brought into it how often.
    ///
    /// - Parameter noted: what to make of an error of the target.
    /// - Returns: the file as a manifest names it, with the same part of it in use.
    static func rename(
        _ file: TableFile, to id: Identifier, table: Identifier, from source: any ObjectStore,
        to target: any ObjectStore, noted: (SiltstoneError) -> SiltstoneError
    ) throws(SiltstoneError) -> TableFile {
        let opening = try TableOpening(file, source)
        let footer = opening.footer
        var renamed = file
        renamed.id = id
        renamed.table = table
        let writer = try target.makeUnique(renamed.key)
        do throws(SiltstoneError) {
            var offset: UInt64 = 0
            func write(_ bytes: [UInt8]) throws(SiltstoneError) {
                do throws(SiltstoneError) { try writer.append(bytes) } catch { throw noted(error) }
                offset += UInt64(bytes.count)
            }
            func move(_ kind: BlockKind, _ place: TableFooter.Place) throws(SiltstoneError) {
                guard place.offset == offset else {
                    throw SiltstoneError(
                        .corrupted, "block does not follow the one before kind=\(kind)",
                        at: .init(file: file.key, offset: Int(clamping: place.offset)))
                }
                var stored = try opening.object.bytes(Int(place.byteCount), at: Int(offset))
                try opening.located(offset) { () throws(DecodingError) in
                    try BlockFrame.rebind(
                        kind, &stored, from: file.id, to: id, offset: place.offset)
                }
                try write(stored)
            }
            for place in try opening.dataPlaces() { try move(.data, place) }
            try move(.index, footer.index)
            if footer.filter.byteCount > 0 { try move(.filter, footer.filter) }
            var properties = try opening.properties()
            properties.table = table
            var place = TableFooter.Place(offset: offset, byteCount: 0)
            let stored = BlockFrame.seal(
                .properties, properties.encoded(), compressor: nil, fileID: id, offset: offset)
            place.byteCount = UInt32(stored.count)
            try write(stored)
            var end = footer
            end.fileID = id
            end.properties = place
            end.fileByteCount = offset + UInt64(TableFooter.byteCount)
            renamed.byteCount = end.fileByteCount
            try write(end.encoded())
            do throws(SiltstoneError) { try writer.finish() } catch { throw noted(error) }
        } catch {
            writer.abandon()
            throw error
        }
        return renamed
    }
}

extension TableOpening {
    /// Where the data blocks lie, in their order.
    func dataPlaces() throws(SiltstoneError) -> [TableFooter.Place] {
        let memory = try payload(.index, footer.index)
        defer { withExtendedLifetime(memory) {} }
        return try located(footer.index.offset) { () throws(DecodingError) in
            // Safety: the view lives no longer than its memory.
            let index = try unsafe IndexView(memory.bytes)
            var places: [TableFooter.Place] = []
            places.reserveCapacity(index.count)
            for number in 0..<index.count {
                let entry = index.entry(number)
                guard let count = UInt32(exactly: entry.storedByteCount) else {
                    throw DecodingError(offset: 0, "block size is not possible block=\(number)")
                }
                places.append(TableFooter.Place(offset: entry.offset, byteCount: count))
            }
            return places
        }
    }

    /// What the file says of itself.
    func properties() throws(SiltstoneError) -> TableProperties {
        let stored = try payload(.properties, footer.properties)
        defer { withExtendedLifetime(stored) {} }
        return try located(footer.properties.offset) { () throws(DecodingError) in
            // Safety: the bytes are read while their owner is held.
            try unsafe TableProperties(decoding: Array(stored.bytes))
        }
    }
}
