internal import SiltBytes
package import SiltModel
package import SiltTable

/// Where alerts stand between a checkpoint and whoever asks or is told.
///
/// Part of the format: docs/format/checkpoint.md.
package struct AlertTables: Sendable {
    /// Pending and firing alerts, a row each: the job's name, 00, the alert's, 00, the key.
    static let statesName = "silt:alerts"
    /// What is not delivered yet, a row for each transition and receiver: the job's name, 00, the
    /// transition's number as 16 hex digits, the receiver's place in the job's file as 4 digits.
    static let outboxName = "silt:alert-outbox"
    private static let stateColumn = Column("a", "state")
    static let receiverColumn = Column("o", "to")
    static let alertColumn = Column("o", "alert")

    let states: StoredTable
    let outbox: StoredTable

    /// The tables, made when missing.
    package init(in store: TableStore) throws(SiltstoneError) {
        states = try store.systemTable(TableDefinition(Self.statesName, families: [Family("a")]))
        outbox = try store.systemTable(TableDefinition(Self.outboxName, families: [Family("o")]))
    }

    /// The pending and firing alerts of a job, or of all.
    package func active(of job: String? = nil) throws(SiltstoneError) -> [JSONValue] {
        let prefix = job.map { Bytes(Array($0.utf8) + [0]) } ?? .empty
        let scanner = try states.scan(RowRange(prefix: prefix))
        var alerts: [JSONValue] = []
        while let row = try scanner.next() {
            guard let value = row[Self.stateColumn]?.value else { continue }
            do {
                alerts.append(try JSONValue(parsing: value.array))
            } catch {
                throw SiltstoneError(
                    .corrupted, "alert's state cannot be read: \(error) row=\(row.key)",
                    at: .init(file: Self.statesName))
            }
        }
        return alerts
    }

    /// Removes the alerts that a job had and has not any more.
    func removeStale(_ evaluator: AlertEvaluator) throws(SiltstoneError) {
        let shown = Set(
            evaluator.instances.filter { evaluator.isShown($0.key, $0.value) }.map {
                stateRow(evaluator.job, $0.key)
            })
        let scanner = try states.scan(
            RowRange(prefix: Bytes(Array(evaluator.job.name.utf8) + [0])))
        var stale: [RowMutation] = []
        while let row = try scanner.next() {
            if !shown.contains(row.key) { stale.append(Self.removal(row.key, family: "a")) }
        }
        if !stale.isEmpty { try states.write(stale) }
    }

    /// What a checkpoint writes of the news of an evaluator.
    func mutations(_ evaluator: AlertEvaluator, _ tables: [String: StoredTable]) -> [TableMutation]
    {
        let job = evaluator.job
        var batch: [TableMutation] = []
        for transition in evaluator.transitions {
            let notice = AlertNotice(
                job, rule: transition.rule, key: transition.key, values: transition.values,
                isApart: evaluator.keepsKeyFieldsApart)
            let alert = notice.alert(transition)
            for (place, destination) in notice.rule.destinations.enumerated() {
                let receiver: String
                switch destination {
                case .webhook(let url): receiver = url
                case .standardOutput: receiver = "stdout"
                case .table(let name):
                    if let table = tables[name] {
                        let row = Self.transitionRow(transition, notice)
                        batch.append(TableMutation(table: table, mutation: row))
                    }
                    continue
                }
                batch.append(
                    TableMutation(
                        table: outbox,
                        mutation: RowMutation(
                            row: outboxRow(job.name, transition.sequence, place),
                            changes: [
                                Self.put(Self.receiverColumn, receiver),
                                Self.put(Self.alertColumn, alert.text),
                            ])))
            }
        }
        for (key, instance) in evaluator.changed.sorted(by: { $0.key.precedes($1.key) }) {
            let row = stateRow(job, key)
            guard evaluator.isShown(key, instance) else {
                batch.append(
                    TableMutation(table: states, mutation: Self.removal(row, family: "a")))
                continue
            }
            let notice = AlertNotice(
                job, rule: key.rule, key: key.bytes, values: instance.values,
                isApart: evaluator.keepsKeyFieldsApart)
            batch.append(
                TableMutation(
                    table: states,
                    mutation: RowMutation(
                        row: row,
                        changes: [Self.put(Self.stateColumn, notice.state(instance).text)])))
        }
        return batch
    }

    private func stateRow(_ job: JobDefinition, _ key: AlertKey) -> Bytes {
        var bytes = Array(job.name.utf8) + [0] + Array(job.alerts[key.rule].name.utf8) + [0]
        // A row key has its bound: of a key too long for it, a hash stands for the rest.
        let room = Limits.rowBytesMax - bytes.count - 16
        bytes.append(contentsOf: key.bytes.prefix(room))
        if key.bytes.count > room {
            RowTemplate.append(Int64(bitPattern: Hash64.hash(key.bytes)), .key, to: &bytes)
        }
        return Bytes(bytes)
    }

    private func outboxRow(_ job: String, _ sequence: UInt64, _ place: Int) -> Bytes {
        let hex = String(sequence, radix: 16)
        let digits = String(place)
        return Bytes(
            Array(job.utf8) + [0]
                + Array((String(repeating: "0", count: max(0, 16 - hex.count)) + hex).utf8)
                + Array((String(repeating: "0", count: max(0, 4 - digits.count)) + digits).utf8))
    }

    /// A transition as a row of a table of the user's: `job#alert#time#key`, the time as 16 hex digits that sort.
    private static func transitionRow(
        _ transition: AlertTransition, _ notice: AlertNotice
    ) -> RowMutation {
        var row = Array("\(notice.job.name)#\(notice.rule.name)#".utf8)
        RowTemplate.append(transition.time, .key, to: &row)
        row.append(0x23)
        row.append(
            contentsOf: Array(notice.fields.text.utf8).prefix(Limits.rowBytesMax - row.count))
        let cells: [(String, String)] = [
            ("alert", notice.rule.name), ("key", notice.fields.text),
            ("status", transition.isFiring ? "firing" : "resolved"),
            ("at", String(transition.time)), ("since", String(transition.activeSince)),
            ("fired", String(transition.firedAt)), ("fingerprint", notice.fingerprint),
            ("values", notice.valuesJSON.text),
        ]
        return RowMutation(
            row: Bytes(row),
            changes: cells.map { name, text in
                CellMutation(
                    Column("a", Bytes(name)),
                    .put(value: Bytes(text), timeToLiveMilliseconds: nil),
                    timestamp: max(0, transition.time))
            })
    }

    static func put(_ column: Column, _ text: String) -> CellMutation {
        CellMutation(column, .put(value: Bytes(text), timeToLiveMilliseconds: nil))
    }

    static func removal(_ row: Bytes, family: String) -> RowMutation {
        RowMutation(
            row: row, changes: [CellMutation(Column(family, .empty), .deleteFamily)])
    }
}

extension AlertEvaluator {
    /// Whether an alert stands in the list of alerts: a key that is merely there does not.
    func isShown(_ key: AlertKey, _ instance: AlertInstance) -> Bool {
        switch instance.phase {
        case .idle: return false
        case .firing: return true
        case .pending:
            if case .absence = job.alerts[key.rule].condition { return false }
            return true
        }
    }
}
