package import SiltBytes
package import SiltModel

/// What who takes a partition over is told.
package struct PartitionClaim: Sendable {
    /// The number of this claim: only commits under the newest one are taken.
    package var epoch: UInt64
    /// How far the partition was read and what its open windows hold; `nil` when it never was.
    package var checkpoint: [UInt8]?

    /// A claim.
    package init(epoch: UInt64, checkpoint: [UInt8]?) {
        self.epoch = epoch
        self.checkpoint = checkpoint
    }
}

/// What is written for one partition as one: how far it was read, and what came of it.
package struct PartitionCommit: Sendable {
    /// Which of the job's tables a change is of.
    package enum Target: UInt8, Sendable { case rows = 0, late = 1, bad = 2 }

    /// The part of a window's row that came from the partition.
    package struct Part: Sendable {
        /// The index of the window in the job.
        package var windowIndex: Int
        /// The first millisecond.
        package var start: Int64
        /// One past the last.
        package var end: Int64
        /// The key.
        package var key: [UInt8]
        /// An `AggregateState`.
        package var state: [UInt8]
        /// Whether its events came after the partition had closed the window.
        package var isLate = false
    }

    /// The partition.
    package var partition: Int32 = 0
    /// The claim under which it is written.
    package var epoch: UInt64 = 0
    /// One more than the number of the commit before, so that one sent twice counts once.
    package var number: UInt64 = 0
    /// A `CheckpointRecord`.
    package var checkpoint: [UInt8] = []
    /// What is merged into rows.
    package var parts: [Part] = []
    /// The partition's watermark.
    package var watermark = Int64.min
    /// Whether the partition had no events for so long that nobody waits for it.
    package var isIdle = false
    /// How many partitions there are, as far as who commits knows.
    package var partitionCount: Int32 = 0
    /// What is written as it is.
    package var changes: [(target: Target, mutation: RowMutation)] = []

    /// Nothing.
    package init() {}
}

/// Where a job's partitions keep their state, for one process or for all members of a group.
package protocol PartitionStore: AnyObject {
    /// Takes a partition over: commits under earlier claims are refused from now on.
    func claim(_ partition: Int32) throws(SiltstoneError) -> PartitionClaim

    /// Writes a commit; one that was written before does nothing.
    ///
    /// - Throws: `conditionFailed` when somebody else has claimed the partition since.
    func commit(_ commit: PartitionCommit) throws(SiltstoneError)
}

extension PartitionCommit {
    /// The commit as it goes over the network; docs/http/v1.md says how.
    package var encoded: [UInt8] {
        var writer = ByteWriter(capacity: 4096)
        writer.writeVarint(UInt64(partition))
        writer.write(epoch)
        writer.write(number)
        writer.writeSized(checkpoint)
        writer.writeVarint(UInt64(parts.count))
        for part in parts {
            writer.writeVarint(UInt64(part.windowIndex))
            writer.write(part.start)
            writer.write(part.end)
            writer.writeSized(part.key)
            writer.writeSized(part.state)
        }
        writer.writeVarint(UInt64(changes.count))
        for (target, mutation) in changes {
            writer.write(target.rawValue)
            writer.writeSized(mutation.row.array)
            writer.writeVarint(UInt64(mutation.changes.count))
            for change in mutation.changes {
                writer.writeSized(change.column.family)
                writer.writeSized(change.column.qualifier.array)
                writer.write(change.timestamp ?? 0)
                if case .put(let value, _) = change.action {
                    writer.write(UInt8(1))
                    writer.writeSized(value.array)
                } else {
                    writer.write(UInt8(0))
                }
            }
        }
        writer.write(watermark)
        writer.write(UInt8(isIdle ? 1 : 0))
        writer.writeVarint(UInt64(max(0, partitionCount)))
        let late = parts.indices.filter { parts[$0].isLate }
        writer.writeVarint(UInt64(late.count))
        for index in late { writer.writeVarint(UInt64(index)) }
        return writer.bytes
    }

    /// Reads a commit.
    package init(decoding bytes: [UInt8]) throws(DecodingError) {
        var reader = ByteReader(bytes)
        partition = Int32(try reader.readCount(limit: Int(Int32.max)))
        epoch = try reader.readUInt64()
        number = try reader.readUInt64()
        checkpoint = try reader.readSized()
        for _ in 0..<(try reader.readCount(limit: bytes.count)) {
            parts.append(
                Part(
                    windowIndex: try reader.readCount(limit: 1 << 20),
                    start: try reader.readInt64(), end: try reader.readInt64(),
                    key: try reader.readSized(), state: try reader.readSized()))
        }
        for _ in 0..<(try reader.readCount(limit: bytes.count)) {
            guard let target = Target(rawValue: try reader.readUInt8()) else {
                throw reader.error("change is of no table")
            }
            let row = Bytes(try reader.readSized())
            var changes: [CellMutation] = []
            for _ in 0..<(try reader.readCount(limit: bytes.count)) {
                let family = try reader.readSizedString()
                let qualifier = Bytes(try reader.readSized())
                let timestamp = try reader.readInt64()
                // Cells are put; what is removed is a row of a window, whole.
                let action: CellMutation.Action =
                    try reader.readUInt8() == 1
                    ? .put(value: Bytes(try reader.readSized()), timeToLiveMilliseconds: nil)
                    : .deleteFamilyVersion
                changes.append(
                    CellMutation(Column(family, qualifier), action, timestamp: timestamp))
            }
            self.changes.append((target, RowMutation(row: row, changes: changes)))
        }
        watermark = try reader.readInt64()
        isIdle = try reader.readUInt8() == 1
        partitionCount = Int32(try reader.readCount(limit: Int(Int32.max)))
        for _ in 0..<(try reader.readCount(limit: parts.count)) {
            let index = try reader.readCount(limit: parts.count)
            guard index < parts.count else { throw reader.error("late part is not there") }
            parts[index].isLate = true
        }
        guard reader.isAtEnd else { throw reader.error("commit has bytes left over") }
    }
}
