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
        /// What filters said.
        var filters = FilterCounts()
    }

    /// The sources that may hold cells of a row, or of one column of it.
    ///
    /// - Parameters:
    ///   - key: the row prefix, or the column key when only that column matters.
    ///   - rowPrefixByteCount: the length of the row prefix in `key`.
    static func pointSources(
        _ sources: borrowing TreeSources, tables: TableCache, key: [UInt8],
        rowPrefixByteCount: Int, timeRange: TimeRange, mayReadDisk: Bool
    ) throws(SiltstoneError) -> PointSources {
        var found = PointSources()
        // A memtable that is empty now gains only cells newer than the sequence.
        for memtable in sources.memtables where memtable.cellCount > 0 {
            found.memtables.append(memtable)
        }
        if sources.runs.isEmpty && sources.levels.isEmpty { return found }
        let hashes = PointHashes(key, rowPrefixByteCount: rowPrefixByteCount)
        for index in sources.runs.indices where mayHold(sources.runs[index], key, timeRange) {
            let reader = try tables.reader(sources.runs[index], mayReadDisk: mayReadDisk)
            if hashes.mayBeIn(reader, &found.filters) { found.readers.append(reader) }
        }
        for level in sources.levels {
            var place = firstFile(of: level, endingAtOrAfter: key)
            while place < level.count, !beginsAfter(level[place], key) {
                if mayHold(level[place], key, timeRange) {
                    let reader = try tables.reader(level[place], mayReadDisk: mayReadDisk)
                    if hashes.mayBeIn(reader, &found.filters) { found.readers.append(reader) }
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

        func mayBeIn(_ reader: TableReader, _ filters: inout FilterCounts) -> Bool {
            if reader.blockCount == 0 { return false }
            let hash: UInt64
            switch reader.filterKind {
            case .none: return true
            case .row: hash = row
            // A family marker masks a column of which the file need hold no cell.
            case .rowAndColumn:
                guard let column, reader.file.familyMarkerCount == 0 else { return true }
                hash = column
            }
            filters.asked += 1
            if reader.mayContain(hash) { return true }
            filters.excluded += 1
            return false
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

extension MergeCore {
    /// How many files with a filter stand at no cell that begins with a key.
    func countWithout(_ key: [UInt8]) -> Int {
        var result = 0
        for index in memtableCount..<count {
            // Safety: the arrays have an initialized element for each source; a valid cell's key is
            // valid for its count.
            let cell = unsafe cells[index]
            let begins =
                unsafe cell.isValid && cell.keyCount >= key.count
                && key.withUnsafeBytes {
                    unsafe silt_compare(cell.key, $0.baseAddress, $0.count) == 0
                }
            if !begins, unsafe runs[index &- memtableCount].hasFilter { result += 1 }
        }
        return result
    }
}

extension TableRunCursor {
    /// Whether the file of the cursor has a filter that reads of one row ask.
    fileprivate var hasFilter: Bool { (reader ?? readers.first)?.filterKind ?? .none != .none }
}
