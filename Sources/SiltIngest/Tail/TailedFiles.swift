internal import SiltBytes
internal import SiltFormat
internal import SiltIO
internal import SiltModel

/// The files that a pattern means, as they come, grow, are renamed, cut and go.
///
/// A chain is what one writer writes under one name: a file, those that took its name after it was renamed, and what
/// stood in it before it was cut. A chain is a partition: it has a watermark of its own.
struct TailedFiles {
    struct Chain {
        let id: UInt32
        let name: String
        /// The greatest event time of it.
        var maxTime = Int64.min
        /// How many bytes were taken of it.
        var position = 0
        /// The newest file's number in it.
        var generation = 0
        /// When something of it was last taken, or it was found, on the monotonic clock.
        var lastMilliseconds: Int64 = 0
        /// Whether it counts for the watermark.
        var isActive = true
    }

    /// How far a file was read that is not there any more.
    struct Past {
        let chain: UInt32
        let generation: Int
        let mark: TailedFile.Mark
        /// The column names that it began with.
        var header: [String]?
        /// Whether the mark is within a line that is too long.
        var isSkippingLine = false
        /// Whether all of it was read.
        var isFinished = false
        /// Since when it is gone, on the monotonic clock.
        var goneAt: Int64 = 0

        var trace: Trace { Trace(mark: mark, header: header) }
    }

    /// How many files that are gone are remembered.
    private static let pastCountMax = 256

    let pattern: String
    let source: any InputFiles
    var files: [TailedFile] = []
    var chains: [UInt32: Chain] = [:]
    var past: [Past] = []
    var nextChain: UInt32 = 0
    /// Chains that came or went since somebody asked.
    private(set) var newChains: [UInt32] = []
    private(set) var goneChains: [UInt32] = []
    /// Whether a checkpoint would say something new.
    var isDirty = false
    /// Chains of which a compressed copy may hold more that is being written, with the number of the file that is gone.
    var waiting: [UInt32: Int] = [:]

    /// A file is closed, and one that has lost its name forgotten, when it was left alone for so long, in milliseconds.
    let settleMilliseconds: Int64

    init(pattern: String, source: any InputFiles, settleMilliseconds: Int64) {
        self.pattern = pattern
        self.source = source
        self.settleMilliseconds = settleMilliseconds
    }

    /// The files' directory as a pattern of everything in it.
    private var neighbours: String {
        let cut = pattern.utf8.lastIndex(of: UInt8(ascii: "/"))
        return (cut.map { String(pattern[...$0]) } ?? "") + "*"
    }

    /// Takes the chains that came and went.
    mutating func takeChanges() -> (new: [UInt32], gone: [UInt32]) {
        defer {
            newChains = []
            goneChains = []
        }
        return (newChains, goneChains)
    }

    /// Looks which files there are; what of those that are known is read further is found when it is read.
    mutating func look(now: TailMoment) throws(SiltstoneError) {
        let statuses = try source.statuses(matching: pattern)
        var places: [FileIdentity: Int] = [:]
        for index in files.indices {
            files[index].isLost = true
            places[FileIdentity(files[index])] = index
        }
        for status in statuses {
            if let place = places[FileIdentity(status)] {
                if files[place].name != status.name { isDirty = true }
                files[place].note(status, now: now)
            } else {
                files.append(TailedFile(status, now: now))
            }
        }
        try lookForLost(now)
        try lookAtCopies(now)
        noteWaiting(now)
    }

    /// Looks at files whose name is another's, or nobody's, now.
    private mutating func lookForLost(_ now: TailMoment) throws(SiltstoneError) {
        var others: [InputFileStatus]?
        for index in files.indices.reversed() where files[index].isLost {
            if files[index].isOpen {
                try files[index].noteOpen(now: now)
            } else {
                if others == nil { others = try source.statuses(matching: neighbours) }
                guard let found = others?.first(where: { files[index].isSame(as: $0) }) else {
                    try forget(index, others ?? [], now: now)
                    continue
                }
                files[index].note(found, now: now)
                files[index].isLost = true
            }
            let isSettled = now.monotonic - files[index].changedAt >= settleMilliseconds
            if isSettled, !files[index].mayHaveMore,
                files[index].isFinished || files[index].chain == nil
            {
                try forget(index, [], now: now)
            }
        }
    }

    /// Tails a file no more, but remembers how far it was read; a copy among `others` is read on in its place.
    private mutating func forget(_ index: Int, _ others: [InputFileStatus], now: TailMoment)
        throws(SiltstoneError)
    {
        let file = files.remove(at: index)
        isDirty = true
        guard let chain = file.chain else { return }
        remember(file, now)
        try adoptCopy(of: file, among: others, now: now)
        drop(chain)
    }

    /// Remembers how far a file was read, for copies of it that turn up.
    private mutating func remember(_ file: TailedFile, _ now: TailMoment) {
        guard file.mark.offset > 0, let chain = file.chain else { return }
        past.append(
            Past(
                chain: chain, generation: file.generation, mark: file.mark, header: file.header,
                isSkippingLine: file.isSkippingLine, isFinished: file.isFinished,
                goneAt: now.monotonic))
        while past.count > Self.pastCountMax { drop(past.removeFirst().chain) }
    }

    /// Reads on in a copy that the pattern does not mean: of a file that is gone or was cut before all of it was read.
    private mutating func adoptCopy(
        of file: TailedFile, among others: [InputFileStatus], now: TailMoment
    ) throws(SiltstoneError) {
        guard let known = past.last, known.mark == file.mark, file.mark.offset > 0 else { return }
        let identities = Set(files.map { FileIdentity($0) })
        for status in others
        where status.name.hasPrefix(file.name) && !identities.contains(FileIdentity(status))
            && FileIdentity(status) != FileIdentity(file)
        {
            var copy = TailedFile(status, now: now)
            guard (try? copy.firstCopied([known.trace], files: source)) == 0 else { continue }
            copy.join(known)
            copy.isLost = true
            past.removeLast()
            files.append(copy)
            return
        }
    }

    /// Forgets a chain that nothing is left of.
    mutating func drop(_ chain: UInt32) {
        let isUsed =
            files.contains { $0.chain == chain } || past.contains { $0.chain == chain }
        if !isUsed, chains.removeValue(forKey: chain) != nil { goneChains.append(chain) }
    }

    /// The chain of a name; a new one when there is none.
    mutating func chain(_ name: String, now: TailMoment) -> UInt32 {
        if let known = chains.values.filter({ $0.name == name }).map(\.id).max() {
            chains[known]?.generation += 1
            chains[known]?.lastMilliseconds = now.monotonic
            return known
        }
        let id = nextChain
        nextChain &+= 1
        chains[id] = Chain(id: id, name: name, lastMilliseconds: now.monotonic)
        newChains.append(id)
        return id
    }

    // MARK: - Reading

    /// The file to read next: of the chain that is furthest behind, the oldest that may have more.
    func next() -> Int? {
        var best: Int?
        var bestPlace = (Int64.max, UInt32.max, Int.max)
        for index in files.indices where files[index].mayHaveMore {
            guard let id = files[index].chain else { continue }
            if let gone = waiting[id], files[index].generation > gone { continue }
            let place = (chains[id]?.maxTime ?? .min, id, files[index].generation)
            if best == nil || place < bestPlace { (best, bestPlace) = (index, place) }
        }
        return best
    }

    /// Notes that a file does not hold any more what was read of it: it was cut or written anew.
    mutating func noteCut(_ index: Int, now: TailMoment) throws(SiltstoneError) {
        guard let id = files[index].chain else { return }
        let file = files[index]
        remember(file, now)
        chains[id]?.generation += 1
        files[index].beginAgain(generation: chains[id]?.generation ?? 0)
        isDirty = true
        // What was not read before it was cut may stand in a copy.
        try lookAtCopies(now)
        try adoptCopy(of: file, among: source.statuses(matching: neighbours), now: now)
    }

    /// The chain whose events are furthest ahead: it holds nobody back, and says how far all are when none goes on.
    var foremostChain: UInt32? {
        chains.values.max { ($0.maxTime, $0.id) < ($1.maxTime, $1.id) }?.id
    }

    /// The chains whose files are all read to their ends: who writes on under their names makes other files.
    var finishedChains: Set<UInt32> {
        let all = Set(files.lazy.compactMap(\.chain))
        return all.subtracting(files.lazy.filter { !$0.isFinished }.compactMap(\.chain))
    }

    /// Whether the last line of a file counts although no newline ends it: nobody will end it.
    func isOver(_ index: Int, now: TailMoment, endsSettled: Bool) -> Bool {
        let file = files[index]
        if file.isPacked { return true }
        guard now.monotonic - file.changedAt >= settleMilliseconds else { return false }
        let isOld = file.generation < file.chain.flatMap { chains[$0]?.generation } ?? 0
        return file.isLost || isOld || endsSettled
    }

    /// Has the last lines of files read that nobody will end.
    mutating func lookAgain(now: TailMoment, endsSettled: Bool) {
        for index in files.indices
        where files[index].chain != nil && !files[index].isFinished && !files[index].mayHaveMore
            && isOver(index, now: now, endsSettled: endsSettled)
        {
            files[index].seen = nil
        }
    }

    /// Gives up open files that nothing happens to.
    mutating func closeSettled(now: TailMoment) {
        for index in files.indices
        where files[index].isOpen && now.monotonic - files[index].changedAt >= settleMilliseconds
            && !files[index].mayHaveMore && !files[index].isLost
        {
            files[index].close()
        }
    }
}

/// What tells a file from others whatever its name.
struct FileIdentity: Hashable {
    let device: UInt64
    let number: UInt64

    init(device: UInt64, number: UInt64) {
        self.device = device
        self.number = number
    }

    init(_ file: TailedFile) {
        device = file.device
        number = file.number
    }

    init(_ status: InputFileStatus) {
        device = status.device
        number = status.number
    }
}
