internal import SiltBytes
package import SiltIO
package import SiltModel
package import SiltTable

/// Runs jobs without a data directory: nothing is kept.
package enum JobTrial {
    /// A store in memory that is forgotten with its last reference.
    package static func store(clock: any Clock) throws(SiltstoneError) -> TableStore {
        try TableStore.open(
            .memory(
                disk: MemoryDisk(), clock: clock, seed: 1, workers: ThreadWorkers(count: 2)))
    }

    /// Runs a case of a job; what went otherwise than it says, a sentence each.
    package static func failures(of test: JobTestCase, _ job: JobDefinition, clock: any Clock)
        throws(SiltstoneError) -> [String]
    {
        let store = try store(clock: clock)
        // What becomes of a store that is forgotten does not matter, but its threads should end.
        defer { try? store.closeWithEnvironment() }
        let files = MemoryInputFiles(["events": test.input])
        let summary = try JobRunner(
            store: store, job: job.withoutSinks, input: JobInput(path: "events", files: files),
            clock: clock
        ).run()
        var failures: [String] = []
        if let late = test.late, late != summary.late {
            failures.append("\(summary.late) late events, not \(late)")
        }
        if let bad = test.bad ?? (test.rows == nil ? nil : 0), bad != summary.bad {
            failures.append(
                "\(summary.bad) bad records, not \(bad)\(summary.firstBad.map { ": \($0)" } ?? "")")
        }
        guard let rows = test.rows else { return failures }
        var found: [String: Row] = [:]
        let scanner = try store.table(job.table).scan()
        while let row = try scanner.next() { found["\(row.key)"] = row }
        for expected in rows {
            guard let row = found.removeValue(forKey: expected.key) else {
                failures.append("\(expected.mark): there is no row '\(expected.key)'")
                continue
            }
            failures += differences(expected, row)
        }
        failures += found.keys.sorted().map { "row '\($0)' was not expected" }
        return failures
    }

    private static func differences(_ expected: JobTestCase.ExpectedRow, _ row: Row) -> [String] {
        expected.cells.compactMap { name, text in
            let cell = row.cells.first {
                "\($0.column)" == name || $0.column.qualifier.string == name
            }
            let got = cell?.value.string
            if got == text { return nil }
            return
                "\(expected.mark): row '\(expected.key)' has \(name) = \(got ?? "nothing"), not \(text ?? "nothing")"
        }
    }
}
