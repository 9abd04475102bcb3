import SiltBytes
import SiltFormat
import SiltIO
import SiltModel

/// Changes that feeds told, kept beside the backups.
extension BackupDirectory {
    /// Records of changes that follow a backup's table without gap.
    struct Chain {
        /// Their keys, in order.
        var keys: [String]
        /// They hold all that was committed up to this time stamp.
        var untilMilliseconds: Int64
        /// The families that the table had when they were written.
        var families: [Family] = []
    }

    private static let recordBytesMax = 4 << 20
    private static let readCount = 1_000
    /// Heads are looked for in so many bytes.
    private static let headBytesMax = 16 << 10

    /// The record at a key.
    func changes(_ key: String) throws(SiltstoneError) -> ChangesRecord {
        let bytes = try objects.get(key)
        return try decoded(key) { () throws(DecodingError) in
            let record = try ChangesRecord(decoding: bytes)
            try Self.check(record.head, at: key)
            return record
        }
    }

    /// What the record at a key is, of which no more than the beginning is read if it is not an old one.
    func changesHead(_ key: String) throws(SiltstoneError) -> ChangesHead {
        let reader = try objects.open(key)
        let bytes = try reader.bytes(min(reader.byteCount, Self.headBytesMax), at: 0)
        let head = try decoded(key) { () throws(DecodingError) in
            let head = try ChangesHead(beginning: bytes)
            if let head { try Self.check(head, at: key) }
            return head
        }
        if let head { return head }
        return try changes(key).head
    }

    private static func check(_ head: ChangesHead, at key: String) throws(DecodingError) {
        if key == ChangesRecord.key(feed: head.feed, number: head.number) { return }
        throw DecodingError(offset: 20, "changes belong elsewhere feed=\(head.feed)")
    }

    private func decoded<Value>(_ key: String, _ body: () throws(DecodingError) -> Value)
        throws(SiltstoneError) -> Value
    {
        do throws(DecodingError) {
            return try body()
        } catch {
            throw SiltstoneError(
                .corrupted, error.message, at: .init(file: key, offset: error.offset))
        }
    }

    /// Puts what a feed tells aside, after what was put aside before.
    ///
    /// - Parameters:
    ///   - position: where to begin when nothing was, or when what follows it is not kept any more; `nil` to fail then.
    /// - Returns: how many entries, and up to which time stamp all are there now.
    func archive(
        _ table: StoredTable, _ feed: Identifier, from position: ChangePosition?
    ) throws(SiltstoneError) -> (count: Int, untilMilliseconds: Int64) {
        let last = try objects.list(prefix: ChangesRecord.keyPrefix(feed: feed), after: nil).last
        var number: UInt64 = 0
        var after = position
        if let last {
            let head = try changesHead(last)
            number = head.number
            after = ChangePosition(head.last)
        }
        guard let after else { return (0, 0) }
        do throws(SiltstoneError) {
            return try archive(table, feed, after: after, &number)
        } catch {
            guard error.code == .expired, let position, position != after else { throw error }
            return try archive(table, feed, after: position, &number)
        }
    }

    private func archive(
        _ table: StoredTable, _ feed: Identifier, after start: ChangePosition,
        _ number: inout UInt64
    ) throws(SiltstoneError) -> (count: Int, untilMilliseconds: Int64) {
        let schema = try table.layout().record(table: table.id)
        var position = start
        var count = 0
        while true {
            var head = ChangesHead(
                feed: feed, number: number + 1, schema: schema, after: position.description,
                untilMilliseconds: 0)
            var entries: [ChangesRecord.Entry] = []
            var byteCount = 0
            var isEnd = false
            while !isEnd, byteCount < Self.recordBytesMax {
                // A batch that comes after this was read may have the same time stamp as the clock.
                head.untilMilliseconds = table.shared.clock.nowMilliseconds - 1
                let batch = try table.everyChange(after: position, limit: Self.readCount)
                isEnd = batch.changes.count < Self.readCount
                position = batch.next
                for change in batch.changes {
                    let entry = FeedEntry.archived(change)
                    byteCount += entry.changes.reduce(64 + entry.name.count) { $0 + $1.count }
                    entries.append(entry)
                }
            }
            let newest = entries.last?.milliseconds ?? .min
            head.untilMilliseconds = isEnd ? max(head.untilMilliseconds, newest) : newest - 1
            guard
                try objects.putIfAbsent(
                    ChangesRecord.key(feed: feed, number: head.number),
                    ChangesRecord(head, entries: entries).encoded())
            else {
                throw SiltstoneError(.conflict, "changes were put aside by somebody else")
            }
            number = head.number
            count += entries.count
            if isEnd { return (count, head.untilMilliseconds) }
        }
    }

    /// The changes that follow a table of a backup; `nil` when there are none.
    func chain(of table: BackupRecord.Table) throws(SiltstoneError) -> Chain? {
        guard let feed = table.feed, let start = ChangePosition(table.position) else { return nil }
        let keys = try objects.list(prefix: ChangesRecord.keyPrefix(feed: feed), after: nil)
        // Of those that begin at the position or before it, the last: they ascend, also over gaps.
        var low = 0
        var high = keys.count
        while low < high {
            let middle = (low + high) / 2
            guard let after = ChangePosition(try changesHead(keys[middle]).after), after <= start
            else {
                high = middle
                continue
            }
            low = middle + 1
        }
        guard low > 0 else { return nil }
        var head = try changesHead(keys[low - 1])
        guard let last = ChangePosition(head.last), start <= last else { return nil }
        var chain = Chain(keys: [], untilMilliseconds: 0)
        for key in keys[(low - 1)...] {
            if !chain.keys.isEmpty {
                let next = try changesHead(key)
                guard next.after == head.last else { break }
                head = next
            }
            chain.keys.append(key)
            // Time stamps may be ahead of the clock that the record is of: the backup itself is known in any case.
            chain.untilMilliseconds = max(head.untilMilliseconds, table.milliseconds)
            chain.families += head.schema.families.map(\.settings)
        }
        return chain
    }

    /// Deletes the changes that come before those that the backups need.
    func deleteUnusedChanges(_ records: [BackupRecord]) throws(SiltstoneError) {
        var needed: [Identifier: ChangePosition] = [:]
        for table in records.flatMap(\.tables) {
            guard let feed = table.feed, let position = ChangePosition(table.position) else {
                continue
            }
            needed[feed] = min(position, needed[feed] ?? position)
        }
        var unused: [String] = []
        let keys = try objects.list(prefix: ChangesRecord.keyPrefix, after: nil)
        for (index, key) in keys.enumerated() {
            let parts = key.split(separator: "/")
            guard parts.count == 3, let feed = Identifier(parts[1]) else { continue }
            // The last one of a feed says where the next begins.
            let isLast =
                index + 1 == keys.count
                || !keys[index + 1].hasPrefix(ChangesRecord.keyPrefix(feed: feed))
            guard let position = needed[feed] else {
                unused.append(key)
                continue
            }
            if !isLast, let last = ChangePosition(try changesHead(key).last), last < position {
                unused.append(key)
            }
        }
        if !unused.isEmpty { try objects.delete(unused) }
    }
}
