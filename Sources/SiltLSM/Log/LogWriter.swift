internal import SiltBytes
internal import SiltFormat
internal import SiltIO
internal import SiltModel
internal import Synchronization

/// The log of this server run; touched only by who leads the commit queue.
///
/// 1. A segment is created ahead by a worker. Its header goes out with its first record.
/// 2. Records are encoded behind the buffer, for the place where they will stand. `write` gives the buffer to the device.
/// 3. A full segment gets an end mark, and workers make it durable while the next ones are written. A durable write waits for it, and
///    so does the eighth segment after it: where a record stands, all segments but the seven before are on the device.
/// 4. The first failure, other than a full disk met before anything was written, is final: no call is made after it.
@safe struct LogWriter: ~Copyable {
    private let device: any LogDevice
    private let incarnation: Identifier
    private let segmentBytes: Int
    private let ahead: LogSegmentAhead

    private var current: OpenSegment? {
        didSet {
            // Safety: as long as `current` holds it, and set with it.
            unsafe borrowed = current.map { unsafe Unmanaged.passUnretained($0) }
            capacity = current?.segment.capacity ?? 0
        }
    }
    /// What `current` holds: to count references for every record would have writers wait for each other.
    private var borrowed: Unmanaged<OpenSegment>?
    private var capacity = 0
    /// Complete segments, oldest first, that are not known to be durable.
    private var ended: [OpenSegment] = []
    /// The number of the current segment.
    private(set) var segmentNumber: UInt64 = 0
    private var slot: UInt64 = 0
    private var buffer = LogBuffer()
    private var encoder: LogRecordEncoder
    /// Offset in the segment at which the buffer will stand.
    private var bufferOffset = 0
    private var durable = LogPosition(segment: 0, offset: 0)
    /// The sizes of the segments that are complete and not yet trimmed.
    private var complete: [(number: UInt64, byteCount: Int)] = []
    private var completeBytes = 0
    private(set) var failure: SiltstoneError?
    /// When the oldest bytes of the buffer came, in nanoseconds of the monotonic clock; `nil` when it is empty.
    private(set) var bufferedSince: UInt64?
    /// Bytes given to the device so far.
    private(set) var writtenBytes: UInt64 = 0

    init(
        _ device: any LogDevice, incarnation: Identifier, segmentBytes: Int, ahead: LogSegmentAhead
    ) {
        self.device = device
        self.incarnation = incarnation
        self.segmentBytes = segmentBytes
        self.ahead = ahead
        encoder = LogRecordEncoder(incarnation: incarnation, segment: 0)
    }

    /// Bytes of the log that are kept.
    var byteCount: Int {
        completeBytes + bufferOffset + buffer.count
    }

    /// Bytes that wait in memory.
    var bufferedBytes: Int { buffer.count }

    /// Whether everything is on the device.
    var isDurable: Bool {
        durable.segment == segmentNumber && durable.offset == UInt64(bufferOffset)
            && buffer.count == 0
    }

    /// A mark of the buffer, to take back what was encoded after it.
    var mark: (bufferCount: Int, slot: UInt64) { (buffer.count, slot) }

    /// Makes room for a record; may end the segment and begin another.
    ///
    /// - Throws: `storageFull` when no segment can be made: nothing changed.
    mutating func reserve(_ byteCount: Int) throws(SiltstoneError) {
        try checkUsable()
        let end = bufferOffset + buffer.count + byteCount + LogRecordEncoder.endMarkByteCount
        if end <= capacity { return }
        let next = try makeSegment(
            holding: LogSegmentHeader.byteCount + byteCount + LogRecordEncoder.endMarkByteCount)
        do throws(SiltstoneError) {
            try settle(leaving: EngineOptions.logSegmentsPendingMax - 2)
            let endsLarge = capacity > segmentBytes
            try endSegment()
            // Of segments beyond the usual size one at a time may be off the device. Where numbers are left out, what lies between
            // was never written to, and a reader must be able to tell.
            if endsLarge || next.segment.capacity > segmentBytes || next.number > segmentNumber + 1
            {
                try settle(leaving: 0)
            }
        } catch {
            ahead.give(next.number, next.segment)
            throw error
        }
        current = OpenSegment(next.segment, number: next.number)
        segmentNumber = next.number
        bufferOffset = 0
        if ended.isEmpty { durable = LogPosition(segment: segmentNumber, offset: 0) }
        encoder = LogRecordEncoder(incarnation: incarnation, segment: segmentNumber)
        let header = LogSegmentHeader(incarnation: incarnation, segment: segmentNumber).encoded()
        // Safety: the room is the header's size.
        unsafe header.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            unsafe buffer.place(for: bytes.count).copyMemory(from: start, byteCount: bytes.count)
        }
        buffer.advance(by: header.count)
        ahead.prepare(segmentNumber + 1)
    }

    /// The next segment, with room for `need` bytes at least.
    private mutating func makeSegment(holding need: Int)
        throws(SiltstoneError) -> (number: UInt64, segment: any LogSegment)
    {
        let next = segmentNumber + 1
        do throws(SiltstoneError) {
            if need <= segmentBytes {
                if let made = ahead.take(next) { return made }
                return (next, try device.createSegment(incarnation, next, capacity: segmentBytes))
            }
            // The one made ahead is too small; it stays unused and is trimmed with the rest.
            let number = ahead.discard(next) + 1
            return (number, try device.createSegment(incarnation, number, capacity: need))
        } catch {
            if error.code == .storageFull { throw error }
            throw fail(error)
        }
    }

    /// Encodes a record of `byteCount` bytes into the buffer; `reserve` made room for it in the segment.
    mutating func append(
        _ sections: ArraySlice<LogRecordEncoder.Section>, byteCount: Int, nowNanoseconds now: UInt64
    ) {
        slot += 1
        // Safety: the room is what the encoder says that the record takes.
        let written = unsafe encoder.encode(
            sections, slot: slot, offset: UInt64(bufferOffset + buffer.count), durable: durable,
            to: buffer.place(for: byteCount))
        buffer.advance(by: written)
        if bufferedSince == nil { bufferedSince = now }
    }

    /// Encodes a record of one section into the buffer; as `append` of several.
    mutating func append(
        _ section: LogRecordEncoder.Section, byteCount: Int, nowNanoseconds now: UInt64
    ) {
        slot += 1
        // Safety: the room is what the encoder says that the record takes.
        let written = unsafe encoder.encode(
            section, slot: slot, offset: UInt64(bufferOffset + buffer.count), durable: durable,
            to: buffer.place(for: byteCount))
        buffer.advance(by: written)
        if bufferedSince == nil { bufferedSince = now }
    }

    /// Gives the buffer to the device.
    ///
    /// - Parameter durably: whether everything so far must survive a power cut on return.
    /// - Throws: `storageFull` when nothing was written, and then the buffer is as before.
    mutating func write(durably: Bool) throws(SiltstoneError) {
        try checkUsable()
        if !ended.isEmpty { if durably { try settle(leaving: 0) } else { try noteClosed() } }
        guard let borrowed = unsafe borrowed else { return }
        if buffer.count == 0, !durably || isDurable { return }
        let bytes = unsafe buffer.bytes
        // Safety: `current` holds the segment, and the device copies the bytes before it returns.
        let error = unsafe borrowed._withUnsafeGuaranteedRef { open -> SiltstoneError? in
            do throws(SiltstoneError) {
                try unsafe open.segment.append(bytes, durably: durably)
                return nil
            } catch { return error }
        }
        if let error {
            if error.code == .storageFull { throw error }
            throw fail(error)
        }
        writtenBytes += UInt64(buffer.count)
        bufferOffset += buffer.count
        buffer.removeAll()
        bufferedSince = nil
        if durably { durable = LogPosition(segment: segmentNumber, offset: UInt64(bufferOffset)) }
    }

    /// Takes back what was encoded after `mark`, which is still in the buffer.
    mutating func rollBack(to mark: (bufferCount: Int, slot: UInt64)) {
        guard buffer.count > mark.bufferCount else { return }
        buffer.truncate(to: mark.bufferCount)
        slot = mark.slot
        if buffer.count == 0 { bufferedSince = nil }
    }

    /// Poisons the log: every later call throws.
    @discardableResult
    mutating func fail(_ error: SiltstoneError) -> SiltstoneError {
        if let failure { return failure }
        let final = SiltstoneError(
            .unavailable, "storage failed, writes are refused until a restart: \(error.message)",
            at: error.location)
        failure = final
        return final
    }

    /// What must be forced to the device for everything written so far to be durable, and the position that this reaches.
    ///
    /// Any thread may do it, with `OpenSegment.sync`, and tell of it with `noteDurable`.
    var unsynced: (segments: [OpenSegment], reach: LogPosition) {
        (
            isDurable ? [] : ended + (current.map { [$0] } ?? []),
            LogPosition(segment: segmentNumber, offset: UInt64(bufferOffset))
        )
    }

    /// Takes note that the log is durable up to a position.
    mutating func noteDurable(_ reach: LogPosition) { durable = max(durable, reach) }

    /// Ends the log cleanly.
    mutating func close() throws(SiltstoneError) {
        try checkUsable()
        try endSegment()
        try settle(leaving: 0)
        _ = ahead.discard(segmentNumber + 1)
    }

    /// Forgets the complete segments below `number`, which the caller is to delete.
    ///
    /// - Returns: below which number; `nil` when there is nothing to delete.
    mutating func trim(below number: UInt64) throws(SiltstoneError) -> UInt64? {
        try noteClosed()
        let limit = min(number, ended.first?.number ?? segmentNumber)
        guard let first = complete.first, first.number < limit else { return nil }
        complete.removeAll { $0.number < limit }
        completeBytes = complete.reduce(0) { $0 + $1.byteCount }
        return limit
    }

    /// Waits until no more than `count` complete segments are not durable.
    private mutating func settle(leaving count: Int) throws(SiltstoneError) {
        while ended.count > count, let first = ended.first {
            do throws(SiltstoneError) { try first.close() } catch { throw fail(error) }
            noteFirstDurable(first)
        }
    }

    /// Takes note of the complete segments that became durable.
    private mutating func noteClosed() throws(SiltstoneError) {
        while let first = ended.first, let outcome = first.outcome {
            do throws(SiltstoneError) { try outcome.get() } catch { throw fail(error) }
            noteFirstDurable(first)
        }
    }

    private mutating func noteFirstDurable(_ first: OpenSegment) {
        ended.removeFirst()
        durable = max(durable, LogPosition(segment: first.number + 1, offset: 0))
    }

    private mutating func endSegment() throws(SiltstoneError) {
        guard let current else { return }
        let before = mark
        slot += 1
        // Safety: the room is what the encoder says that the mark takes.
        let written = unsafe encoder.encodeEndMark(
            slot: slot, offset: UInt64(bufferOffset + buffer.count), durable: durable,
            to: buffer.place(for: LogRecordEncoder.endMarkByteCount))
        buffer.advance(by: written)
        do throws(SiltstoneError) {
            try write(durably: false)
        } catch {
            rollBack(to: before)
            throw error
        }
        complete.append((segmentNumber, bufferOffset))
        completeBytes += bufferOffset
        self.current = nil
        ended.append(current)
        ahead.close(current)
        try noteClosed()
    }

    private func checkUsable() throws(SiltstoneError) {
        if let failure { throw failure }
    }
}
