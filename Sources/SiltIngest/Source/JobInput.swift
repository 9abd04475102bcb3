internal import SiltBytes
package import SiltIO
package import SiltModel

/// The bytes of a job's source: some files one after the other as one stream, or the standard input.
///
/// A position names the file, and tells by size and the first bytes whether the file is still the one it was.
package final class JobInput {
    /// How far the input was read.
    ///
    /// Part of the format: docs/format/checkpoint.md.
    struct Position: Equatable {
        var fileIndex = 0
        var file = ""
        /// Where the next record begins in the file, in bytes.
        var offset = 0
        /// The bytes of all files before this one.
        var base = 0
        /// How many first bytes of the file the fingerprint is of.
        var fingerprintBytes = 0
        var fingerprint: UInt64 = 0
        /// The size of the file when it was last looked at; -1 for streams.
        var fileBytes = -1
        /// How many files there were.
        var fileCount = 0

        var encoded: [UInt8] {
            var writer = ByteWriter()
            writer.writeVarint(UInt64(fileIndex))
            writer.writeSized(file)
            writer.writeVarint(UInt64(offset))
            writer.writeVarint(UInt64(base))
            writer.writeVarint(UInt64(fingerprintBytes))
            writer.write(fingerprint)
            writer.writeSignedVarint(Int64(fileBytes))
            writer.writeVarint(UInt64(fileCount))
            return writer.bytes
        }

        init() {}

        init(decoding bytes: [UInt8]) throws(DecodingError) {
            var reader = ByteReader(bytes)
            fileIndex = try reader.readCount(limit: 1 << 40)
            file = try reader.readSizedString()
            offset = try reader.readCount(limit: 1 << 60)
            base = try reader.readCount(limit: 1 << 60)
            fingerprintBytes = try reader.readCount(limit: 1 << 20)
            fingerprint = try reader.readUInt64()
            fileBytes = Int(try reader.readSignedVarint())
            fileCount = try reader.readCount(limit: 1 << 40)
        }
    }

    private static let fingerprintBytesMax = 4096

    private let files: any InputFiles
    private let isStream: Bool
    /// The stream that is read, whose end never comes; and how to wait for more of it.
    private let stream: (log: StreamLog, wait: () -> Void)?
    private let names: [String]
    /// The kind of source, as checkpoints name it.
    let kind: String
    private var handle: (any InputFile)?
    /// What the current file holds when it is compressed: offsets are those of the text in it.
    private var packed: PackedInput?
    private var current = Position()
    /// Where the next read begins.
    private var readOffset = 0

    /// Files: a path or a pattern.
    ///
    /// - Parameter kind: what checkpoints call this kind of source.
    package init(path: String, files: any InputFiles, kind: String = "file")
        throws(SiltstoneError)
    {
        self.files = files
        self.kind = kind
        isStream = false
        stream = nil
        names = try files.names(matching: path)
    }

    /// The standard input.
    package init(standardInputOf files: any InputFiles) {
        self.files = files
        isStream = true
        stream = nil
        kind = "stdin"
        names = ["stdin"]
    }

    /// The events pushed to a stream, without end.
    ///
    /// - Parameter wait: waits a little; called when there is nothing more to read yet.
    package init(_ log: StreamLog, files: any InputFiles, wait: @escaping () -> Void) {
        self.files = files
        isStream = false
        stream = (log, wait)
        kind = "http"
        names = [log.name]
    }

    /// The input that a job's definition names.
    package convenience init(_ source: JobDefinition.Source, files: any InputFiles)
        throws(SiltstoneError)
    {
        switch source {
        case .file(let path): try self.init(path: path, files: files)
        case .generator(let events):
            try self.init(path: GeneratedEvents.name, files: GeneratedFiles(events))
        case .standardInput: self.init(standardInputOf: files)
        case .http(let stream):
            throw SiltstoneError(
                .invalidArgument, "job takes its events from the server's stream stream=\(stream)")
        case .webhdfs(let settings):
            throw SiltstoneError(
                .invalidArgument, "job takes its events from HDFS path=\(settings.path)")
        case .kafka(let kafka):
            throw SiltstoneError(
                .invalidArgument, "job takes its events from a topic topic=\(kafka.topic)")
        }
    }

    /// Whether there may be more later although there is nothing to read now.
    var isUnbounded: Bool { stream != nil }
    /// Whether it is files, which answer reads without waiting for somebody else.
    var isFile: Bool { kind == "file" && !isStream }
    /// The current file's name.
    var file: String { current.file }
    /// The bytes of the files before the current one.
    var base: Int { current.base }

    /// The position when the next record begins at `offset` of the current file.
    func position(offset: Int) -> Position {
        var position = current
        position.offset = offset
        return position
    }

    /// Begins with the first file.
    func begin() throws(SiltstoneError) { try openFile(0, base: 0) }

    /// Goes to the next file; `false` when there is none.
    func nextFile() throws(SiltstoneError) -> Bool {
        guard current.fileIndex + 1 < names.count else { return false }
        try openFile(current.fileIndex + 1, base: current.base + readOffset)
        return true
    }

    private func openFile(_ index: Int, base: Int) throws(SiltstoneError) {
        let file: any InputFile
        if let stream {
            file = StreamFile(stream.log)
        } else {
            file = isStream ? try files.standardInput() : try files.open(names[index])
        }
        current = Position()
        current.fileIndex = index
        current.file = names[index]
        current.base = base
        current.fileCount = names.count
        current.fileBytes = try file.byteCount() ?? -1
        handle = file
        packed = stream != nil || isStream ? nil : try PackedInput(file)
        readOffset = 0
    }

    /// Whether the current file can only be read from its beginning on.
    private var isSequential: Bool { isStream || packed != nil }

    private func readFile(_ count: Int, at offset: Int, into bytes: inout [UInt8])
        throws(SiltstoneError) -> Int
    {
        if let packed { return try packed.read(count, into: &bytes) }
        return try handle?.read(count, at: offset, into: &bytes) ?? 0
    }

    /// Appends up to `count` bytes of the current file; 0 at its end.
    func read(_ count: Int, into bytes: inout [UInt8]) throws(SiltstoneError) -> Int {
        let start = bytes.count
        var got = try readFile(count, at: readOffset, into: &bytes)
        if stream != nil {
            readOffset += got
            return got
        }
        // The fingerprint wants its bytes in one piece, however the stream hands them out.
        while readOffset == 0, got > 0, got < JobInput.fingerprintBytesMax {
            let more = try readFile(count - got, at: got, into: &bytes)
            if more == 0 { break }
            got += more
        }
        if readOffset == 0 { try look(at: bytes[start...]) }
        readOffset += got
        return got
    }

    /// Whether a read now would find bytes.
    func hasMore() -> Bool {
        guard let stream else { return true }
        return stream.log.byteCount > readOffset
    }

    /// Waits a little for more.
    func waitForMore() { stream?.wait() }

    private func look(at head: ArraySlice<UInt8>) throws(SiltstoneError) {
        if let name = PackedInput.compression(of: head) {
            let what = isStream ? "standard input" : "what the file holds"
            throw SiltstoneError(
                .invalidArgument,
                "\(what) is compressed with \(name), which is read of files only, and once; decompress it first",
                at: .init(file: current.file, offset: 0))
        }
        let bytes = Array(head.prefix(JobInput.fingerprintBytesMax))
        current.fingerprintBytes = bytes.count
        current.fingerprint = Hash64.hash(bytes)
    }

    /// Goes to where a checkpoint was made, after making sure that the input is still the same.
    func resume(at position: Position, job: String) throws(SiltstoneError) {
        guard position.fileIndex < names.count, names[position.fileIndex] == position.file else {
            throw changed(job, position.file, "its files are others")
        }
        try openFile(position.fileIndex, base: position.base)
        if let stream {
            guard position.offset <= stream.log.byteCount else {
                throw changed(job, position.file, "it is shorter than what was read of it")
            }
            readOffset = position.offset
            return
        }
        try check(position, job: job)
        guard isSequential else {
            readOffset = position.offset
            return
        }
        try skip(to: position.offset, job: job)
    }

    /// Whether the whole input is what it was when the job had read all of it.
    func isSame(as position: Position) throws(SiltstoneError) -> Bool {
        guard position.fileCount == names.count, names[position.fileIndex] == position.file else {
            return false
        }
        try openFile(position.fileIndex, base: position.base)
        if current.fileBytes != position.fileBytes { return false }
        do {
            try check(position, job: "")
            return true
        } catch {
            if error.code == .conflict { return false }
            throw error
        }
    }

    private var head: [UInt8] = []

    private func check(_ position: Position, job: String) throws(SiltstoneError) {
        guard isSequential || current.fileBytes >= position.offset else {
            throw changed(job, position.file, "it is shorter than what was read of it")
        }
        // Nothing of it had been read yet.
        if position.fingerprintBytes == 0 { return }
        var bytes: [UInt8] = []
        while bytes.count < position.fingerprintBytes {
            let wanted = position.fingerprintBytes - bytes.count
            if try readFile(wanted, at: bytes.count, into: &bytes) == 0 { break }
        }
        guard Hash64.hash(bytes) == position.fingerprint, bytes.count == position.fingerprintBytes
        else {
            throw changed(job, position.file, "its first bytes are others")
        }
        current.fingerprintBytes = position.fingerprintBytes
        current.fingerprint = position.fingerprint
        head = bytes
        readOffset = bytes.count
    }

    /// Passes over what was already read of input that is read from its beginning only.
    private func skip(to offset: Int, job: String) throws(SiltstoneError) {
        while readOffset < offset {
            var bytes: [UInt8] = []
            let got = try readFile(min(1 << 20, offset - readOffset), at: readOffset, into: &bytes)
            guard got > 0 else {
                throw changed(job, current.file, "it is shorter than what was read of it")
            }
            readOffset += got
        }
        // The head was read already when the place is within it.
        if readOffset > offset { pushedBack = Array(head[offset...]) }
    }

    /// Bytes read too far while the fingerprint was checked.
    private var pushedBack: [UInt8] = []

    /// Takes what was read too far.
    func takePushedBack() -> [UInt8] {
        defer { pushedBack = [] }
        return pushedBack
    }

    private func changed(_ job: String, _ file: String, _ what: String) -> SiltstoneError {
        SiltstoneError(
            .conflict,
            "input has changed since the job's checkpoint: \(what); run it with --fresh to begin again job=\(job)",
            at: .init(file: file))
    }
}
