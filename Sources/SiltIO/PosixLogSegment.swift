import CSiltstone
import Glibc
import SiltModel
import Synchronization

/// A segment file: a few bytes that need not be durable yet are copied into a shared mapping (no system
/// call, and the kernel keeps them when the process is killed), many are written, durable ones are written and synced.
///
/// The two ways meet in the kernel's page cache, so they may be mixed; `msync` would cost ten times
/// what `fdatasync` after a plain write does.
// Safety: `mapping`, `writtenBackCount`, `zeroedCount` and `isClosed` are touched only by `append` and `close`, which the protocol
// gives to one thread at a time; `sync` uses only the immutable descriptor; `count` is atomic.
@safe final class PosixLogSegment: LogSegment, @unchecked Sendable {
    let capacity: Int
    private let file: PosixFile
    private let count = Atomic(0)
    private let isFailed = Atomic(false)
    private var mapping: UnsafeMutableRawPointer?
    private var isClosed = false
    /// Up to where the kernel was asked to write, so that the sync at the segment's end has little left to do.
    private var writtenBackCount = 0
    private static let writebackBytes = 1 << 20
    private static let writtenBytesMin = 8 << 10
    /// Up to where the file was written, with records or zeros, so that durable records change no metadata.
    private var zeroedCount = 0
    private static let zeros = [UInt8](repeating: 0, count: 1 << 20)

    /// A segment of a file that is `capacity` bytes long and allocated throughout.
    init(file: PosixFile, capacity: Int) {
        self.file = file
        self.capacity = capacity
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
        }
        if !durably { startWriteback() }
    }

    private func startWriteback() {
        let whole = byteCount & ~(Self.writebackBytes - 1)
        if whole <= writtenBackCount { return }
        silt_start_writeback(
            file.descriptor, Int64(writtenBackCount), Int64(whole - writtenBackCount))
        writtenBackCount = whole
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
            try file.close()
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
        if let mapping = unsafe mapping { return unsafe mapping }
        // Safety: a fresh mapping at an address that the kernel chooses.
        let result = unsafe mmap(
            nil, capacity, PROT_READ | PROT_WRITE, MAP_SHARED, file.descriptor, 0)
        guard let base = unsafe result, unsafe base != MAP_FAILED else {
            throw PosixFile.failure("mmap", errno, file: file.name)
        }
        unsafe mapping = base
        return unsafe base
    }

    private func unmap() {
        guard let base = unsafe mapping else { return }
        // Safety: the mapping was made with this size and is not used after.
        _ = unsafe munmap(base, capacity)
        unsafe mapping = nil
    }
}
