import SiltBytes
import SiltIO
import SiltModel

/// Reads single rows.
enum RowGetter {
    static func get(
        _ row: Bytes, _ projection: Projection, layout: TableLayout, clock: any Clock
    ) throws(SiltstoneError) -> Row? {
        throw SiltstoneError(.unavailable, "not built")
    }
}
