internal import CSiltstone
internal import SiltBytes
internal import SiltFormat
internal import SiltModel

/// Reads of one row or one column, the commonest of all: files that cannot hold it are left out before
/// there is a cursor, and most reads of what is not there need none.
extension TreeCursor {
    /// The sources of one row that may hold it.
    struct PointSources {
        var memtables: [Memtable] = []
        var readers: [TableReader] = []
    }

    /// The sources that may hold cells of a row, or of one column of it.
    ///
    /// - Parameters:
    ///   - key: the row prefix, or the column key when only that column matters.
    ///   - rowPrefixByteCount: the length of the row prefix in `key`.
    static func pointSources(
        _ sources: borrowing TreeSources, tables: TableCache, key: [UInt8],
        rowPrefixByteCount: Int, timeRange: TimeRange
    ) throws(SiltstoneError) -> PointSources {
        var found = PointSources()
        // A memtable that is empty now gains only cells newer than the sequence.
        for memtable in sources.memtables where memtable.cellCount > 0 {
            found.memtables.append(memtable)
        }
        if sources.runs.isEmpty && sources.levels.isEmpty { return found }
        let hashes = PointHashes(key, rowPrefixByteCount: rowPrefixByteCount)
        for index in sources.runs.indices where mayHold(sources.runs[index], key, timeRange) {
            let reader = try tables.reader(sources.runs[index])
            if hashes.mayBeIn(reader) { found.readers.append(reader) }
        }
        for level in sources.levels {
            var place = firstFile(of: level, endingAtOrAfter: key)
            while place < level.count, !beginsAfter(level[place], key) {
                if mayHold(level[place], key, timeRange) {
                    let reader = try tables.reader(level[place])
                    if hashes.mayBeIn(reader) { found.readers.append(reader) }
                }
                place += 1
            }
        }
        return found
    }

    private struct PointHashes {
        let row: UInt64
        let column: UInt64?

        init(_ key: [UInt8], rowPrefixByteCount: Int) {
            if rowPrefixByteCount == key.count {
                row = Hash64.hash(key)
                column = nil
            } else {
                row = unsafe key.withUnsafeBytes { bytes in
                    // Safety: the row prefix is a part of the key.
                    unsafe silt_hash64(bytes.baseAddress, rowPrefixByteCount, 0)
                }
                column = Hash64.hash(key)
            }
        }

        func mayBeIn(_ reader: TableReader) -> Bool {
            if reader.blockCount == 0 { return false }
            switch reader.filterKind {
            case .none: return true
            case .row: return reader.mayContain(row)
            // A family marker masks a column of which the file need hold no cell.
            case .rowAndColumn:
                guard let column else { return true }
                return reader.file.familyMarkerCount > 0 || reader.mayContain(column)
            }
        }
    }

    private static func mayHold(
        _ file: borrowing TableFile, _ key: [UInt8], _ timeRange: TimeRange
    ) -> Bool {
        if file.entryCount == 0 || order(file.largest, key) < 0 || beginsAfter(file, key) {
            return false
        }
        return file.markerCount > 0
            || file.maxTimestamp >= timeRange.min
                && (file.minTimestamp < timeRange.max || timeRange.max == .max)
    }

    /// Whether all of a file comes after the cells that begin with `key`.
    private static func beginsAfter(_ file: borrowing TableFile, _ key: [UInt8]) -> Bool {
        order(file.smallest, key, countMax: key.count) > 0
    }

    private static func firstFile(of level: [TableFile], endingAtOrAfter key: [UInt8]) -> Int {
        var low = 0
        var high = level.count
        while low < high {
            let middle = (low + high) / 2
            if order(level[middle].largest, key) < 0 { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The order of at most `countMax` bytes of `left`, and `right`.
    private static func order(_ left: [UInt8], _ right: [UInt8], countMax: Int = .max) -> Int32 {
        // Safety: both pointers are valid for their counts.
        unsafe left.withUnsafeBytes { left in
            unsafe right.withUnsafeBytes { right in
                guard let a = left.baseAddress, let b = right.baseAddress else {
                    return left.count == right.count ? 0 : left.count < right.count ? -1 : 1
                }
                return unsafe silt_order(a, min(left.count, countMax), b, right.count)
            }
        }
    }
}
