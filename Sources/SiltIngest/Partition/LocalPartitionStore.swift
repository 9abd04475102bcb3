internal import SiltBytes
internal import SiltFormat
internal import SiltIO
package import SiltModel
internal import SiltStream
package import SiltTable
internal import Synchronization

/// Keeps the partitions of a job in a store that is open in this process.
///
/// Safe to use from any thread.
///
/// A row of the table of jobs for each partition holds its newest claim and its checkpoint (docs/format/checkpoint.md).
/// A commit is one write batch: checkpoint, merged rows, bad and late records, and what alerts make of it. Commits are taken one at a time, so
/// nobody merges into a row that another is changing, and one under an old claim is refused: a member of a group that
/// was thought dead can do no harm, whatever the broker thinks of it.
package final class LocalPartitionStore: PartitionStore, Sendable {
    private static let family = "c"
    private static let epochColumn = Column(family, "epoch")
    private static let numberColumn = Column(family, "number")
    private static let partsColumn = Column(family, "parts")

    private let store: TableStore
    private let job: JobDefinition
    private let tables: JobTables
    private let writer: RowWriter
    private let plan: JobPlan
    private let durability: Durability?
    private let didQueueAlerts: (@Sendable () -> Void)?
    /// Held while rows are read and written again; the alerts as they stand in the store, where that is known.
    private let turn = Mutex<StoredAlerts?>(nil)

    private struct StoredAlerts {
        var alerts: PartitionAlerts
        /// How many parts the stored record has.
        var partCount: UInt64
    }

    /// The partitions of a job; its tables are made when missing.
    ///
    /// - Parameters:
    ///   - job: the job.
    ///   - store: where its tables are.
    ///   - durability: that of commits; `nil` is that of the tables.
    ///   - didQueueAlerts: called when a commit has put alerts into the outbox.
    package init(
        _ job: JobDefinition, in store: TableStore, durability: Durability? = nil,
        didQueueAlerts: (@Sendable () -> Void)? = nil
    ) throws(SiltstoneError) {
        self.store = store
        self.job = job
        self.durability = durability
        self.didQueueAlerts = didQueueAlerts
        plan = JobPlan(job)
        writer = RowWriter(job, keepsKeyFieldsApart: plan.keepsKeyFieldsApart)
        tables = try JobTables(job, in: store, keepsStates: true)
        try beginAlerts()
    }

    private func row(_ partition: Int32) -> Bytes {
        let digits = String(partition)
        return Bytes(
            Array(job.name.utf8) + [0]
                + Array((String(repeating: "0", count: max(0, 10 - digits.count)) + digits).utf8))
    }

    /// Forgets how far the partitions were read; rows that were written stay until they are written anew.
    package func reset() throws(SiltstoneError) {
        try turn.withLock { held throws(SiltstoneError) in
            var changes: [RowMutation] = []
            let scanner = try tables.jobs.scan(RowRange(prefix: Bytes(Array(job.name.utf8) + [0])))
            while let row = try scanner.next() {
                if row.key == alertsRow { continue }
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
            held = nil
            if var alerts = try readAlerts(isFresh: true) {
                try store.write(mutations(&alerts), durability: durability)
                didWrite(&alerts)
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
            if let stored, stored[Self.partsColumn] != nil {
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
        try turn.withLock { held throws(SiltstoneError) in
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
                over: Int(Self.number(stored, Self.partsColumn)), timestamp: nil)
            changes.append(Self.put(Self.numberColumn, Array(String(commit.number).utf8)))
            batch.append(
                TableMutation(table: tables.jobs, mutation: RowMutation(row: row, changes: changes))
            )
            guard var alerts = try takeAlerts(&held) else {
                return try store.write(batch, durability: durability)
            }
            do {
                try alerts.alerts.take(commit)
            } catch {
                throw SiltstoneError(.invalidArgument, "part of a window cannot be read: \(error)")
            }
            batch += mutations(&alerts)
            try store.write(batch, durability: durability)
            didWrite(&alerts)
            held = alerts
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
        var states: [Bytes: (part: PartitionCommit.Part, state: AggregateState)] = [:]
        for part in parts {
            guard part.windowIndex < job.windows.count else {
                throw SiltstoneError(
                    .invalidArgument, "part is of no window window=\(part.windowIndex)")
            }
            let row = JobCommitter.stateRow(
                job, part.windowIndex, key: part.key, start: part.start, end: part.end)
            var state = try state(part.state, row)
            if let known = states[row]?.state {
                state.merge(known)
            } else if let stored = try table.get(row)?.cells.first?.value.array {
                state.merge(try self.state(stored, row))
            }
            states[row] = (part, state)
        }
        var batch: [TableMutation] = []
        for (row, (part, state)) in states {
            let key = writer.rowKey(
                key: part.key, windowName: job.windows[part.windowIndex].name, start: part.start,
                end: part.end)
            batch.append(
                TableMutation(
                    table: tables.target,
                    mutation: writer.mutation(
                        rowKey: key, windowIndex: part.windowIndex, start: part.start,
                        end: part.end, values: state.values)))
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
            return try AggregateState(plan.aggregates, decoding: bytes)
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

// MARK: - Alerts

extension LocalPartitionStore {
    private var alertsRow: Bytes { Bytes(Array(job.name.utf8) + [0] + Array("alerts".utf8)) }

    /// Takes note of what alerts a job has now; those that it has not any more stand in no list.
    private func beginAlerts() throws(SiltstoneError) {
        try turn.withLock { held throws(SiltstoneError) in
            if let alerts = try readAlerts(isFresh: false) {
                held = alerts
                try tables.alerts?.removeStale(alerts.alerts.evaluator)
            } else if let row = try tables.jobs.get(alertsRow), row[Self.partsColumn] != nil {
                let none = PartitionAlerts(job, plan: plan, watermarks: [:])
                try AlertTables(in: store).removeStale(none.evaluator)
                try tables.jobs.write(
                    [
                        RowMutation(
                            row: alertsRow,
                            changes: row.cells.map { CellMutation($0.column, .deleteColumn) })
                    ], durability: durability)
            }
        }
    }

    /// The alerts as they stand, taken out of `held`; `nil` when the job has none.
    private func takeAlerts(_ held: inout StoredAlerts?) throws(SiltstoneError) -> StoredAlerts? {
        guard !job.alerts.isEmpty else { return nil }
        defer { held = nil }
        if let known = held {
            let row = try tables.jobs.get(
                alertsRow, .columns(Self.numberColumn))
            // Else another with this job's partitions has written since.
            if Self.number(row, Self.numberColumn) == known.alerts.number { return known }
        }
        return try readAlerts(isFresh: false)
    }

    private func readAlerts(isFresh: Bool) throws(SiltstoneError) -> StoredAlerts? {
        guard !job.alerts.isEmpty else { return nil }
        do {
            if let row = try tables.jobs.get(alertsRow), row[Self.partsColumn] != nil {
                let bytes = try JobCheckpoint.bytes(row, job: job.name)
                return StoredAlerts(
                    alerts: try PartitionAlerts(
                        job, plan: plan, decoding: bytes, isFresh: isFresh),
                    partCount: Self.number(row, Self.partsColumn))
            }
            return StoredAlerts(
                alerts: PartitionAlerts(
                    job, plan: plan, watermarks: isFresh ? [:] : try storedWatermarks()),
                partCount: 0)
        } catch {
            if let error = error as? SiltstoneError { throw error }
            throw SiltstoneError(
                .corrupted, "state of the job's alerts cannot be read: \(error) job=\(job.name)",
                at: .init(file: JobTables.jobsName))
        }
    }

    /// How far each partition was when the job had no alerts.
    private func storedWatermarks() throws -> [Int32: Int64] {
        var watermarks: [Int32: Int64] = [:]
        let scanner = try tables.jobs.scan(RowRange(prefix: Bytes(Array(job.name.utf8) + [0])))
        while let row = try scanner.next() {
            guard row[Self.partsColumn] != nil,
                let partition = Int32(String(decoding: row.key.array.suffix(10), as: UTF8.self))
            else { continue }
            let record = try CheckpointRecord(
                decoding: JobCheckpoint.bytes(row, job: job.name))
            watermarks[partition] = record.watermarkMilliseconds ?? .min
        }
        return watermarks
    }

    /// What is to be written of them, with the transitions that are new.
    private func mutations(_ alerts: inout StoredAlerts) -> [TableMutation] {
        var batch = tables.alerts?.mutations(alerts.alerts.evaluator, tables.transitions) ?? []
        let record = alerts.alerts.encodeNext(now: store.clock.nowMilliseconds)
        var changes = JobCheckpoint.cells(
            record, over: Int(clamping: alerts.partCount), timestamp: nil)
        changes.append(Self.put(Self.numberColumn, Array(String(alerts.alerts.number).utf8)))
        alerts.partCount = JobCheckpoint.partCount(record)
        batch.append(
            TableMutation(
                table: tables.jobs, mutation: RowMutation(row: alertsRow, changes: changes)))
        return batch
    }

    private func didWrite(_ alerts: inout StoredAlerts) {
        if !alerts.alerts.evaluator.transitions.isEmpty { didQueueAlerts?() }
        alerts.alerts.removeNews()
    }
}
