package import SiltBytes
package import SiltModel
internal import SiltStream
package import SiltTable

/// The windows of a job that are open, as of its newest checkpoint: what their rows would be if they closed then.
package struct OpenWindows: Sendable {
    /// A window of a key.
    package struct Window: Sendable {
        /// The key of its row.
        package let row: Bytes
        /// The window's name.
        package let name: String
        /// The first millisecond.
        package let start: Int64
        /// One past the last.
        package let end: Int64
        /// What its cells would hold.
        package let values: [(qualifier: Bytes, value: Bytes)]
    }

    /// The windows, those that began last first.
    package private(set) var windows: [Window] = []
    /// The watermark, of the partition that is furthest behind.
    package private(set) var watermark: Int64?
    /// Whether there are more.
    package private(set) var isCut = false

    /// Reads them.
    ///
    /// Disk I/O: reads the checkpoint, for each partition.
    ///
    /// - Parameters:
    ///   - prefix: only rows whose keys begin so.
    ///   - limit: at most so many.
    /// - Throws: `notFound` when the job never made a checkpoint; `conflict` when that is of another definition.
    package init(
        _ job: JobDefinition, in store: TableStore, prefix: Bytes = .empty, limit: Int
    ) throws(SiltstoneError) {
        let jobs = try JobTables.jobs(in: store)
        var found: [Found] = []
        if case .kafka(let settings) = job.source {
            found = try readPartitions(job, settings.topic, jobs)
        } else {
            guard let checkpoint = try JobCheckpoint.read(job.name, from: jobs) else {
                throw SiltstoneError(.notFound, "job has no checkpoint yet job=\(job.name)")
            }
            watermark = checkpoint.summary.watermark
            if checkpoint.isComplete { return }
            guard checkpoint.definitionHash == JobCheckpoint.hash(job) else {
                throw JobChange.refusal(job, [])
            }
            var pipeline = try JobPipeline(job)
            try Self.restore(&pipeline, checkpoint, job)
            var output = WindowOutput()
            pipeline.windows.finish(into: &output)
            found = output.rows.map { Found($0) }
        }
        let writer = RowWriter(job, keepsKeyFieldsApart: JobPlan(job).keepsKeyFieldsApart)
        found.sort { ($0.start, $0.windowIndex) > ($1.start, $1.windowIndex) }
        for window in found {
            let name = job.windows[window.windowIndex].name
            let key = writer.rowKey(
                key: window.key, windowName: name, start: window.start, end: window.end)
            guard key.array.starts(with: prefix.array) else { continue }
            if windows.count >= limit {
                isCut = true
                break
            }
            let mutation = writer.mutation(
                rowKey: key, windowIndex: window.windowIndex, start: window.start, end: window.end,
                values: window.values)
            windows.append(
                Window(
                    row: key, name: name, start: window.start, end: window.end,
                    values: mutation.changes.compactMap { change in
                        guard case .put(let value, _) = change.action else { return nil }
                        let name = change.column.qualifier
                        return name == "_start" || name == "_end" ? nil : (name, value)
                    }))
        }
    }

    /// A window before it has the form of a row.
    private struct Found {
        let key: [UInt8]
        let windowIndex: Int
        let start: Int64
        let end: Int64
        let values: [AggregateValue]

        init(_ row: WindowRow) {
            key = row.key
            (windowIndex, start, end) = (row.windowIndex, row.start, row.end)
            values = row.values
        }

        init(_ place: Place, _ state: AggregateState) {
            key = place.key
            (windowIndex, start, end) = (place.windowIndex, place.start, place.end)
            values = state.values
        }
    }

    private struct Place: Hashable {
        let windowIndex: Int
        let start: Int64
        let end: Int64
        let key: [UInt8]
    }

    static func restore(
        _ pipeline: inout JobPipeline, _ checkpoint: JobCheckpoint, _ job: JobDefinition
    ) throws(SiltstoneError) {
        do {
            try pipeline.restore(maxTime: checkpoint.maxTime, state: checkpoint.state)
        } catch {
            throw SiltstoneError(
                .corrupted, "job's open windows cannot be read: \(error) job=\(job.name)",
                at: .init(file: JobTables.jobsName))
        }
    }

    /// The open windows of all partitions, what belongs together merged.
    private mutating func readPartitions(
        _ job: JobDefinition, _ topic: String, _ jobs: StoredTable
    ) throws(SiltstoneError) -> [Found] {
        var merged: [Place: AggregateState] = [:]
        var found: [Found] = []
        let aggregates = JobPlan(job).aggregates
        let scanner = try jobs.scan(RowRange(prefix: Bytes(Array(job.name.utf8) + [0])))
        while let row = try scanner.next() {
            guard row[Column("c", "parts")] != nil,
                let partition = Int32(String(decoding: row.key.array.suffix(10), as: UTF8.self))
            else { continue }
            let claim = PartitionClaim(
                epoch: 0, checkpoint: try JobCheckpoint.bytes(row, job: job.name))
            let work = try PartitionWork(
                job, partition: partition, source: "\(topic)/\(partition)", claim: claim, now: 0)
            if let mark = work.pipeline.summary.watermark {
                watermark = min(watermark ?? .max, mark)
            }
            var operators = work.pipeline.windows
            var output = WindowOutput()
            operators.finish(into: &output)
            for row in output.rows {
                let place = Place(
                    windowIndex: row.windowIndex, start: row.start, end: row.end, key: row.key)
                guard let bytes = row.state,
                    var state = try? AggregateState(aggregates, decoding: bytes)
                else {
                    found.append(Found(row))
                    continue
                }
                if let known = merged[place] { state.merge(known) }
                merged[place] = state
            }
        }
        return found + merged.map { Found($0, $1) }
    }
}
