import CSiltstone
import Glibc
import SiltModel
import Synchronization

/// An open file that is closed once, and the system calls on it with their failures as errors.
final class PosixFile: Sendable {
    /// The descriptor; valid until `close` or the end of the object.
    let descriptor: Int32
    /// The name for errors, relative to the data directory.
    let name: String
    private let isClosed = Atomic(false)

    /// Linux's `O_NOATIME`, a macro that Swift does not see; the same on x86-64 and arm64.
    ///
    /// Without it the first read of each new file changes the file's inode, for which it may wait while the file system writes.
    static let keepsAccessTime: Int32 = 0o1_000_000

    /// Opens a file; files it creates are the owner's alone.
    init(path: String, name: String, flags: Int32) throws(SiltstoneError) {
        var opened = Self.open(path, flags)
        if opened < 0, errno == EPERM, flags & Self.keepsAccessTime != 0 {
            // Only a file's owner may ask for it.
            opened = Self.open(path, flags & ~Self.keepsAccessTime)
        }
        guard opened >= 0 else { throw PosixFile.failure("open", errno, file: name) }
        descriptor = opened
        self.name = name
    }

    private static func open(_ path: String, _ flags: Int32) -> Int32 {
        var opened: Int32 = -1
        repeat {
            // Safety: the string lends its bytes, ended by a zero, for the call.
            opened = unsafe Glibc.open(path, flags | O_CLOEXEC, 0o600)
        } while opened < 0 && errno == EINTR
        return opened
    }

    deinit { try? close() }

    /// Whether the descriptor is valid.
    var isOpen: Bool { !isClosed.load(ordering: .acquiring) }

    /// Closes the descriptor; later calls do nothing.
    func close() throws(SiltstoneError) {
        guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        // An interrupted close has closed the descriptor on Linux: it is not repeated.
        guard Glibc.close(descriptor) == 0 || errno == EINTR else {
            throw PosixFile.failure("close", errno, file: name)
        }
    }

    /// Writes all of `bytes` at `offset`.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(SiltstoneError) {
        var done = 0
        while done < bytes.count {
            // Safety: `done` lies within the buffer, which the caller lends for the call.
            let count = unsafe pwrite(
                descriptor, bytes.baseAddress.map { unsafe $0 + done }, bytes.count - done,
                off_t(offset + done))
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                // The log goes on after a full disk only when nothing of the record was written.
                let number = count == 0 ? EIO : (done > 0 && errno == ENOSPC ? EIO : errno)
                throw PosixFile.failure("write", number, file: name, offset: offset + done)
            }
            done += count
        }
    }

    /// Fills `buffer` from `offset`; a file that ends early is damaged.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(SiltstoneError) {
        guard offset >= 0 else {
            throw SiltstoneError(
                .corrupted, "read before the file's start",
                at: .init(file: name, offset: offset))
        }
        var done = 0
        while done < buffer.count {
            // Safety: `done` lies within the buffer, which the caller lends for the call.
            let count = unsafe pread(
                descriptor, buffer.baseAddress.map { unsafe $0 + done }, buffer.count - done,
                off_t(offset + done))
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else {
                throw PosixFile.failure("read", errno, file: name, offset: offset + done)
            }
            guard count > 0 else {
                throw SiltstoneError(
                    .corrupted, "file ends early wanted=\(buffer.count) got=\(done)",
                    at: .init(file: name, offset: offset))
            }
            done += count
        }
    }

    /// The first `count` bytes.
    func readAll(count: Int) throws(SiltstoneError) -> [UInt8] {
        var failure: SiltstoneError?
        // Safety: the array is counted as initialized only after `read` filled all of it.
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(SiltstoneError) {
                let whole = unsafe UnsafeMutableRawBufferPointer(
                    rebasing:
                        UnsafeMutableRawBufferPointer(buffer)[..<count])
                try unsafe read(into: whole, at: 0)
                initialized = count
            } catch {
                failure = error
                initialized = 0
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// The file's size in bytes.
    func byteCount() throws(SiltstoneError) -> Int { Int(try information().st_size) }

    /// What the system knows of the file.
    func information() throws(SiltstoneError) -> stat {
        var information = stat()
        // Safety: the call fills the local structure.
        guard unsafe fstat(descriptor, &information) == 0 else {
            throw PosixFile.failure("stat", errno, file: name)
        }
        return information
    }

    /// Puts the bytes, and what is needed to find them, on the device.
    func syncData() throws(SiltstoneError) {
        guard fdatasync(descriptor) == 0 else {
            throw PosixFile.failure("fdatasync", errno, file: name)
        }
    }

    /// Puts the bytes and all attributes on the device; for a directory, its names.
    func sync() throws(SiltstoneError) {
        guard fsync(descriptor) == 0 else { throw PosixFile.failure("fsync", errno, file: name) }
    }

    /// Cuts the file.
    func truncate(to count: Int) throws(SiltstoneError) {
        guard ftruncate(descriptor, off_t(count)) == 0 else {
            throw PosixFile.failure("truncate", errno, file: name)
        }
    }

    /// Whether no other descriptor or mapping shows the file, of this process or another.
    ///
    /// Nobody can come to a file that has no name any more, so it stays so.
    func isUsedByNobodyElse() -> Bool { silt_is_sole_user(descriptor) != 0 }

    /// Reserves room, so that later writes cannot meet a full disk.
    func allocate(_ count: Int) throws(SiltstoneError) {
        let number = posix_fallocate(descriptor, 0, off_t(count))
        guard number == 0 else { throw PosixFile.failure("allocate", number, file: name) }
    }

    /// Turns the number of a failed system call into an error.
    static func failure(_ call: String, _ number: Int32, file: String, offset: Int? = nil)
        -> SiltstoneError
    {
        // Safety: the text is the C library's own, valid on this thread until its next such call.
        let cause = unsafe String(cString: strerror(number))
        let location = SiltstoneError.Location(file: file, offset: offset)
        switch number {
        case ENOSPC, EDQUOT:
            return SiltstoneError(.storageFull, "disk is full call=\(call)", at: location)
        case ENOENT:
            return SiltstoneError(.notFound, "no such file call=\(call)", at: location)
        default:
            return SiltstoneError(
                .unavailable, "storage failed call=\(call) cause=\(cause) errno=\(number)",
                at: location)
        }
    }
}
