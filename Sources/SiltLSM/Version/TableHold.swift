internal import SiltFormat
internal import SiltModel
internal import Synchronization

/// The use of a table file, which regions that came from one another share.
final class FileUse: Sendable {}

/// A table file in use: the sweeper deletes no file while any version, snapshot or job still refers to a hold of its use.
///
/// It keeps the open reader, so that point reads find it by one load.
@safe
final class TableHold: Sendable {
    /// The file.
    let file: TableFile
    /// What keeps the file from being deleted.
    let use: FileUse
    // Safety: the reference is given up in `closeReader` or deinit.
    /// Owns a reference to the reader, if there is one.
    private let opened = unsafe Atomic<Unmanaged<TableReader>?>(nil)

    init(_ file: TableFile, use: FileUse = FileUse()) {
        self.file = file
        self.use = use
    }

    // Safety: the word owns its reference, and nobody refers to the hold any more.
    deinit { unsafe opened.load(ordering: .acquiring)?.release() }

    /// The file's size in bytes.
    var byteCount: Int { Int(clamping: file.byteCount) }

    /// Whether any of its cells is a delete marker.
    var hasMarkers: Bool { file.markerCount > 0 }

    /// The open reader; good until the caller leaves the epoch that it is in.
    @inline(__always)
    func borrowReader() -> Unmanaged<TableReader>? {
        // Pairs with the exchange in `closeReader`.
        unsafe opened.load(ordering: .sequentiallyConsistent)
    }

    /// Opens the file, if it is not, for readers to borrow.
    func openReader(_ tables: TableCache) throws(SiltstoneError) {
        let reader = try tables.reader(self)
        // Safety: the word owns the reference when the exchange succeeds; else it is given back.
        let mine = unsafe Unmanaged.passRetained(reader)
        let (isFirst, _) = unsafe opened.compareExchange(
            expected: nil, desired: mine, ordering: .sequentiallyConsistent)
        if !isFirst { unsafe mine.release() }
    }

    /// Lets the reader go when nobody borrows it any more.
    func closeReader(_ epoch: ReadEpoch) {
        // Safety: the word owned the reference, which the epoch takes over.
        if let reader = unsafe opened.exchange(nil, ordering: .sequentiallyConsistent) {
            unsafe epoch.retire(reader.takeRetainedValue())
        }
    }
}
