internal import SiltIO
internal import SiltModel

/// Which files are copies of others, whole or compressed, and what becomes of them.
///
/// 1. A new file that has what was read of a known one, or begins like it and is shorter, as a copy that is being
///    written or was made long ago, is not read as long as that is there.
/// 2. When the original is gone or was cut, its copy is read on where the original was left; of one that is shorter,
///    nothing is new.
/// 3. What is no copy begins a chain, or follows in that of its name.
extension TailedFiles {
    /// Nobody is writing a file any more that was left alone for so long, in milliseconds.
    private static let writingMilliseconds: Int64 = 2000

    private func isBeingWritten(_ file: TailedFile, _ now: TailMoment) -> Bool {
        now.monotonic - file.changedAt < Self.writingMilliseconds
    }

    /// A compressed copy is written piece by piece, and its original goes when it is whole.
    private func isBeingPacked(_ file: TailedFile, _ now: TailMoment) -> Bool {
        file.looksPacked && isBeingWritten(file, now)
    }

    private var hasLostUnread: Bool {
        files.contains { $0.isLost && $0.chain != nil && $0.mayHaveMore }
    }

    /// Finds out which new files are copies of known ones, and what becomes of copies.
    mutating func lookAtCopies(_ now: TailMoment) throws(SiltstoneError) {
        // What is empty may become a copy.
        for index in files.indices where files[index].chain == nil && files[index].byteCount > 0 {
            if isBeingPacked(files[index], now) { continue }
            // What has lost its name is read first: then it is known what a compressed copy is one of.
            if files[index].looksPacked, hasLostUnread { continue }
            var file = files[index]
            do throws(SiltstoneError) {
                if try isStillCopy(&file, now) {
                    files[index] = file
                    continue
                }
                if file.chain == nil { try settle(&file, now) }
            } catch {
                // A file that cannot be unpacked is nobody's copy: reading says what is wrong with it.
                guard error.code == .corrupted || error.code == .invalidArgument else {
                    throw error
                }
                begin(&file, now)
            }
            files[index] = file
            isDirty = true
        }
    }

    /// Notes which chains have to wait for the rest of a file that was being compressed when it went: what follows it
    /// would make its events late.
    mutating func noteWaiting(_ now: TailMoment) {
        waiting = [:]
        let packing = files.filter { $0.chain == nil && isBeingPacked($0, now) }
        if packing.isEmpty { return }
        let identities = Set(files.map { FileIdentity($0) })
        let isOrphan = packing.contains { file in
            file.original.map { !identities.contains($0.identity) } ?? true
        }
        guard isOrphan else { return }
        for known in past
        where !known.isFinished && now.monotonic - known.goneAt < settleMilliseconds {
            waiting[known.chain] = max(waiting[known.chain] ?? 0, known.generation)
        }
    }

    /// Whether a copy's original is there, and nothing speaks against it being one; one that goes on where that ends
    /// gets its chain.
    private mutating func isStillCopy(_ file: inout TailedFile, _ now: TailMoment)
        throws(SiltstoneError) -> Bool
    {
        guard let known = file.original,
            let index = files.firstIndex(where: {
                FileIdentity($0) == known.identity && $0.chain == known.chain
                    && $0.generation == known.generation
            })
        else { return false }
        let isUncut = files[index].byteCount >= known.originalByteCount
        if known.isSure, files[index].mark == known.mark, isUncut, file.isAsIn(known) {
            return true
        }
        // Unpacking costs, so it is not done whenever the original grows.
        if file.looksPacked, now.monotonic - known.checkedAt < settleMilliseconds { return true }
        if let found = try original(of: &file, among: [index], [], now) {
            return try hold(&file, index, found, now)
        }
        // An original that was cut says nothing: what becomes of its copies is seen when it is read.
        if try !files[index].isAsRead(files: source) { return true }
        // Two that only began alike.
        file.original = nil
        return false
    }

    /// Finds out what a file is whose original is gone, or that is nobody's copy as yet.
    private mutating func settle(_ file: inout TailedFile, _ now: TailMoment) throws(SiltstoneError)
    {
        let known = files.indices.filter { files[$0].chain != nil }
        // The newest of those that are gone first.
        let gone = Array(past.indices.reversed())
        if let found = try original(of: &file, among: known, gone.map { past[$0].trace }, now) {
            if found.place < known.count {
                if try hold(&file, known[found.place], found, now) { return }
            } else {
                file.join(past.remove(at: gone[found.place - known.count]))
            }
        } else if let former = file.original, try isLeft(&file, of: former) {
            joinFormer(&file, former, now)
        } else {
            begin(&file, now)
        }
        file.original = nil
    }

    /// What a file is found to be a copy of.
    private struct Finding {
        let place: Int
        /// How much of the copy was read there.
        let own: TailedFile.Mark
        /// Whether it stays one as long as nothing changes.
        var isSure = true
    }

    /// What a file is a copy of, of some known files and traces; `nil` when of none.
    private mutating func original(
        of file: inout TailedFile, among known: [Int], _ gone: [Trace], _ now: TailMoment
    ) throws(SiltstoneError) -> Finding? {
        let traces = known.map { files[$0].trace } + gone
        if let place = try file.firstCopied(traces, files: source) {
            return Finding(place: place, own: traces[place].mark)
        }
        // It may be shorter than what was read, or a copy of what was not.
        let name = file.name
        let isNamedAfter = known.map { name.hasPrefix(files[$0].name) }
        let lengths = zip(known, isNamedAfter).map { index, isNamedAfter in
            max(files[index].mark.offset, isNamedAfter ? files[index].byteCount : 0)
        }
        guard let end = try file.end(limit: lengths.max() ?? 0, files: source) else { return nil }
        for (place, index) in known.enumerated() where !files[index].looksPacked {
            let isTelling = Trace(mark: end.mark, header: files[index].header).isTelling
            let isSure = isTelling || isNamedAfter[place]
            guard isSure || isBeingWritten(file, now) else { continue }
            if lengths[place] >= end.mark.offset,
                let bytes = try files[index].bytes(before: end.mark, files: source),
                end.mark.fits(bytes)
            {
                let mark = files[index].mark
                return Finding(
                    place: place, own: mark.offset < end.mark.offset ? mark : end.mark,
                    isSure: isSure)
            }
            // Of what is not compressed to its end yet, nothing may be readable.
            if !end.isWhole, isNamedAfter[place] {
                return Finding(place: place, own: TailedFile.Mark())
            }
        }
        return nil
    }

    /// Leaves a copy unread as long as its original is there; `false` when it goes on where that ends, and is read on.
    private mutating func hold(
        _ file: inout TailedFile, _ index: Int, _ found: Finding, _ now: TailMoment
    ) throws(SiltstoneError) -> Bool {
        guard let chain = files[index].chain else { return true }
        file.original = TailedFile.Original(
            identity: FileIdentity(files[index]), chain: chain,
            generation: files[index].generation, mark: files[index].mark, own: found.own,
            isSure: found.isSure, header: files[index].header,
            originalByteCount: files[index].byteCount, byteCount: file.byteCount,
            modifiedMilliseconds: file.modifiedMilliseconds, checkedAt: now.monotonic)
        guard !file.looksPacked, try files[index].isWholly(readAndShorterThan: file, files: source)
        else { return true }
        chains[chain]?.generation += 1
        file.join(
            Past(
                chain: chain, generation: chains[chain]?.generation ?? 0, mark: found.own,
                header: files[index].header))
        return false
    }

    /// Whether a file still has what was read of it as a copy of a file that is gone.
    private func isLeft(_ file: inout TailedFile, of former: TailedFile.Original)
        throws(SiltstoneError) -> Bool
    {
        let trace = Trace(mark: former.own, header: former.header)
        return try file.firstCopied([trace], files: source) == 0
    }

    /// Takes a copy that has not all that was read of its original: only what came to it later can be new.
    private mutating func joinFormer(
        _ file: inout TailedFile, _ former: TailedFile.Original, _ now: TailMoment
    ) {
        let read = past.last {
            $0.chain == former.chain && $0.generation == former.generation
        }
        var mark = former.own
        if let read, let end = try? file.end(limit: read.mark.offset, files: source) {
            mark = end.mark
        }
        let isKnown = chains[former.chain] != nil
        let id = isKnown ? former.chain : chain(file.name, now: now)
        file.join(
            Past(
                chain: id,
                generation: isKnown ? former.generation : chains[id]?.generation ?? 0,
                mark: mark, header: former.header))
    }

    /// Takes a file as one of its own, which is read from its beginning.
    private mutating func begin(_ file: inout TailedFile, _ now: TailMoment) {
        let id = chain(file.name, now: now)
        file.original = nil
        file.chain = id
        file.generation = chains[id]?.generation ?? 0
    }
}
