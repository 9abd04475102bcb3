package import SiltBytes
package import SiltModel
import Synchronization

/// Logs on a memory disk.
package final class MemoryLogDevice: LogDevice {
    private let disk: MemoryDisk

    init(disk: MemoryDisk) { self.disk = disk }

    /// The incarnations that have segments.
    package func incarnations() throws(SiltstoneError) -> [Identifier] {
        try disk.call(.logList) { state, _ in
            state.logs.filter { !$0.value.isEmpty }.keys.sorted()
        }
    }

    /// The segments of an incarnation.
    package func segments(of incarnation: Identifier) throws(SiltstoneError) -> [UInt64] {
        try disk.call(.logList) { state, _ in state.logs[incarnation]?.keys.sorted() ?? [] }
    }

    /// Creates a segment; see the protocol.
    package func createSegment(_ incarnation: Identifier, _ number: UInt64, capacity: Int)
        throws(SiltstoneError) -> any LogSegment
    {
        let name = LogPath.segment(incarnation, number)
        guard capacity > 0 else {
            throw SiltstoneError(.invalidArgument, "log segment has no room capacity=\(capacity)")
        }
        try disk.call(.createSegment) { state, fate throws(SiltstoneError) in
            guard state.logs[incarnation]?[number] == nil else {
                throw SiltstoneError(.alreadyExists, "log segment exists", at: .init(file: name))
            }
            try state.checkRoom(capacity, file: name)
            guard fate.isApplied || fate.isTorn else { return }
            // A crash on the way leaves the name and any part of the zeros.
            let room = fate.isTorn ? Int(state.ledger.random.next() % UInt64(capacity)) : capacity
            state.logs[incarnation, default: [:]][number] = MemoryLogFile(byteCountOfFile: room)
        }
        return MemoryLogSegment(
            disk: disk, incarnation: incarnation, number: number, capacity: capacity)
    }

    /// The bytes of a segment.
    package func read(_ incarnation: Identifier, _ number: UInt64) throws(SiltstoneError) -> [UInt8]
    {
        try disk.call(.logRead) { state, _ throws(SiltstoneError) in
            guard let file = state.logs[incarnation]?[number] else {
                throw noSuchFile(LogPath.segment(incarnation, number))
            }
            return file.image
        }
    }

    /// The segment's path.
    package func name(_ incarnation: Identifier, _ number: UInt64) -> String {
        LogPath.segment(incarnation, number)
    }

    /// Deletes segments, lowest first; a crash on the way leaves the higher ones.
    package func trim(_ incarnation: Identifier, below number: UInt64) throws(SiltstoneError) {
        try disk.call(.trim) { state, fate in
            let all = state.logs[incarnation]?.keys.sorted() ?? []
            for segment in all where segment < number || number == .max {
                guard fate.isApplied || fate.isTorn && state.ledger.random.next() & 1 == 0 else {
                    break
                }
                state.logs[incarnation]?[segment] = nil
            }
            if state.logs[incarnation]?.isEmpty == true { state.logs[incarnation] = nil }
        }
    }
}

/// One segment of a memory disk.
private final class MemoryLogSegment: LogSegment {
    let capacity: Int
    private let disk: MemoryDisk
    private let incarnation: Identifier
    private let number: UInt64
    private let count = Atomic(0)
    private let isFailed = Atomic(false)

    init(disk: MemoryDisk, incarnation: Identifier, number: UInt64, capacity: Int) {
        self.disk = disk
        self.incarnation = incarnation
        self.number = number
        self.capacity = capacity
    }

    var byteCount: Int { count.load(ordering: .acquiring) }

    func append(_ bytes: UnsafeRawBufferPointer, durably: Bool) throws(SiltstoneError) {
        // Safety: the caller lends the buffer for the call; its bytes are copied here.
        let copy = unsafe Array(bytes)
        let offset = byteCount
        try change(durably ? .appendDurably : .append) {
            file, fate, random throws(SiltstoneError) in
            guard copy.count <= self.capacity - offset else {
                throw SiltstoneError(
                    .invalidArgument,
                    "log record does not fit its segment wanted=\(copy.count) "
                        + "left=\(self.capacity - offset)",
                    at: .init(file: self.name, offset: offset))
            }
            if fate.isApplied || fate.isTorn || (durably && fate.isFailed) { file.bytes += copy }
            guard fate.isApplied else {
                if durably, fate.isFailed { file.loseUnsynced() }
                if fate.isTorn { file.tear(&random) }
                return
            }
            if durably { file.durableCount = file.bytes.count }
        }
        count.store(offset + copy.count, ordering: .releasing)
    }

    func sync() throws(SiltstoneError) {
        try change(.sync) { file, fate, random in
            if fate.isApplied { file.durableCount = file.bytes.count }
            if fate.isFailed { file.loseUnsynced() }
            if fate.isTorn { file.tear(&random) }
        }
    }

    func close() throws(SiltstoneError) {
        let isOpen = disk.state.withLock { state in
            state.logs[incarnation]?[number]?.isOpen ?? false
        }
        guard isOpen else { return }
        try change(.closeSegment) { file, fate, random in
            if fate.isApplied || fate.isTorn { file.byteCountOfFile = file.bytes.count }
            if fate.isApplied { file.durableCount = file.bytes.count }
            if fate.isFailed { file.loseUnsynced() }
            if fate.isTorn { file.tear(&random) }
            file.isOpen = false
        }
    }

    private var name: String { LogPath.segment(incarnation, number) }

    private func change(
        _ operation: DiskOperation,
        _ body: (inout MemoryLogFile, CallFate, inout Xoshiro256) throws(SiltstoneError) -> Void
    ) throws(SiltstoneError) {
        guard !isFailed.load(ordering: .relaxed) else {
            throw SiltstoneError(.unavailable, "log segment failed before", at: .init(file: name))
        }
        do throws(SiltstoneError) {
            try disk.call(operation) { state, fate throws(SiltstoneError) in
                guard var file = state.logs[self.incarnation]?.removeValue(forKey: self.number)
                else { throw noSuchFile(self.name) }
                // Taken out for the change, so that its bytes are not copied.
                defer { state.logs[self.incarnation]?[self.number] = file }
                guard file.isOpen else {
                    throw SiltstoneError(
                        .closed, "log segment is closed", at: .init(file: self.name))
                }
                try body(&file, fate, &state.ledger.random)
            }
        } catch {
            if error.code == .unavailable { isFailed.store(true, ordering: .relaxed) }
            throw error
        }
    }
}
