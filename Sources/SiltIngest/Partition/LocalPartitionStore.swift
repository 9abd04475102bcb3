internal import SiltBytes
package import SiltModel
internal import SiltStream
package import SiltTable
internal import Synchronization

/// Keeps the partitions of a job in a store that is open in this process.
///
/// Safe to use from any thread.
///
/// A row of the table of jobs for each partition holds its newest claim and its checkpoint (docs/format/checkpoint.md).
/// A commit is one write batch: checkpoint, merged rows, bad and late records. Commits are taken one at a time, so
/// nobody merges into a row that another is changing, and one under an old claim is refused: a member of a group that
/// was thought dead can do no harm, whatever the broker thinks of it.
package final class LocalPartitionStore: PartitionStore, Sendable {
    private static let family = "c"
    private static let epochColumn = Column(family, "epoch")
    private static let numberColumn = Column(family, "number")

    private let store: TableStore
    private let job: JobDefinition
    private let tables: JobTables
    private let writer: RowWriter
    private let aggregates: [AggregateSpec]
    private let durability: Durability?
    /// Held while rows are read and written again.
    private let turn = Mutex(false)

    /// The partitions of a job; its tables are made when missing.
    package init(_ job: JobDefinition, in store: TableStore, durability: Durability? = nil)
        throws(SiltstoneError)
    {
        self.store = store
        self.job = job
        self.durability = durability
        let plan = JobPlan(job)
        aggregates = plan.aggregates
        writer = RowWriter(job, keepsKeyFieldsApart: plan.keepsKeyFieldsApart)
        tables = try JobTables(job, in: store, keepsStates: true)
    }

    private func row(_ partition: Int32) -> Bytes {
        let digits = String(partition)
        return Bytes(
            Array(job.name.utf8) + [0]
                + Array((String(repeating: "0", count: max(0, 10 - digits.count)) + digits).utf8))
    }

    /// Forgets how far the partitions were read; rows that were written stay until they are written anew.
    package func reset() throws(SiltstoneError) {
        try turn.withLock { _ throws(SiltstoneError) in
            var changes: [RowMutation] = []
            let scanner = try tables.jobs.scan(RowRange(prefix: Bytes(Array(job.name.utf8) + [0])))
            while let row = try scanner.next() {
                // The claims go on counting, so that who still runs is refused.
                let stale = row.cells.map(\.column).filter { $0 != Self.epochColumn }
                changes.append(
                    RowMutation(
                        row: row.key, changes: stale.map { CellMutation($0, .deleteColumn) }))
            }
            if !changes.isEmpty { try tables.jobs.write(changes, durability: durability) }
            if let states = tables.states {
                try JobCommitter.clearStates(job.name, table: states)
            }
        }
    }

    /// Takes a partition over.
    package func claim(_ partition: Int32) throws(SiltstoneError) -> PartitionClaim {
        try turn.withLock { _ throws(SiltstoneError) in
            let row = row(partition)
            let stored = try tables.jobs.get(row)
            let epoch = Self.number(stored, Self.epochColumn) + 1
            var checkpoint: [UInt8]?
            if let stored, stored[Column(Self.family, "parts")] != nil {
                checkpoint = try JobCheckpoint.bytes(stored, job: job.name)
            }
            try tables.jobs.write(
                [
                    RowMutation(
                        row: row,
                        changes: [Self.put(Self.epochColumn, Array(String(epoch).utf8))])
                ], durability: durability)
            return PartitionClaim(epoch: epoch, checkpoint: checkpoint)
        }
    }

    /// Writes a commit.
    package func commit(_ commit: PartitionCommit) throws(SiltstoneError) {
        try turn.withLock { _ throws(SiltstoneError) in
            let row = row(commit.partition)
            let stored = try tables.jobs.get(row)
            guard Self.number(stored, Self.epochColumn) == commit.epoch else { throw lost(commit) }
            let number = Self.number(stored, Self.numberColumn)
            if number == commit.number { return }
            guard number &+ 1 == commit.number else { throw lost(commit) }
            var batch = try merged(commit.parts)
            for (target, mutation) in commit.changes {
                guard let table = table(target) else { continue }
                batch.append(TableMutation(table: table, mutation: mutation))
            }
            var changes = JobCheckpoint.cells(
                commit.checkpoint,
                over: Int(Self.number(stored, Column(Self.family, "parts"))), timestamp: nil)
            changes.append(Self.put(Self.numberColumn, Array(String(commit.number).utf8)))
            batch.append(
                TableMutation(table: tables.jobs, mutation: RowMutation(row: row, changes: changes))
            )
            try store.write(batch, durability: durability)
        }
    }

    private func lost(_ commit: PartitionCommit) -> SiltstoneError {
        SiltstoneError(
            .conditionFailed,
            "partition was taken over by another process job=\(job.name) partition=\(commit.partition) epoch=\(commit.epoch)"
        )
    }

    private func table(_ target: PartitionCommit.Target) -> StoredTable? {
        switch target {
        case .rows: tables.target
        case .late: tables.late
        case .bad: tables.bad
        }
    }

    /// Rows and their states with the parts merged into them; each row once.
    private func merged(_ parts: [PartitionCommit.Part]) throws(SiltstoneError) -> [TableMutation] {
        guard let table = tables.states else { return [] }
        var states: [Bytes: AggregateState] = [:]
        var batch: [TableMutation] = []
        for part in parts {
            guard part.windowIndex < job.windows.count else {
                throw SiltstoneError(
                    .invalidArgument, "part is of no window window=\(part.windowIndex)")
            }
            let row = JobCommitter.stateRow(
                job, part.windowIndex, key: part.key, start: part.start, end: part.end)
            var state = try state(part.state, row)
            if let known = states[row] {
                state.merge(known)
            } else if let stored = try table.get(row)?.cells.first?.value.array {
                state.merge(try self.state(stored, row))
            }
            states[row] = state
            let key = writer.rowKey(
                key: part.key, windowName: job.windows[part.windowIndex].name, start: part.start,
                end: part.end)
            batch.append(
                TableMutation(
                    table: tables.target,
                    mutation: writer.mutation(
                        rowKey: key, windowIndex: part.windowIndex, start: part.start,
                        end: part.end, values: state.values)))
        }
        for (row, state) in states {
            batch.append(
                TableMutation(
                    table: table,
                    mutation: RowMutation(
                        row: row, changes: [Self.put(Column("s", "s"), state.encode())])))
        }
        return batch
    }

    private func state(_ bytes: [UInt8], _ row: Bytes) throws(SiltstoneError) -> AggregateState {
        do {
            return try AggregateState(aggregates, decoding: bytes)
        } catch {
            throw SiltstoneError(
                .corrupted, "window's state cannot be read: \(error) row=\(row)",
                at: .init(file: JobTables.statesName))
        }
    }

    private static func number(_ row: Row?, _ column: Column) -> UInt64 {
        row?[column]?.value.string.flatMap { UInt64($0) } ?? 0
    }

    private static func put(_ column: Column, _ value: [UInt8]) -> CellMutation {
        CellMutation(column, .put(value: Bytes(value), timeToLiveMilliseconds: nil))
    }
}
