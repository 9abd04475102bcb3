internal import SiltBytes
internal import SiltFormat
internal import SiltIO
internal import SiltModel

/// Reads a table file that was just written, before a manifest names it: what storage gives back must be what was meant.
///
/// Every checksum, the order of cells and blocks, the figures, and that the filter admits every cell.
struct TableVerification {
    private let file: TableFile
    private let opening: TableOpening
    private var counted = TableProperties()
    private var last: [UInt8] = []

    /// Fails with `corrupted` unless the object holds what the writer said.
    static func run(_ file: TableFile, _ objects: any ObjectStore) throws(SiltstoneError) {
        var verification = TableVerification(
            file: file, opening: try TableOpening(file, objects))
        try verification.run()
    }

    /// The same for a file of which only the name is known, by what it says of itself.
    static func runWhole(_ named: TableFile, _ objects: any ObjectStore) throws(SiltstoneError) {
        let opening = try TableOpening(named, objects)
        let file = TableFile(
            id: named.id, byteCount: UInt64(opening.object.byteCount), try opening.properties())
        guard file.table == named.table else {
            throw SiltstoneError(
                .corrupted, "table file is of another table table=\(file.table)",
                at: .init(file: named.key, offset: Int(clamping: opening.footer.properties.offset)))
        }
        var verification = TableVerification(file: file, opening: opening)
        try verification.run()
    }

    private init(file: TableFile, opening: TableOpening) {
        self.file = file
        self.opening = opening
    }

    private mutating func run() throws(SiltstoneError) {
        let footer = opening.footer
        // The views below live no longer than these.
        let indexMemory = try opening.payload(.index, footer.index)
        let filterMemory =
            footer.filter.byteCount > 0 ? try opening.payload(.filter, footer.filter) : nil
        defer { withExtendedLifetime((indexMemory, filterMemory)) {} }
        let stored = try opening.payload(.properties, footer.properties)
        // Safety: the bytes are read while their owner is held.
        let index = try opening.located(footer.index.offset) { () throws(DecodingError) in
            try unsafe IndexView(indexMemory.bytes)
        }
        let filter = try opening.located(footer.filter.offset) {
            () throws(DecodingError) -> FilterView? in
            guard let filterMemory else { return nil }
            return try unsafe FilterView(filterMemory.bytes)
        }
        let properties = try opening.located(footer.properties.offset) {
            () throws(DecodingError) in
            try unsafe TableProperties(decoding: Array(stored.bytes))
        }
        for number in 0..<index.count {
            let entry = index.entry(number)
            guard let count = UInt32(exactly: entry.storedByteCount) else {
                throw damage("block size is not possible")
            }
            let block = try opening.payload(
                .data, TableFooter.Place(offset: entry.offset, byteCount: count))
            let problem = try opening.located(entry.offset) { () throws(DecodingError) in
                try check(block, entry, index.separator(number), filter)
            }
            if let problem { throw damage(problem, at: entry.offset) }
        }
        counted.largest = last
        try compare(properties)
    }

    /// What is wrong with a block, in words.
    private mutating func check(
        _ block: RawBytes, _ entry: IndexEntry, _ separator: [UInt8], _ filter: FilterView?
    ) throws(DecodingError) -> String? {
        // Safety: the view lives no longer than the block's memory, which the caller holds.
        let view = try unsafe BlockView(block.bytes)
        guard view.count == entry.entryCount else { return "block entries differ from the index" }
        for number in 0..<view.count {
            let key = view.cellKey(number)
            if counted.entryCount == 0 {
                counted.smallest = key
            } else if !last.lexicographicallyPrecedes(key) {
                return "cells are not in order"
            }
            last = key
            counted.add(
                timestamp: view.timestamp(number), type: view.type(number),
                sequence: view.sequence(number))
            if let filter, !Self.admits(filter, view.columnKey(number)) {
                return "filter denies a cell that is there"
            }
        }
        return separator.lexicographicallyPrecedes(last)
            ? "block ends after the index's separator" : nil
    }

    private static func admits(_ filter: FilterView, _ columnKey: [UInt8]) -> Bool {
        switch filter.kind {
        case .none: true
        case .rowAndColumn: filter.mayContain(Hash64.hash(columnKey))
        case .row:
            filter.mayContain(
                Hash64.hash(
                    Array(
                        columnKey.prefix(
                            through: columnKey.firstIndex(of: 0) ?? columnKey.count - 1))))
        }
    }

    private func compare(_ properties: TableProperties) throws(SiltstoneError) {
        let found = TableFile(id: file.id, byteCount: UInt64(opening.object.byteCount), properties)
        guard found == file else { throw damage("properties are not those that were written") }
        var own = TableFile(id: file.id, byteCount: file.byteCount, counted)
        own.table = file.table
        own.createdMilliseconds = file.createdMilliseconds
        guard own == file else { throw damage("figures are not those of the cells") }
    }

    private func damage(_ message: String, at offset: UInt64? = nil) -> SiltstoneError {
        SiltstoneError(
            .corrupted, "written file reads back wrong: \(message)",
            at: .init(file: file.key, offset: offset.map { Int(truncatingIfNeeded: $0) }))
    }
}
