import SiltBytes
import SiltFormat
import SiltModel

/// Verifies a table file against itself and against the manifest that names it.
///
/// 1. Footer, index, filter, properties and every data block have the right checksum and decode.
/// 2. Cells are in strict order, within a block and between blocks, and on the right side of the index's separators.
/// 3. Counts, bounds, time stamps and sequences are those of the properties, and of the manifest.
/// 4. The filter admits every row or column of the file.
struct TableFileCheck {
    private let file: TableFileBytes
    private var counted = TableProperties()
    private var last: [UInt8] = []
    private var hashes: [UInt64] = []
    private var lastFiltered: [UInt8] = []
    private var filterKind = BloomFilterKind.none

    /// Verifies the file that a manifest knows as `known`.
    ///
    /// - Returns: how many cells and markers it holds.
    static func run(_ bytes: [UInt8], name: String, known: TableFile, family: UInt8)
        throws(SiltstoneError) -> Int
    {
        var check = TableFileCheck(file: try TableFileBytes(bytes, name: name))
        guard check.file.properties.family == family else {
            throw check.damage("file is of another family family=\(check.file.properties.family)")
        }
        try check.run(known)
        return Int(check.counted.entryCount)
    }

    private init(file: TableFileBytes) { self.file = file }

    private mutating func run(_ known: TableFile) throws(SiltstoneError) {
        guard file.footer.fileID == known.id, file.properties.table == known.table else {
            throw damage(
                "table file is another id=\(file.footer.fileID) table=\(file.properties.table)")
        }
        filterKind = try kind()
        for number in file.entries.indices { try runBlock(number) }
        counted.largest = last
        try compare()
        try compare(known)
        let denied = try file.denied(hashes)
        if denied > 0 { throw damage("filter denies keys that are there count=\(denied)") }
    }

    private mutating func runBlock(_ number: Int) throws(SiltstoneError) {
        let offset = Int(file.entries[number].offset)
        let cells = try file.cells(ofBlock: number)
        for cell in cells {
            guard CellType(rawValue: cell.type) != nil else {
                throw damage("cell type is unknown type=\(cell.type)", at: offset)
            }
            let key = cell.cellKey
            guard counted.entryCount == 0 || last.lexicographicallyPrecedes(key) else {
                throw damage("cells are not in order key=\(Hex.encode(key))", at: offset)
            }
            _ = try located(file.name, offset) { () throws(DecodingError) in try cell.names() }
            if counted.entryCount == 0 { counted.smallest = key }
            last = key
            counted.add(timestamp: cell.timestamp, type: cell.type, sequence: cell.sequence)
            addHash(cell.columnKey)
        }
        if let first = cells.first, number > 0 {
            guard file.separators[number - 1].lexicographicallyPrecedes(first.cellKey) else {
                throw damage(
                    "block begins before the index's separator number=\(number)", at: offset)
            }
        }
        guard !file.separators[number].lexicographicallyPrecedes(last) else {
            throw damage("block ends after the index's separator number=\(number)", at: offset)
        }
    }

    private mutating func addHash(_ columnKey: [UInt8]) {
        let filtered: [UInt8]
        switch filterKind {
        case .none: return
        case .row:
            filtered = Array(
                columnKey.prefix(through: columnKey.firstIndex(of: 0) ?? columnKey.count - 1))
        case .rowAndColumn: filtered = columnKey
        }
        if filtered == lastFiltered { return }
        lastFiltered = filtered
        hashes.append(Hash64.hash(filtered))
    }

    /// What the filter is asked with: the second byte of its payload.
    private func kind() throws(SiltstoneError) -> BloomFilterKind {
        guard let filter = file.filter else { return .none }
        _ = try file.denied([])
        return filter.count > 1 ? BloomFilterKind(rawValue: filter[1]) ?? .none : .none
    }

    private func compare() throws(SiltstoneError) {
        let own = file.properties
        try same("entries", own.entryCount, counted.entryCount)
        try same("markers", own.markerCount, counted.markerCount)
        try same("family_markers", own.familyMarkerCount, counted.familyMarkerCount)
        // A file of version 1 does not say.
        if own.versionMarkerCount != own.markerCount {
            try same("version_markers", own.versionMarkerCount, counted.versionMarkerCount)
        }
        try same("blocks", own.blockCount, UInt64(file.entries.count))
        try same("min_timestamp", own.minTimestamp, counted.minTimestamp)
        try same("max_timestamp", own.maxTimestamp, counted.maxTimestamp)
        try same("min_sequence", own.minSequence, counted.minSequence)
        try same("max_sequence", own.maxSequence, counted.maxSequence)
        try same("smallest", Hex.encode(own.smallest), Hex.encode(counted.smallest))
        try same("largest", Hex.encode(own.largest), Hex.encode(counted.largest))
    }

    private func compare(_ known: TableFile) throws(SiltstoneError) {
        try same("manifest_bytes", known.byteCount, UInt64(file.bytes.count))
        try same("manifest_entries", known.entryCount, counted.entryCount)
        try same("manifest_markers", known.markerCount, counted.markerCount)
        try same(
            "manifest_family_markers", known.familyMarkerCount, counted.familyMarkerCount)
        try same("manifest_min_timestamp", known.minTimestamp, counted.minTimestamp)
        try same("manifest_max_timestamp", known.maxTimestamp, counted.maxTimestamp)
        try same("manifest_min_sequence", known.minSequence, counted.minSequence)
        try same("manifest_max_sequence", known.maxSequence, counted.maxSequence)
        // The keys of a clipped file are bounds of the part that counts.
        if known.clip != nil {
            let isWithin =
                !known.smallest.lexicographicallyPrecedes(counted.smallest)
                && !counted.largest.lexicographicallyPrecedes(known.largest)
            if !isWithin { throw damage("part of the file lies outside its keys") }
            return
        }
        try same("manifest_smallest", Hex.encode(known.smallest), Hex.encode(counted.smallest))
        try same("manifest_largest", Hex.encode(known.largest), Hex.encode(counted.largest))
    }

    private func same<Value: Equatable>(_ what: String, _ stated: Value, _ found: Value)
        throws(SiltstoneError)
    {
        if stated != found { throw damage("figures differ \(what)=\(stated) found=\(found)") }
    }

    private func damage(_ message: String, at offset: Int? = nil) -> SiltstoneError {
        SiltstoneError(.corrupted, message, at: .init(file: file.name, offset: offset))
    }
}
