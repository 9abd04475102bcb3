internal import SiltFormat

/// A table file in use: the sweeper deletes no file while any version, snapshot or job still refers to its hold.
final class TableHold: Sendable {
    /// The file.
    let file: TableFile

    init(_ file: TableFile) { self.file = file }

    /// The file's size in bytes.
    var byteCount: Int { Int(clamping: file.byteCount) }

    /// Whether any of its cells is a delete marker.
    var hasMarkers: Bool { file.markerCount > 0 }
}
