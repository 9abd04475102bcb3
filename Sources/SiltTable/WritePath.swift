import SiltBytes
import SiltFormat
import SiltIO
import SiltLSM
import SiltModel

/// Validates and encodes batches and hands them to the engine.
///
/// 1. Every row's stripe is locked: shared, or alone when the batch must read what the row holds.
/// 2. The changes are checked and encoded, those of one region together.
/// 3. One commit of the engine: one log record, so all or nothing.
enum WritePath {
    /// Writes a batch; visible and durable at its level on return.
    static func write(
        _ batch: [TableMutation], durability: Durability?, shared: SharedParts
    ) throws(SiltstoneError) {
        if batch.isEmpty { return }
        let locked = lockSet(of: batch)
        shared.locks.lock(locked)
        defer { shared.locks.unlock(locked) }
        let encoder = try encode(batch, durability: durability, shared: shared)
        _ = try shared.engine.commit(encoder.writes, durability: encoder.durability)
    }

    /// As `write`; the rows stay locked until the engine calls `completion`.
    static func submit(
        _ batch: [TableMutation], durability: Durability?, shared: SharedParts,
        completion: @escaping @Sendable (Result<Void, SiltstoneError>) -> Void
    ) {
        if batch.isEmpty { return completion(.success(())) }
        let locked = lockSet(of: batch)
        shared.locks.lock(locked)
        do {
            let encoder = try encode(batch, durability: durability, shared: shared)
            let locks = shared.locks
            shared.engine.submit(encoder.writes, durability: encoder.durability) { result in
                locks.unlock(locked)
                completion(result.map { _ in })
            }
        } catch {
            shared.locks.unlock(locked)
            completion(.failure(error))
        }
    }

    /// Writes one row's mutation whose stripe the caller holds alone.
    static func writeLocked(
        _ mutation: RowMutation, of table: StoredTable, durability: Durability?,
        shared: SharedParts
    ) throws(SiltstoneError) {
        let batch = [TableMutation(table: table, mutation: mutation)]
        let encoder = try encode(batch, durability: durability, shared: shared)
        _ = try shared.engine.commit(encoder.writes, durability: encoder.durability)
    }

    private static func lockSet(of batch: [TableMutation]) -> RowLockSet {
        var set = RowLockSet()
        for item in batch {
            let reads = item.mutation.changes.contains {
                $0.action == .deleteVersion && ($0.timestamp == nil || $0.timestamp == .max)
            }
            set.insert(table: item.table.id, row: item.mutation.row, exclusively: reads)
        }
        return set
    }

    private static func encode(
        _ batch: [TableMutation], durability: Durability?, shared: SharedParts
    ) throws(SiltstoneError) -> BatchEncoder {
        var encoder = BatchEncoder(clock: shared.clock)
        for item in batch { try encoder.append(item) }
        if let durability { encoder.durability = durability }
        return encoder
    }
}
