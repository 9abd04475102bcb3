internal import CSiltstone
package import SiltBytes
internal import SiltCodec
package import SiltFormat
package import SiltIO
package import SiltModel

/// Writes cells, given in order, as one table file, strictly forward.
package struct TableWriter: ~Copyable {
    private let id: Identifier
    private let object: any ObjectWriter
    private let blockBytes: Int
    private let compressor: Compressor
    private var block = BlockBuilder()
    private var index = IndexBuilder()
    private var filter: FilterBuilder
    private var properties: TableProperties
    /// The row prefix of the last cell that came without its step.
    private var row: [UInt8] = []
    private var offset: UInt64 = 0

    /// Begins the file `id` of a table.
    ///
    /// - Parameter properties: what only the owner knows: region, family, time of creation.
    package init(
        _ id: Identifier, table: Identifier, objects: any ObjectStore, settings: Family,
        properties: TableProperties = TableProperties()
    ) throws(SiltstoneError) {
        self.id = id
        blockBytes = max(settings.blockBytes, 64)
        compressor = Compressor(settings.compression)
        filter = FilterBuilder(settings.bloomFilter)
        self.properties = properties
        self.properties.table = table
        self.properties.codec = compressor.codec
        self.properties.blockBytes = UInt64(blockBytes)
        object = try objects.makeUnique(TableFile(id: id, table: table).key)
    }

    /// Appends a cell, which must sort after those before it.
    package mutating func append(
        columnKey: UnsafeRawBufferPointer, timestamp: Int64, type: UInt8, flags: UInt8,
        sequence: UInt64,
        value: UnsafeRawBufferPointer
    ) throws(SiltstoneError) {
        // Safety: the caller's buffers are only handed on, within the call.
        let step = unsafe step(to: columnKey)
        try unsafe append(
            columnKey: columnKey, step, timestamp: timestamp, type: type, flags: flags,
            sequence: sequence, value: value)
    }

    /// Appends the current cell of a cursor.
    ///
    /// - Parameters:
    ///   - step: how its key differs from that of the cell appended before.
    ///   - sequence: instead of its own.
    mutating func append(_ cursor: MergeCursor, _ step: KeyStep, sequence: UInt64? = nil)
        throws(SiltstoneError)
    {
        // Safety: the cursor's pointers are good until its next move.
        try unsafe append(
            columnKey: cursor.columnKey, step, timestamp: cursor.timestamp, type: cursor.type,
            flags: cursor.flags, sequence: sequence ?? cursor.sequence, value: cursor.value)
    }

    @inline(__always)
    private mutating func append(
        columnKey: UnsafeRawBufferPointer, _ step: KeyStep, timestamp: Int64, type: UInt8,
        flags: UInt8, sequence: UInt64, value: UnsafeRawBufferPointer
    ) throws(SiltstoneError) {
        // Safety: the caller's buffers are only handed on, within the call.
        if !block.isEmpty,
            block.estimatedByteCount + columnKey.count + value.count + 24 > blockBytes
        {
            try writeBlock()
        }
        switch filter.kind {
        case .none: break
        case .rowAndColumn: unsafe filter.append(Hash64.hash(columnKey))
        case .row where step.startsRow || properties.entryCount == 0:
            unsafe filter.append(
                Hash64.hash(
                    UnsafeRawBufferPointer(rebasing: columnKey[..<step.rowPrefixByteCount])))
        case .row: break
        }
        unsafe block.append(
            columnKey: columnKey, sharing: step.sharedByteCount, timestamp: timestamp, type: type,
            flags: flags, sequence: sequence, value: value)
        properties.add(timestamp: timestamp, type: type, sequence: sequence)
    }

    /// How a key differs from that of the cell appended before.
    private mutating func step(to columnKey: UnsafeRawBufferPointer) -> KeyStep {
        // Safety: the caller's buffer is only handed on, within the call; the last row's is used only inside the closure.
        // A column key holds the row's terminating zero; without one the whole key counts as the row.
        let count = unsafe CellKey.rowPrefixByteCount(of: columnKey)
        let prefix = unsafe UnsafeRawBufferPointer(rebasing: columnKey[..<count])
        let isSame = unsafe row.withUnsafeBytes { last in
            unsafe last.count == count
                && silt_order(last.baseAddress, count, prefix.baseAddress, count) == 0
        }
        if !isSame {
            row.removeAll(keepingCapacity: true)
            unsafe row.append(contentsOf: prefix)
        }
        return unsafe KeyStep(
            sharedByteCount: block.sharedByteCount(with: columnKey), rowPrefixByteCount: count,
            startsRow: !isSame)
    }

    /// About how many bytes the file would have if it were finished now; the last block counts
    /// uncompressed.
    package var byteCount: Int {
        Int(offset) + block.estimatedByteCount + index.estimatedByteCount + filter.count * 10 / 8
    }

    /// How many cells were appended.
    package var cellCount: Int { Int(properties.entryCount) }

    /// Makes the file durable and describes it.
    package mutating func finish() throws(SiltstoneError) -> TableFile {
        if !block.isEmpty { try writeBlock() }
        let indexPlace = try write(.index, index.finish())
        var filterPlace = TableFooter.Place(offset: offset, byteCount: 0)
        if filter.kind != .none { filterPlace = try write(.filter, filter.finish()) }
        let propertiesPlace = try write(.properties, properties.encoded())
        var footer = TableFooter(
            fileID: id, index: indexPlace, filter: filterPlace, properties: propertiesPlace,
            fileByteCount: offset + UInt64(TableFooter.byteCount))
        footer.hasPackedBlocks = compressor.codec == .zstd
        try append(footer.encoded())
        try object.finish()
        return TableFile(id: id, byteCount: offset, properties)
    }

    /// Gives the file up.
    package func abandon() { object.abandon() }

    private mutating func writeBlock() throws(SiltstoneError) {
        let first = block.firstCellKey
        let last = block.lastCellKey
        let entryCount = block.count
        let markerCount = block.markerCount
        let payload = block.finish()
        let start = offset
        let stored = try seal(payload)
        try append(stored)
        index.append(
            first: first, last: last,
            IndexEntry(
                offset: start, storedByteCount: stored.count, rawByteCount: payload.count,
                entryCount: entryCount, markerCount: markerCount))
        if properties.blockCount == 0 { properties.smallest = first }
        properties.largest = last
        properties.blockCount += 1
        properties.rawByteCount += UInt64(payload.count)
        properties.storedByteCount += UInt64(stored.count)
    }

    /// Blocks for Zstandard are packed first: there space counts more than time.
    private func seal(_ payload: [UInt8]) throws(SiltstoneError) -> [UInt8] {
        if compressor.codec != .zstd {
            return BlockFrame.seal(
                .data, payload, compressor: compressor, fileID: id, offset: offset)
        }
        do throws(DecodingError) {
            return try BlockFrame.sealPacked(
                payload, compressor: compressor, fileID: id, offset: offset)
        } catch {
            throw SiltstoneError(
                .corrupted, error.message,
                at: .init(file: TableFile(id: id, table: properties.table).key))
        }
    }

    private mutating func write(
        _ kind: BlockKind, _ payload: [UInt8]
    ) throws(SiltstoneError) -> TableFooter.Place {
        let start = offset
        let stored = BlockFrame.seal(kind, payload, compressor: nil, fileID: id, offset: start)
        try append(stored)
        return TableFooter.Place(offset: start, byteCount: UInt32(stored.count))
    }

    private mutating func append(_ bytes: [UInt8]) throws(SiltstoneError) {
        try object.append(bytes)
        offset += UInt64(bytes.count)
    }
}
