import SiltBytes
import SiltFormat
import SiltModel

/// Entries of feeds as records beside backups hold them.
extension FeedEntry {
    /// The entry of a change.
    static func archived(_ change: TableChange) -> ChangesRecord.Entry {
        var entry = ChangesRecord.Entry(
            position: change.position.description, milliseconds: change.timestamp, kind: rowKind,
            name: [], changes: [])
        switch change.kind {
        case .row(let mutation):
            entry.name = mutation.row.array
            entry.changes = mutation.changes.map(encoded)
        case .restored(let snapshot):
            entry.kind = restoredKind
            entry.name = Array(snapshot.utf8)
        }
        return entry
    }

    /// The change of an entry in the object of a key.
    static func change(_ entry: ChangesRecord.Entry, in key: String) throws(SiltstoneError)
        -> TableChange
    {
        do throws(DecodingError) {
            guard let position = ChangePosition(entry.position) else {
                throw DecodingError(offset: 0, "position is none")
            }
            let kind: TableChange.Kind
            switch entry.kind {
            case rowKind:
                var changes: [CellMutation] = []
                for bytes in entry.changes {
                    changes.append(try change(bytes, committed: entry.milliseconds))
                }
                kind = .row(RowMutation(row: Bytes(entry.name), changes: changes))
            case restoredKind:
                kind = .restored(snapshot: String(decoding: entry.name, as: UTF8.self))
            default:
                throw DecodingError(offset: 0, "entry is of an unknown kind kind=\(entry.kind)")
            }
            return TableChange(position: position, timestamp: entry.milliseconds, kind: kind)
        } catch {
            throw SiltstoneError(
                .corrupted, "entry is damaged: \(error.message) position=\(entry.position)",
                at: .init(file: key))
        }
    }
}
