import CSiltstone
import Glibc
import SiltModel
import Synchronization

/// A segment file: a few bytes that need not be durable yet are copied into a shared mapping (no system
/// call, and the kernel keeps them when the process is killed), many are written, durable ones are written and synced.
///
/// The two ways meet in the kernel's page cache, so they may be mixed; `msync` would cost ten times
/// what `fdatasync` after a plain write does.
///
/// What may wait for the device is a worker's: to make the pages of the mapping ahead, for the first write to one waits for the file
/// system and at times for its journal, and to begin writing them back.
// Safety: `writtenBackCount`, `zeroedCount`, `readiedCount`, `readiesAt` and `isClosed` are touched only by `append` and `close`,
// which the protocol gives to one thread at a time; they alone change `mapping`, with `mappingLock` held, and whoever else uses it
// holds that lock; `sync` uses only the immutable descriptor; `count` is atomic.
@safe final class PosixLogSegment: LogSegment, @unchecked Sendable {
    let capacity: Int
    private let file: PosixFile
    private let count = Atomic(0)
    private let isFailed = Atomic(false)
    private let preparation: LogPreparation?
    private let mappingLock = Mutex(())
    private let closeLock = Mutex(())
    private var mapping: UnsafeMutableRawPointer?
    /// Up to where a worker was asked to get the mapping's pages ready, and from where on it is asked for the next piece.
    private var readiedCount = 0
    private var readiesAt = 1 << 16
    private static let readiedBytes = 2 << 20
    private var isClosed = false
    /// Up to where the kernel was asked to write, so that the sync at the segment's end has little left to do.
    private var writtenBackCount = 0
    private static let writebackBytes = 1 << 20
    private static let writtenBytesMin = 8 << 10
    /// Up to where the file was written, with records or zeros, so that durable records change no metadata.
    private var zeroedCount = 0
    private static let zeros = [UInt8](repeating: 0, count: 1 << 20)

    /// A segment of a file that is `capacity` bytes long and allocated throughout.
    init(file: PosixFile, capacity: Int, preparation: LogPreparation?) {
        self.file = file
        self.capacity = capacity
        self.preparation = preparation
    }

    deinit { unmap() }

    var byteCount: Int { count.load(ordering: .acquiring) }

    func append(_ bytes: UnsafeRawBufferPointer, durably: Bool) throws(SiltstoneError) {
        try checkUsable()
        let offset = count.load(ordering: .relaxed)
        guard bytes.count <= capacity - offset else {
            throw SiltstoneError(
                .invalidArgument,
                "log record does not fit its segment wanted=\(bytes.count) left=\(capacity - offset)",
                at: .init(file: file.name, offset: offset))
        }
        guard let source = bytes.baseAddress, bytes.count > 0 else {
            if durably { try sync() }
            return
        }
        // Many pages at once are cheaper to write than to map: the kernel neither clears them first nor faults for each.
        if durably || bytes.count >= Self.writtenBytesMin {
            do throws(SiltstoneError) {
                if durably { try writeZeros(from: offset + bytes.count) }
                // Safety: the caller lends the buffer for the call.
                try unsafe file.write(bytes, at: offset)
            } catch {
                // Nothing was written for lack of room: the segment is as before.
                if error.code != .storageFull { isFailed.store(true, ordering: .relaxed) }
                throw error
            }
            count.store(offset + bytes.count, ordering: .releasing)
            if durably { try sync() }
        } else {
            let base = try unsafe mapped()
            // Safety: the mapping spans `capacity` bytes of a fully allocated file, and the record
            // fits behind `offset`; the file is cut only by `close`, which unmaps first.
            unsafe (base + offset).copyMemory(from: source, byteCount: bytes.count)
            count.store(offset + bytes.count, ordering: .releasing)
            if offset + bytes.count >= readiesAt { readyNext(from: offset + bytes.count) }
        }
        if !durably { startWriteback() }
    }

    /// Asks a worker to get the next pages of the mapping ready.
    private func readyNext(from offset: Int) {
        let start = max(offset, readiedCount) & ~(Self.readiedBytes - 1)
        let end = min(start + Self.readiedBytes, capacity)
        readiedCount = end
        readiesAt = end < capacity ? end - Self.readiedBytes : .max
        guard let preparation, end > start else { return }
        preparation.isUsed.store(true, ordering: .relaxed)
        preparation.workers.submit(.urgent) { self.ready(start..<end) }
    }

    private func ready(_ range: Range<Int>) {
        mappingLock.withLock { _ in
            guard let base = unsafe mapping else { return }
            // Safety: the range lies within the mapping, which stays while the lock is held.
            unsafe silt_populate(base + range.lowerBound, range.count)
        }
    }

    /// Gets the first pages ready, before anybody appends.
    func readyFirst() throws(SiltstoneError) {
        // Safety: nothing is touched yet.
        _ = try unsafe mapped()
        readiedCount = min(Self.readiedBytes, capacity)
        readiesAt = readiedCount < capacity ? readiedCount / 2 : .max
        ready(0..<readiedCount)
    }

    private func startWriteback() {
        let whole = byteCount & ~(Self.writebackBytes - 1)
        if whole <= writtenBackCount { return }
        let range = writtenBackCount..<whole
        writtenBackCount = whole
        guard let preparation else { return writeBack(range) }
        // A device with a full queue would hold up who commits.
        preparation.workers.submit(.urgent) {
            self.closeLock.withLock { _ in self.writeBack(range) }
        }
    }

    private func writeBack(_ range: Range<Int>) {
        // Closed meanwhile, it is on the device.
        guard file.isOpen else { return }
        // While a page is mapped, writing it back interrupts every processor that runs us, page by page.
        mappingLock.withLock { _ in
            guard let base = unsafe mapping else { return }
            // Safety: the range lies within the mapping, which stays while the lock is held; nothing is appended to it any more.
            unsafe silt_unmap_pages(base + range.lowerBound, range.count)
        }
        silt_start_writeback(file.descriptor, Int64(range.lowerBound), Int64(range.count))
    }

    /// Sees to it that what follows `end` was written with zeros, a piece at a time.
    ///
    /// A sync of records that lie in such a piece changes no metadata, which spares it the file system's journal. Only who syncs
    /// its records pays for the zeros.
    private func writeZeros(from end: Int) throws(SiltstoneError) {
        if end <= zeroedCount { return }
        let count = min(capacity - end, Self.zeros.count)
        // Safety: the array lends its bytes for the call.
        let failure = unsafe Self.zeros.withUnsafeBytes { zeros -> SiltstoneError? in
            do throws(SiltstoneError) {
                try unsafe file.write(.init(rebasing: zeros[..<count]), at: end)
                return nil
            } catch { return error }
        }
        if let failure { throw failure }
        zeroedCount = end + count
    }

    func sync() throws(SiltstoneError) {
        try checkUsable()
        do throws(SiltstoneError) {
            try file.syncData()
        } catch {
            // The kernel may have dropped the pages: no later sync could be believed. A full disk
            // here is such a failure too, since the bytes were taken before.
            isFailed.store(true, ordering: .relaxed)
            throw SiltstoneError(.unavailable, error.message, at: error.location)
        }
    }

    func close() throws(SiltstoneError) {
        guard !isClosed else { return }
        try checkUsable()
        isClosed = true
        unmap()
        do throws(SiltstoneError) {
            try file.truncate(to: byteCount)
            try file.sync()
            try closeLock.withLock { _ throws(SiltstoneError) in try file.close() }
        } catch {
            isFailed.store(true, ordering: .relaxed)
            throw SiltstoneError(.unavailable, error.message, at: error.location)
        }
    }

    private func checkUsable() throws(SiltstoneError) {
        guard !isFailed.load(ordering: .relaxed) else {
            throw SiltstoneError(
                .unavailable, "log segment failed before", at: .init(file: file.name))
        }
        guard !isClosed else {
            throw SiltstoneError(.closed, "log segment is closed", at: .init(file: file.name))
        }
    }

    private func mapped() throws(SiltstoneError) -> UnsafeMutableRawPointer {
        // Safety: only the thread that appends sets it.
        if let mapping = unsafe mapping { return unsafe mapping }
        // Safety: a fresh mapping at an address that the kernel chooses.
        let result = unsafe mmap(
            nil, capacity, PROT_READ | PROT_WRITE, MAP_SHARED, file.descriptor, 0)
        guard let base = unsafe result, unsafe base != MAP_FAILED else {
            throw PosixFile.failure("mmap", errno, file: file.name)
        }
        mappingLock.withLock { _ in unsafe mapping = base }
        return unsafe base
    }

    private func unmap() {
        mappingLock.withLock { _ in
            guard let base = unsafe mapping else { return }
            // Safety: the mapping was made with this size and is not used after.
            _ = unsafe munmap(base, capacity)
            unsafe mapping = nil
        }
    }
}

/// Who gets the memory of segments ready, and whether it is used.
final class LogPreparation: Sendable {
    let workers: any Workers
    /// Whether small records were written: they go through mappings, others do not.
    let isUsed = Atomic(false)

    init(workers: any Workers) { self.workers = workers }
}
