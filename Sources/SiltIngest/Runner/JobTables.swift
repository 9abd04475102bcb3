internal import SiltBytes
internal import SiltModel
internal import SiltTable

/// The tables of a job, made when missing with the families they need.
struct JobTables {
    /// Where jobs keep their checkpoints; a row a job.
    ///
    /// Part of the format: docs/format/checkpoint.md.
    static let jobsName = "silt:jobs"
    /// Where the mergeable states of window rows are kept for late events.
    ///
    /// Part of the format: docs/format/checkpoint.md.
    static let statesName = "silt:windows"

    let target: StoredTable
    let late: StoredTable?
    let bad: StoredTable?
    let jobs: StoredTable
    let states: StoredTable?
    /// The lists of alerts, where the job has or had some.
    let alerts: AlertTables?
    /// The tables that keep transitions of alerts, by their names.
    private(set) var transitions: [String: StoredTable] = [:]

    init(_ job: JobDefinition, in store: TableStore, keepsStates: Bool) throws(SiltstoneError) {
        jobs = try JobTables.jobs(in: store)
        states =
            keepsStates
            ? try store.systemTable(TableDefinition(Self.statesName, families: [Family("s")])) : nil
        target = try JobTables.table(job.table, families: job.families, in: store)
        if case .table(let name) = job.late {
            late = try JobTables.table(name, families: ["e"], in: store)
        } else {
            late = nil
        }
        bad = try job.badRecordTable.map { name throws(SiltstoneError) in
            try JobTables.table(name, families: ["e"], in: store)
        }
        alerts = job.alerts.isEmpty ? nil : try AlertTables(in: store)
        for case .table(let name) in job.alerts.flatMap(\.destinations) {
            transitions[name] = try JobTables.table(name, families: ["a"], in: store)
        }
    }

    /// The table of jobs.
    static func jobs(in store: TableStore) throws(SiltstoneError) -> StoredTable {
        try store.systemTable(
            TableDefinition(jobsName, families: [Family("c", compression: .none)]))
    }

    private static func table(_ name: String, families: [String], in store: TableStore)
        throws(SiltstoneError) -> StoredTable
    {
        let table: StoredTable
        do {
            table = try store.table(name)
        } catch {
            guard error.code == .notFound else { throw error }
            do {
                return try store.createTable(
                    TableDefinition(name, families: families.map { Family($0) }))
            } catch {
                guard error.code == .alreadyExists else { throw error }
                table = try store.table(name)
            }
        }
        var definition = table.definition
        let missing = families.filter { family in
            !definition.families.contains { $0.name == family }
        }
        if missing.isEmpty { return table }
        definition.families += missing.map { Family($0) }
        definition.families.sort { Bytes($0.name) < Bytes($1.name) }
        return try store.alterTable(name, to: definition)
    }
}
