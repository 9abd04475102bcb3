internal import SiltModel

/// Where reading can go on from a checkpoint.
struct ReadPlace {
    /// The beginning of the next record.
    var position = JobInput.Position()
    /// What the header of the file says, for formats that have one.
    var header: [String]?
    /// Whether a record begins there: not so within a line that is too long.
    var isBetweenRecords = true
}

/// A block of input, its whole records decoded.
struct DecodedBlock {
    /// The records.
    var records: RecordBatch
    /// The file that it is of.
    var file = ""
    /// What turns places in the buffer into offsets of the stream.
    var streamBase = 0
    /// What turns places in the buffer into offsets of the file.
    var fileBase = 0
    /// How much was read, in bytes.
    var readCount = 0
    /// How much of the stream has been decoded up to its end, in bytes.
    var decodedCount = 0
    /// Where the record behind it begins.
    var next = ReadPlace()
    /// Whether the input ends with it.
    var isLast = false

    /// An empty block of a job.
    init(_ plan: JobPlan) {
        records = RecordBatch(literals: plan.literals, slotCount: plan.fields.slotCount)
    }
}

/// Reads blocks, one behind the other, and decodes their whole records into slots.
struct BlockReader {
    private let input: JobInput
    private let blockBytes: Int
    private var decoder: RecordDecoder
    /// Where the next block's first byte stands in its file.
    private var offset = 0
    /// What followed the last whole record.
    private var rest: [UInt8] = []

    init(_ job: JobDefinition, plan: JobPlan, input: JobInput, blockBytes: Int) {
        self.input = input
        self.blockBytes = blockBytes
        decoder = RecordDecoder(
            job.format, paths: plan.fields.paths, nullTexts: job.nullTexts, columns: job.columns,
            numberSlots: plan.numberSlots, columnPlan: plan.columns, pattern: job.pattern)
    }

    /// Begins with the first file.
    mutating func begin() throws(SiltstoneError) {
        try input.begin()
        try decoder.beginFile(input.file, header: nil)
    }

    /// Goes to where a checkpoint was made.
    mutating func resume(at position: JobInput.Position, header: [String]?, job: String)
        throws(SiltstoneError)
    {
        try input.resume(at: position, job: job)
        try decoder.beginFile(input.file, header: header)
        offset = position.offset
    }

    /// Where the next block begins.
    var place: ReadPlace {
        ReadPlace(
            position: input.position(offset: offset), header: decoder.header,
            isBetweenRecords: decoder.isBetweenRecords)
    }

    /// Reads the next block; what `block` held before is forgotten.
    mutating func read(into block: inout DecodedBlock) throws(SiltstoneError) {
        block.records.beginBlock(keeping: block.records.restStart)
        let start = block.records.blockStart
        block.records.texts.bytes.append(contentsOf: rest)
        block.records.texts.bytes.append(contentsOf: input.takePushedBack())
        let got = try input.read(blockBytes, into: &block.records.texts.bytes)
        let end = block.records.texts.bytes.count
        let isFinal = got == 0
        if offset == 0, block.records.texts.bytes[start...].starts(with: [0xef, 0xbb, 0xbf]) {
            block.records.restStart = start + 3
        }
        try decoder.decode(&block.records, end: end, isFinal: isFinal, file: input.file)
        block.file = input.file
        block.fileBase = offset - start
        block.streamBase = input.base + block.fileBase
        block.readCount = got
        // Decoding may have ended a last line itself: the newline is not the file's.
        let taken = min(block.records.restStart, end)
        rest = Array(block.records.texts.bytes[taken..<end])
        offset += taken - start
        block.decodedCount = input.base + offset
        block.isLast = false
        if isFinal {
            if try input.nextFile() {
                rest = []
                offset = 0
                try decoder.beginFile(input.file, header: nil)
            } else {
                block.isLast = true
            }
        }
        block.next = place
    }
}
