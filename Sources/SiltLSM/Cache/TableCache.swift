internal import SiltBytes
package import SiltFormat
package import SiltIO
package import SiltModel
internal import Synchronization

/// Open table files, a bounded number of them: thousands of files need not mean thousands of
/// descriptors.
///
/// A reader that was handed out stays usable when it has left the cache; its descriptor closes with
/// the last reference.
package final class TableCache: Sendable {
    private struct Entry {
        var reader: TableReader
        var lastUse: UInt64
        /// Holds that show the reader to point reads.
        var holds: [WeakHold] = []
    }

    private struct WeakHold {
        weak let hold: TableHold?
    }

    private struct State {
        var entries: [Identifier: Entry] = [:]
        var uses: UInt64 = 0
    }

    /// Where the files are.
    package let objects: any ObjectStore
    /// Where their blocks are kept.
    package let blocks: BlockCache
    /// Set when the engine is closed: point reads stop, of which others know nothing.
    let isClosed = Atomic(false)
    /// The versions whose idle walks keep files open beside those that are open here.
    let idleVersions: IdleVersions
    /// Who makes sorted views; `nil` for nobody.
    let workers: (any Workers)?
    private let openFilesMax: Int
    private let state = Mutex(State())

    /// An empty cache.
    package init(
        objects: any ObjectStore, blocks: BlockCache, openFilesMax: Int = 1_000,
        workers: (any Workers)? = nil
    ) {
        self.workers = workers
        self.objects = objects
        self.blocks = blocks
        self.openFilesMax = max(openFilesMax, 1)
        idleVersions = IdleVersions(fileCountMax: self.openFilesMax / 4)
    }

    /// What stops a read that must not wait for the disk and would have to.
    static let needsDisk = SiltstoneError(.unavailable, "the disk would have to be read")

    /// The open file, opened when it was not.
    ///
    /// - Throws: without `mayReadDisk`, also when it is not open.
    package func reader(_ file: TableFile, mayReadDisk: Bool = true) throws(SiltstoneError)
        -> TableReader
    {
        let known = state.withLock { state -> TableReader? in
            state.uses &+= 1
            guard let place = state.entries.index(forKey: file.id) else { return nil }
            state.entries.values[place].lastUse = state.uses
            return state.entries.values[place].reader
        }
        if let known { return known }
        guard mayReadDisk else { throw Self.needsDisk }
        // Opened outside the lock; of two threads that open the same file the first to come back is
        // kept.
        let opened = try TableReader(file, objects: objects, blocks: blocks)
        let result = state.withLock { state -> (use: TableReader, gone: [Entry]) in
            if let other = state.entries[file.id]?.reader { return (other, []) }
            state.uses &+= 1
            state.entries[file.id] = Entry(reader: opened, lastUse: state.uses)
            let isFull = state.entries.count > openFilesMax || blocks.indexesAreLarge
            return (opened, isFull ? evict(&state) : [])
        }
        for entry in result.gone {
            for weak in entry.holds { weak.hold?.closeReader(blocks.epoch) }
        }
        return result.use
    }

    /// The open file, which is closed for its hold too when others need its place.
    func reader(_ hold: TableHold) throws(SiltstoneError) -> TableReader {
        let reader = try reader(hold.file)
        state.withLock { state in
            guard let place = state.entries.index(forKey: hold.file.id) else { return }
            state.entries.values[place].holds.removeAll { $0.hold == nil || $0.hold === hold }
            state.entries.values[place].holds.append(WeakHold(hold: hold))
        }
        return reader
    }

    /// Forgets a file that was dropped from its manifest, and its blocks.
    package func forget(_ file: TableFile) {
        close(file.id)?.dropBlocks(of: file.clip)
    }

    /// Closes a file, if it is open, once nobody reads it any more.
    ///
    /// - Returns: its reader, which must be released without the lock.
    @discardableResult
    func close(_ id: Identifier) -> TableReader? {
        state.withLock { $0.entries.removeValue(forKey: id) }?.reader
    }

    /// How many files are open here.
    package var openCount: Int { state.withLock { $0.entries.count } }

    /// Closes the eighth that was used least recently, so that the search for them is paid once for
    /// many.
    ///
    /// Where memory is short, those with filters go first: they may come back without.
    private func evict(_ state: inout State) -> [Entry] {
        for place in state.entries.values.indices
        where state.entries.values[place].reader.takeUse() {
            state.entries.values[place].lastUse = state.uses
        }
        let isShort = blocks.indexesAreLarge
        let oldest = state.entries.sorted { one, other in
            let (hasFilter, otherHas) = (one.value.reader.hasFilter, other.value.reader.hasFilter)
            if isShort, hasFilter != otherHas { return hasFilter }
            return one.value.lastUse < other.value.lastUse
        }
        .prefix(max(state.entries.count - openFilesMax, 0) + state.entries.count / 8)
        for (id, _) in oldest { state.entries[id] = nil }
        return oldest.map(\.value)
    }
}
