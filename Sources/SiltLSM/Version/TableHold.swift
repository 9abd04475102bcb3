internal import SiltFormat

/// The use of a table file, which regions that came from one another share.
final class FileUse: Sendable {}

/// A table file in use: the sweeper deletes no file while any version, snapshot or job still refers to a hold of its use.
final class TableHold: Sendable {
    /// The file.
    let file: TableFile
    /// What keeps the file from being deleted.
    let use: FileUse

    init(_ file: TableFile, use: FileUse = FileUse()) {
        self.file = file
        self.use = use
    }

    /// The file's size in bytes.
    var byteCount: Int { Int(clamping: file.byteCount) }

    /// Whether any of its cells is a delete marker.
    var hasMarkers: Bool { file.markerCount > 0 }
}
