internal import SiltBytes
internal import SiltIO
internal import SiltModel

/// A file that is read while it grows.
///
/// Device and number tell it from others, whatever its name; a hash of the bytes just before the place that was read
/// to tells whether it still is what was read, however it was cut or written anew.
struct TailedFile {
    /// How far something was read, and what stood just before that.
    struct Mark: Equatable {
        static let bytesMax = 1024

        var offset = 0
        var hash = Hash64.hash([UInt8]())

        init() {}

        /// A mark at an offset behind some bytes.
        init(_ offset: Int, _ bytes: [UInt8]) {
            self.offset = offset
            hash = Hash64.hash(bytes)
        }

        /// How many bytes the hash is of.
        var count: Int { min(Mark.bytesMax, offset) }

        /// Whether these are the bytes just before the offset.
        func fits(_ bytes: some Collection<UInt8>) -> Bool {
            bytes.count == count && Hash64.hash(Array(bytes)) == hash
        }
    }

    /// Ages beyond a day do not matter.
    private static let ageMax: Int64 = 86_400_000

    /// Why there are no bytes.
    enum Refusal {
        /// There are no more.
        case end
        /// The file is not what was read of it.
        case changed
        /// The name is another file's, or nobody's.
        case gone
        /// What it holds cannot be unpacked.
        case damaged(String)
    }

    /// What is read of a compressed file: from its beginning, once.
    private struct Packed {
        let input: PackedInput
        /// What was unpacked and is not taken yet.
        var rest: [UInt8] = []
        /// The last bytes that were taken.
        var taken: [UInt8] = []
        var hasEnded = false
        /// Why nothing more can be unpacked.
        var failure: String?
    }

    /// What is known of a copy and the file that it is one of, as of the last time when they were compared.
    struct Original {
        let identity: FileIdentity
        let chain: UInt32
        let generation: Int
        /// How far the original was read.
        let mark: Mark
        /// How much of the copy is what was read there.
        let own: Mark
        /// Whether it stays a copy as long as nothing changes.
        let isSure: Bool
        /// The column names that both begin with.
        let header: [String]?
        /// The size of the original.
        let originalByteCount: Int
        /// The size of the copy.
        let byteCount: Int
        /// The time of change of the copy.
        let modifiedMilliseconds: Int64
        /// When it was, on the monotonic clock.
        let checkedAt: Int64
    }

    /// The latest name.
    var name: String
    let device: UInt64
    let number: UInt64
    /// The chain it is of, once it is known not to be a copy of a known file.
    var chain: UInt32?
    /// Which of the chain's files it is: one that was cut counts as another.
    var generation = 0
    /// How far it was read.
    var mark = Mark()
    /// The column names that it began with.
    var header: [String]?
    /// Whether the mark is within a line that is too long.
    var isSkippingLine = false
    /// Whether its last line was taken although no newline ended it.
    var isFinished = false

    /// The size and the time of change when it was last looked at.
    var byteCount = 0
    var modifiedMilliseconds: Int64 = 0
    /// The size and the time of change when there was no more to read.
    var seen: (byteCount: Int, modified: Int64)?
    /// When it was last seen to change, on the monotonic clock.
    var changedAt: Int64 = 0
    /// Whether no file has its name any more but under another one, or none.
    var isLost = false
    /// The file that it is a copy of; a copy is not read as long as its original is there.
    var original: Original?

    var decoder: RecordDecoder?
    /// How much has to be read at once to get on.
    var wantedBytes = 0
    private(set) var handle: (any InputFile)?
    private var packed: Packed?
    private var isPlain = false
    /// Whether its name was not its own when it was to be read; the next look finds out more.
    private var isAway = false

    init(_ status: InputFileStatus, now: TailMoment) {
        name = status.name
        device = status.device
        number = status.number
        byteCount = status.byteCount
        modifiedMilliseconds = status.modifiedMilliseconds
        // What was left alone before it was found is not waited for.
        let age = now.time.subtractingReportingOverflow(status.modifiedMilliseconds)
        changedAt = now.monotonic - (age.overflow ? 0 : min(max(0, age.partialValue), Self.ageMax))
    }

    /// Whether this is the file that a status is of.
    func isSame(as status: InputFileStatus) -> Bool {
        device == status.device && number == status.number
    }

    /// Whether it is open.
    var isOpen: Bool { handle != nil }

    /// Whether its name or what was seen of it says that it is compressed.
    var looksPacked: Bool {
        packed != nil || [".gz", ".zst", ".tgz"].contains { name.hasSuffix($0) }
    }

    /// Whether what it holds is compressed; `false` as long as nobody has looked.
    var isPacked: Bool { packed != nil }

    /// Whether a look into it may find something.
    var mayHaveMore: Bool {
        guard chain != nil, !isAway else { return false }
        if let packed {
            let hasRest = !packed.rest.isEmpty || packed.failure != nil
            return !packed.hasEnded || hasRest && seen == nil
        }
        guard let seen else { return byteCount != mark.offset || mark.offset > 0 }
        return seen.byteCount != byteCount || seen.modified != modifiedMilliseconds
    }

    /// Notes what is known of it now.
    mutating func note(_ status: InputFileStatus, now: TailMoment) {
        name = status.name
        isLost = false
        isAway = false
        noteSize(status, now: now)
    }

    private mutating func noteSize(_ status: InputFileStatus, now: TailMoment) {
        guard
            byteCount != status.byteCount || modifiedMilliseconds != status.modifiedMilliseconds
        else { return }
        byteCount = status.byteCount
        modifiedMilliseconds = status.modifiedMilliseconds
        changedAt = now.monotonic
    }

    /// Looks at the open file itself, as its name says nothing of it any more.
    mutating func noteOpen(now: TailMoment) throws(SiltstoneError) {
        do throws(SiltstoneError) {
            if let status = try handle?.status(), isSame(as: status) { noteSize(status, now: now) }
        } catch {
            guard error.code == .notFound else { throw error }
            close()
        }
    }

    /// Keeps the decoder, and what is to be known of it when reading goes on elsewhere.
    mutating func note(_ decoder: RecordDecoder) {
        header = decoder.header
        isSkippingLine = !decoder.isBetweenRecords
        self.decoder = decoder
    }

    /// Gives up the open file until there is more to read.
    mutating func close() {
        handle = nil
        packed = nil
    }

    /// Notes that its name is not its own any more.
    mutating func noteAway() {
        close()
        isAway = true
    }

    /// Notes that a look found no whole record.
    mutating func noteEnd() { seen = (byteCount, modifiedMilliseconds) }

    /// Begins again, as what was read is not there any more.
    mutating func beginAgain(generation: Int) {
        self.generation = generation
        mark = Mark()
        header = nil
        decoder = nil
        isSkippingLine = false
        isFinished = false
        isPlain = false
        packed = nil
        seen = nil
    }

    /// Goes on where one that is gone, of which this is a copy, was read to.
    mutating func join(_ past: TailedFiles.Past) {
        original = nil
        chain = past.chain
        generation = past.generation
        mark = past.mark
        header = past.header
        isSkippingLine = past.isSkippingLine
    }

    // MARK: - Reading

    mutating func open(_ files: any InputFiles) throws(SiltstoneError) -> Bool {
        if handle != nil { return true }
        let opened: any InputFile
        do throws(SiltstoneError) {
            opened = try files.open(name)
        } catch {
            guard error.code == .notFound else { throw error }
            return false
        }
        guard let status = try opened.status(), isSame(as: status) else { return false }
        handle = opened
        return true
    }

    /// Reads up to `count` bytes behind the mark; `nil` when there are some, in `bytes` behind those the mark is of.
    mutating func read(
        _ count: Int, into bytes: inout [UInt8], files: any InputFiles
    ) throws(SiltstoneError) -> Refusal? {
        bytes.removeAll(keepingCapacity: true)
        guard try open(files) else { return .gone }
        if packed == nil, !isPlain {
            guard byteCount >= 4 || mark.offset > 0 || isLost else { return .end }
            do throws(SiltstoneError) {
                packed = try handle.flatMap { handle throws(SiltstoneError) in
                    try PackedInput(handle)
                }.map { Packed(input: $0) }
                if packed != nil, mark.offset > 0, try !skip() { return .changed }
            } catch {
                guard error.code == .corrupted || error.code == .invalidArgument else {
                    throw error
                }
                return .damaged(error.message)
            }
            isPlain = packed == nil
        }
        if packed != nil { return try readPacked(count, into: &bytes) }
        guard let handle else { return .gone }
        let known = mark.count
        let wanted = known + count
        do throws(SiltstoneError) {
            while bytes.count < wanted {
                let got = try handle.read(
                    wanted - bytes.count, at: mark.offset - known + bytes.count, into: &bytes)
                if got == 0 { break }
            }
        } catch {
            // Not every file that is open can be read after it was removed.
            guard error.code == .notFound else { throw error }
            return .gone
        }
        guard bytes.count >= known, mark.fits(bytes[..<known]) else { return .changed }
        return bytes.count == known ? .end : nil
    }

    private mutating func readPacked(_ count: Int, into bytes: inout [UInt8])
        throws(SiltstoneError) -> Refusal?
    {
        guard var packed else { return .end }
        bytes += packed.taken + packed.rest
        do throws(SiltstoneError) {
            while packed.rest.count < count, !packed.hasEnded {
                let got = try packed.input.read(count - packed.rest.count, into: &packed.rest)
                packed.hasEnded = got == 0
            }
        } catch {
            guard error.code == .corrupted || error.code == .invalidArgument else { throw error }
            // What came before the damage counts.
            packed.hasEnded = true
            packed.failure = error.message
        }
        bytes.removeLast(bytes.count - packed.taken.count)
        bytes += packed.rest
        self.packed = packed
        guard packed.rest.isEmpty else { return nil }
        return packed.failure.map { .damaged($0) } ?? .end
    }

    /// Whether there is nothing behind what was read last.
    func isAtEnd(read bytes: [UInt8]) -> Bool {
        if let packed { return packed.hasEnded }
        return mark.offset - mark.count + bytes.count >= byteCount
    }

    /// Notes that of the bytes read last so many behind the mark were taken.
    mutating func take(_ count: Int, of bytes: [UInt8]) {
        let end = mark.count + count
        mark.offset += count
        let taken = Array(bytes[..<end].suffix(Mark.bytesMax))
        mark.hash = Hash64.hash(taken)
        packed?.rest = Array(bytes[end...])
        packed?.taken = taken
        seen = nil
        wantedBytes = 0
    }

    /// Passes over what was taken of a compressed file; `false` when it is not what was taken.
    private mutating func skip() throws(SiltstoneError) -> Bool {
        guard var packed else { return false }
        var place = 0
        var last: [UInt8] = []
        while place < mark.offset {
            let known = last.count
            let got = try packed.input.read(min(1 << 18, mark.offset - place), into: &last)
            if got == 0 { return false }
            place += got
            if known + got > Mark.bytesMax { last = Array(last.suffix(Mark.bytesMax)) }
        }
        packed.taken = last
        self.packed = packed
        return mark.fits(last)
    }
}

/// How far a file was read, and whether that tells it from others.
struct Trace {
    let mark: TailedFile.Mark
    let header: [String]?

    /// So many bytes of records that are equal are no coincidence.
    private static let bytesEnough = 24

    /// Whether there is enough of it beyond a header, which others have too.
    var isTelling: Bool {
        let names = (header ?? []).reduce(0) { $0 + $1.utf8.count + 1 }
        return mark.offset - names >= Self.bytesEnough
    }
}

/// A moment on both clocks, in milliseconds.
struct TailMoment {
    /// Since 1970: only to be compared with what files say of themselves.
    let time: Int64
    /// Since some moment; never goes back.
    let monotonic: Int64

    init(_ clock: any Clock) {
        time = clock.nowMilliseconds
        monotonic = Int64(clock.monotonicNanoseconds / 1_000_000)
    }
}
