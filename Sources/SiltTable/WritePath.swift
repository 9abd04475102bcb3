import SiltBytes
import SiltFormat
import SiltIO
import SiltLSM
import SiltModel

/// Validates and encodes batches and hands them to the engine.
///
/// 1. Every row's stripe is locked: shared, or alone when the batch must read what the row holds.
/// 2. The changes are checked and encoded, those of one region together.
/// 3. One commit of the engine: one log record, so all or nothing. What feeds tell of it is a part of it (`FeedCommit`).
enum WritePath {
    /// Writes a batch; visible and durable at its level on return.
    static func write(
        _ batch: [TableMutation], durability: Durability?, shared: SharedParts
    ) throws(SiltstoneError) {
        if batch.isEmpty { return }
        let locked = lockSet(of: batch)
        shared.locks.lock(locked)
        defer { shared.locks.unlock(locked) }
        var encoder = try encode(batch, shared: shared)
        try commit(&encoder, durability: durability, shared: shared)
    }

    /// Writes rows that were encoded before and a batch as one, the rows first.
    ///
    /// - Parameter limit: the level that suffices though more is asked for, unless a feed tells of the rows.
    static func write(
        _ rows: [EncodedRows], then batch: [TableMutation], durability: Durability?,
        atMost limit: Durability, shared: SharedParts
    ) throws(SiltstoneError) {
        let rows = rows.filter { !$0.isEmpty }
        var locked = lockSet(of: batch)
        for part in rows { locked.formUnion(part.locked) }
        shared.locks.lock(locked)
        defer { shared.locks.unlock(locked) }
        var encoder = BatchEncoder(shared: shared, expectedCount: batch.count)
        for part in rows {
            if try encoder.append(part) { continue }
            // An index or a feed was added meanwhile.
            for row in try part.mutations() { try encoder.append(row.mutation, of: row.table) }
        }
        for index in batch.indices {
            try encoder.append(batch[index].mutation, of: batch[index].table)
        }
        if encoder.writes.isEmpty { return }
        var level = durability ?? encoder.durability
        if encoder.feeds.isEmpty, level.rawValue > limit.rawValue { level = limit }
        try commit(&encoder, durability: level, shared: shared)
    }

    private static func commit(
        _ encoder: inout BatchEncoder, durability: Durability?, shared: SharedParts
    ) throws(SiltstoneError) {
        if encoder.feeds.isEmpty {
            _ = try shared.engine.commit(
                encoder.writes, durability: durability ?? encoder.durability)
            return
        }
        let enqueued = try FeedCommit.enqueue(&encoder, durability: durability, shared: shared)
        _ = try shared.engine.commit(enqueued)
        for part in encoder.feeds { part.feed.wake() }
    }

    /// Writes rows of one table; visible and durable at their level on return.
    static func write(
        _ mutations: [RowMutation], of table: StoredTable, durability: Durability?,
        shared: SharedParts
    ) throws(SiltstoneError) {
        if mutations.isEmpty { return }
        var locked = RowLockSet()
        for index in mutations.indices { lock(mutations[index], of: table, in: &locked) }
        shared.locks.lock(locked)
        defer { shared.locks.unlock(locked) }
        try writeLocked(mutations, of: table, durability: durability, shared: shared)
    }

    /// As `write`; the rows stay locked until the engine calls `completion`.
    static func submit(
        _ batch: [TableMutation], durability: Durability?, shared: SharedParts,
        soon: ((@escaping @Sendable () -> Void) -> Void)?,
        completion: @escaping @Sendable (Result<Void, SiltstoneError>) -> Void
    ) {
        if batch.isEmpty { return completion(.success(())) }
        let locked = lockSet(of: batch)
        shared.locks.lock(locked)
        do {
            var encoder = try encode(batch, shared: shared)
            let locks = shared.locks
            let feeds = encoder.feeds.map(\.feed)
            let finish: @Sendable (Result<CommitReceipt, SiltstoneError>) -> Void = { result in
                locks.unlock(locked)
                for feed in feeds { feed.wake() }
                completion(result.map { _ in })
            }
            if feeds.isEmpty {
                shared.engine.submit(
                    encoder.writes, durability: durability ?? encoder.durability, soon: soon,
                    completion: finish)
            } else {
                shared.engine.submit(
                    try FeedCommit.enqueue(
                        &encoder, durability: durability, shared: shared, completion: finish),
                    soon: soon)
            }
        } catch {
            shared.locks.unlock(locked)
            completion(.failure(error))
        }
    }

    /// Writes mutations of one table whose stripes the caller holds.
    static func writeLocked(
        _ mutations: [RowMutation], of table: StoredTable, durability: Durability?,
        shared: SharedParts
    ) throws(SiltstoneError) {
        var encoder = BatchEncoder(shared: shared, expectedCount: mutations.count)
        for index in mutations.indices { try encoder.append(mutations[index], of: table) }
        try commit(&encoder, durability: durability, shared: shared)
    }

    private static func lockSet(of batch: [TableMutation]) -> RowLockSet {
        var set = RowLockSet()
        for index in batch.indices {
            lock(batch[index].mutation, of: batch[index].table, in: &set)
        }
        return set
    }

    /// Adds a row's stripe: shared, or alone when the mutation must read what the row holds.
    private static func lock(
        _ mutation: RowMutation, of table: StoredTable, in set: inout RowLockSet
    ) {
        var reads = false
        for index in mutation.changes.indices {
            guard case .deleteVersion = mutation.changes[index].action else { continue }
            let timestamp = mutation.changes[index].timestamp
            if timestamp == nil || timestamp == .max { reads = true }
        }
        set.insert(table: table.id, row: mutation.row, exclusively: reads)
    }

    private static func encode(_ batch: [TableMutation], shared: SharedParts)
        throws(SiltstoneError) -> BatchEncoder
    {
        var encoder = BatchEncoder(shared: shared, expectedCount: batch.count)
        for index in batch.indices {
            try encoder.append(batch[index].mutation, of: batch[index].table)
        }
        return encoder
    }
}
