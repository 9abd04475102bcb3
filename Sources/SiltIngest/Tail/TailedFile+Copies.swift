internal import SiltIO
internal import SiltModel

/// What tells whether a file is a copy of another.
extension TailedFile {
    /// How far the file was read, for those that may be copies of it.
    var trace: Trace { Trace(mark: mark, header: header) }

    /// The first of some traces that this file holds what was read of; the file is read once at most.
    mutating func firstCopied(_ traces: [Trace], files: any InputFiles) throws(SiltstoneError)
        -> Int?
    {
        let places = traces.indices.filter { traces[$0].mark.offset > 0 }
        guard !places.isEmpty, try open(files), let handle else { return nil }
        if let input = try PackedInput(handle) {
            return try Self.fitting(traces, places, input).min()
        }
        for place in places {
            let mark = traces[place].mark
            guard byteCount >= mark.offset, traces[place].isTelling || byteCount == mark.offset
            else { continue }
            if mark.fits(try Self.read(handle, before: mark.offset, mark.count)) { return place }
        }
        return nil
    }

    /// The traces that what is unpacked fits.
    private static func fitting(_ traces: [Trace], _ places: [Int], _ input: PackedInput)
        throws(SiltstoneError) -> [Int]
    {
        var found: [Int] = []
        // Those that tell too little unless they are all there is.
        var short: [Int] = []
        var reached = 0
        var last: [UInt8] = []
        do throws(SiltstoneError) {
            for place in places.sorted(by: { traces[$0].mark.offset < traces[$1].mark.offset }) {
                let mark = traces[place].mark
                while reached < mark.offset {
                    let got = try input.read(min(1 << 18, mark.offset - reached), into: &last)
                    if got == 0 { break }
                    reached += got
                    last = Array(last.suffix(Mark.bytesMax))
                }
                guard reached == mark.offset else { break }
                guard mark.fits(last.suffix(mark.count)) else { continue }
                if traces[place].isTelling { found.append(place) } else { short.append(place) }
            }
            guard !short.isEmpty else { return found }
            let isAtEnd = try input.read(1, into: &last) == 0
            return found + short.filter { isAtEnd && traces[$0].mark.offset == reached }
        } catch {
            // What came before the damage counts: somebody may be writing it still.
            guard error.code == .corrupted else { throw error }
            return found
        }
    }

    /// The end of what a file holds.
    struct End {
        let mark: Mark
        /// Whether all of it can be unpacked.
        var isWhole = true
    }

    /// The end of what a file holds, as far as that can be unpacked; `nil` when that is nothing or beyond `limit`.
    mutating func end(limit: Int, files: any InputFiles) throws(SiltstoneError) -> End? {
        guard try open(files), let handle else { return nil }
        guard let input = try PackedInput(handle) else {
            guard byteCount > 0, byteCount <= limit else { return nil }
            return End(
                mark: Mark(
                    byteCount,
                    try Self.read(handle, before: byteCount, min(byteCount, Mark.bytesMax))))
        }
        var reached = 0
        var last: [UInt8] = []
        var isWhole = true
        do throws(SiltstoneError) {
            while reached <= limit {
                let got = try input.read(1 << 18, into: &last)
                if got == 0 { break }
                reached += got
                last = Array(last.suffix(Mark.bytesMax))
            }
        } catch {
            // Somebody is writing it still.
            guard error.code == .corrupted else { throw error }
            isWhole = false
        }
        guard reached <= limit, reached > 0 || !isWhole else { return nil }
        return End(mark: Mark(reached, last), isWhole: isWhole)
    }

    /// The bytes of this file where a mark of another has some; `nil` when it is compressed or not there.
    mutating func bytes(before mark: Mark, files: any InputFiles) throws(SiltstoneError)
        -> [UInt8]?
    {
        guard !looksPacked, try open(files), let handle else { return nil }
        return try Self.read(handle, before: mark.offset, mark.count)
    }

    /// Whether all of it was read, it still is what was read, and another file is longer.
    mutating func isWholly(readAndShorterThan other: TailedFile, files: any InputFiles)
        throws(SiltstoneError) -> Bool
    {
        guard !looksPacked, other.byteCount > mark.offset, try open(files),
            let size = try handle?.status()?.byteCount, size == mark.offset
        else { return false }
        return try isAsRead(files: files)
    }

    /// Whether it still is what was read of it, as far as is known.
    mutating func isAsRead(files: any InputFiles) throws(SiltstoneError) -> Bool {
        guard let bytes = try bytes(before: mark, files: files) else { return true }
        return mark.fits(bytes)
    }

    /// Whether it did not change since it was compared with its original.
    func isAsIn(_ known: Original) -> Bool {
        byteCount == known.byteCount && modifiedMilliseconds == known.modifiedMilliseconds
    }

    /// Up to `count` bytes before an offset: fewer when the file ends before it.
    private static func read(_ handle: any InputFile, before offset: Int, _ count: Int)
        throws(SiltstoneError) -> [UInt8]
    {
        var bytes: [UInt8] = []
        while bytes.count < count {
            let place = offset - count + bytes.count
            if try handle.read(count - bytes.count, at: place, into: &bytes) == 0 { break }
        }
        return bytes
    }
}
