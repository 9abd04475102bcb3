import SiltBytes
import SiltFormat
import SiltModel

/// The rows of a table of feed entries: one for each row that a batch changed, under its position.
///
/// Part of the format: docs/format/feed.md.
///
/// The head, at the empty qualifier, says what happened to which row; the cells after it, numbered, are the changes.
enum FeedEntry {
    /// The family of entries.
    static let family = "e"
    /// The family of the feed's state.
    static let stateFamily = "s"
    /// The row of the state, which comes after all positions.
    static let stateRow: Bytes = "state"
    /// The column of the position of the last entry.
    static let lastColumn = Column(stateFamily, "last")
    /// The column of how often the feed was opened and written to.
    static let openingColumn = Column(stateFamily, "opening")

    private static let headColumn = Column(family, .empty)
    static let rowKind: UInt8 = 1
    static let restoredKind: UInt8 = 2
    private static let hasTimestamp: UInt8 = 1
    private static let hasTimeToLive: UInt8 = 2

    /// The row of a position.
    static func row(_ position: ChangePosition) -> Bytes { Bytes(position.description) }

    /// The entry of a change.
    ///
    /// - Parameter previous: the last position before the batch, for its first entry.
    static func mutation(
        _ position: ChangePosition, _ kind: TableChange.Kind, previous: ChangePosition?
    ) -> RowMutation {
        var head = ByteWriter(capacity: 64)
        var changes: [CellMutation] = []
        switch kind {
        case .row(let mutation):
            head.write(rowKind)
            head.writeSized(mutation.row.array)
            for (number, change) in mutation.changes.enumerated() {
                var qualifier = ByteWriter(capacity: 4)
                qualifier.write(UInt32(number).byteSwapped)
                changes.append(
                    put(Column(family, Bytes(qualifier.bytes)), Bytes(encoded(change))))
            }
        case .restored(let snapshot):
            head.write(restoredKind)
            head.writeSized(snapshot)
        }
        head.writeSized(previous?.description ?? "")
        changes.append(put(headColumn, Bytes(head.bytes)))
        return RowMutation(row: row(position), changes: changes)
    }

    /// The mutation that keeps the position of the last entry.
    static func state(last: ChangePosition) -> RowMutation {
        RowMutation(row: stateRow, changes: [put(lastColumn, Bytes(last.description))])
    }

    /// The mutation that keeps how often the feed was opened.
    static func state(opening: UInt32) -> RowMutation {
        RowMutation(row: stateRow, changes: [put(openingColumn, Bytes("\(opening)"))])
    }

    /// Reads an entry: the change, and the last position before its batch if it is the first of it.
    static func read(_ entry: Row) throws(SiltstoneError) -> (
        change: TableChange, previous: ChangePosition?
    ) {
        do throws(DecodingError) {
            guard let position = entry.key.string.flatMap({ ChangePosition($0) }),
                let head = entry.cells.first, head.column.qualifier.isEmpty
            else { throw DecodingError(offset: 0, "entry has no head") }
            var reader = ByteReader(head.value.array)
            let code = try reader.readUInt8()
            let kind: TableChange.Kind
            switch code {
            case rowKind:
                let row = Bytes(try reader.readSized())
                var changes: [CellMutation] = []
                for cell in entry.cells.dropFirst() {
                    changes.append(try change(cell.value.array, committed: head.timestamp))
                }
                kind = .row(RowMutation(row: row, changes: changes))
            case restoredKind: kind = .restored(snapshot: try reader.readSizedString())
            default: throw DecodingError(offset: 0, "entry is of an unknown kind kind=\(code)")
            }
            let previous = try reader.readSizedString()
            return (
                TableChange(position: position, timestamp: head.timestamp, kind: kind),
                ChangePosition(previous)
            )
        } catch {
            throw SiltstoneError(
                .corrupted, "feed entry is damaged: \(error.message) key=\(entry.key)")
        }
    }

    private static func put(_ column: Column, _ value: Bytes) -> CellMutation {
        CellMutation(column, .put(value: value, timeToLiveMilliseconds: nil))
    }

    /// A change whose missing time stamp is that of the commit, which is the entry's own.
    static func encoded(_ change: CellMutation) -> [UInt8] {
        var life: Int64?
        var value = Bytes.empty
        let type: CellType
        switch change.action {
        case .put(let stored, let milliseconds): (type, value, life) = (.put, stored, milliseconds)
        case .deleteVersion: type = .delete
        case .deleteColumn: type = .deleteColumn
        case .deleteFamily: type = .deleteFamily
        case .deleteFamilyVersion: type = .deleteFamilyVersion
        }
        var writer = ByteWriter(capacity: value.count + change.column.qualifier.count + 64)
        writer.write(type.rawValue)
        writer.write(
            UInt8((change.timestamp == nil ? 0 : hasTimestamp) | (life == nil ? 0 : hasTimeToLive)))
        if let timestamp = change.timestamp { writer.write(timestamp) }
        if let life { writer.write(life) }
        writer.writeSized(change.column.family)
        writer.writeSized(change.column.qualifier.array)
        writer.write(contentsOf: value.array)
        return writer.bytes
    }

    static func change(_ bytes: [UInt8], committed: Int64) throws(DecodingError)
        -> CellMutation
    {
        var reader = ByteReader(bytes)
        let code = try reader.readUInt8()
        let flags = try reader.readUInt8()
        let timestamp = flags & hasTimestamp == 0 ? committed : try reader.readInt64()
        let life = flags & hasTimeToLive == 0 ? nil : try reader.readInt64()
        let family = try reader.readSizedString()
        let qualifier = Bytes(try reader.readSized())
        let action: CellMutation.Action
        switch CellType(rawValue: code) {
        case .put:
            action = .put(
                value: Bytes(try reader.readBytes(reader.remaining)), timeToLiveMilliseconds: life)
        case .delete: action = .deleteVersion
        case .deleteColumn: action = .deleteColumn
        case .deleteFamily: action = .deleteFamily
        case .deleteFamilyVersion: action = .deleteFamilyVersion
        default: throw DecodingError(offset: 0, "change is of an unknown type type=\(code)")
        }
        return CellMutation(Column(family, qualifier), action, timestamp: timestamp)
    }
}
