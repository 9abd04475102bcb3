internal import CSiltstone
internal import SiltBytes
internal import SiltFormat

/// The order of all cells of a tree's table runs, found once for many seeks: a byte for each cell says which run is next.
///
/// 1. Cells stand in segments of 64 places. An index tells in which segment a key is sought, and for each segment it is noted
///    where every run stands at its beginning. A segment ends early before it would take a run to its third block, so that a
///    seek opens two blocks of a run at most.
/// 2. A seek searches each run's part of one segment. How many cells the runs passed together is the place in the segment.
/// 3. From there on no keys are compared: the codes say whose entry follows, and whether it is of the same column.
///
/// It holds for the files it was made of, and never changes: all versions and markers have a place, whatever their sequence.
///
/// Safety: the memory is filled before the view is shared, and lives as long.
@safe
final class SortedView: @unchecked Sendable {
    /// The places of a segment, a power of two.
    static let segmentCount = 64
    /// What of a code is the number of a run.
    static let runMask: UInt8 = 0x3f
    /// In place of a run: the segment has no more cells.
    static let pad: UInt8 = 62
    /// In place of a run: there are no more cells.
    static let end: UInt8 = 63
    /// More runs have no view.
    static let runCountMax = 62
    /// In a code: the cell is of the column of the one before.
    static let sameColumn: UInt8 = 0x40
    /// In a code: the cell is the one before again, of an older run.
    static let duplicate: UInt8 = 0x80

    /// The files, run by run.
    let runs: [[TableFile]]
    /// Whose each cell is; the last one says that there is no more.
    let codes: UnsafePointer<UInt8>
    /// How many segments there are.
    let segments: Int
    /// The bytes of memory that it takes.
    let byteCount: Int
    private let places: UnsafeMutablePointer<RunPlace>
    private let index: IndexView
    private let indexMemory: RawBytes
    private let blocks: BlockCache

    /// A view of what a draft holds, which counts against the budget of a cache.
    init(_ draft: consuming SortedViewDraft, of runs: [[TableFile]], blocks: BlockCache)
        throws(DecodingError)
    {
        draft.finish()
        let payload = draft.index.finish()
        let indexMemory = RawBytes(byteCount: payload.count)
        // Safety: each memory has room for what is copied to it; the index is kept beside its view.
        unsafe payload.withUnsafeBytes { unsafe indexMemory.buffer.copyMemory(from: $0) }
        index = try unsafe IndexView(indexMemory.bytes)
        let codes = UnsafeMutablePointer<UInt8>.allocate(capacity: draft.codes.count)
        let places = UnsafeMutablePointer<RunPlace>.allocate(capacity: draft.places.count)
        for number in draft.codes.indices {
            unsafe (codes + number).initialize(to: draft.codes[number])
        }
        for number in draft.places.indices {
            unsafe (places + number).initialize(to: draft.places[number])
        }
        unsafe self.codes = UnsafePointer(codes)
        unsafe self.places = unsafe places
        self.indexMemory = indexMemory
        self.runs = runs
        self.blocks = blocks
        segments = index.count
        byteCount = draft.codes.count + draft.places.count * 8 + payload.count
        blocks.chargeIndex(byteCount)
    }

    deinit {
        blocks.chargeIndex(-byteCount)
        // Safety: allocated in init, plain data, and nobody refers to it any more.
        unsafe codes.deallocate()
        unsafe places.deallocate()
    }

    /// Where a run stands at the beginning of a segment, or behind the last.
    @inline(__always)
    func place(of run: Int, in segment: Int) -> RunPlace {
        // Safety: there is one for each run of each segment, and for the end.
        unsafe places[segment &* runs.count &+ run]
    }

    /// The segment in which a key is sought: all cells of those before it are before the key.
    ///
    /// - Returns: their count when the key is behind all cells.
    func segment(for key: UnsafeRawBufferPointer) -> Int {
        // Safety: the key is the caller's.
        unsafe index.find(key)
    }

    /// Has the processor fetch what a seek reads of a segment.
    func prefetch(_ segment: Int) {
        // Safety: a prefetch reads nothing; the places of a segment and of the next are one after the other.
        let start = unsafe UnsafeRawPointer(places + segment &* runs.count)
        for offset in stride(from: 0, to: runs.count &* 16, by: 64) {
            unsafe silt_prefetch(start + offset)
        }
        unsafe silt_prefetch(codes + segment &* Self.segmentCount)
        unsafe silt_prefetch(codes + (segment &+ 1) &* Self.segmentCount)
    }
}

/// Where a run stands: file, block and entry in one word.
struct RunPlace: Equatable {
    /// Behind the run's last cell.
    static let end = RunPlace(word: .max)

    let word: UInt64

    init(word: UInt64) { self.word = word }

    /// A place; `nil` when a number is too large for it.
    init?(file: Int, block: Int, entry: Int) {
        guard file < 0xffff, block < 1 << 24, entry < 1 << 24 else { return nil }
        word = UInt64(file) << 48 | UInt64(block) << 24 | UInt64(entry)
    }

    /// The number of the file within the run.
    var file: Int { Int(truncatingIfNeeded: word &>> 48) }
    /// The number of the block within the file.
    var block: Int { Int(truncatingIfNeeded: word &>> 24 & 0xff_ffff) }
    /// The number of the entry within the block.
    var entry: Int { Int(truncatingIfNeeded: word & 0xff_ffff) }

    /// Whether two places are in one block.
    func sharesBlock(with other: RunPlace) -> Bool { word &>> 24 == other.word &>> 24 }
}
