import SiltLSM
import SiltModel

/// When a table's regions are split by themselves.
///
/// Set by attributes of the table, as in HBase: `SPLIT_ENABLED` (`true`), `MAX_FILESIZE` (10 GiB), and
/// Siltstone's own `SPLIT_LOAD`, requests in a second (none).
struct SplitPolicy {
    static let fileBytesMaxDefault = 10 << 30

    /// The size from which a region is split, in bytes.
    let fileBytesMax: Int
    /// The load from which it is split, in requests a second.
    let loadMax: Double?

    /// The policy of a table; `nil` when its regions stay as they are.
    init?(_ definition: TableDefinition) {
        let attributes = definition.attributes
        if attributes["SPLIT_ENABLED"]?.lowercased() == "false" { return nil }
        fileBytesMax =
            attributes["MAX_FILESIZE"].flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil }
            ?? Self.fileBytesMaxDefault
        loadMax = attributes["SPLIT_LOAD"].flatMap { Double($0) }
    }

    /// Whether a region of this size and load is split; the size is `nil` while it shares files.
    func splits(fileBytes: Int?, load: Double?) -> Bool {
        // A region that was split a moment ago first gets files of its own.
        guard let fileBytes else { return false }
        if fileBytes > fileBytesMax { return true }
        guard let load, let loadMax else { return false }
        return load > loadMax
    }
}
