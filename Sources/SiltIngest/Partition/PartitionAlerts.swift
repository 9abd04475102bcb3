internal import SiltBytes
internal import SiltFormat
internal import SiltModel
internal import SiltStream

/// Judges a job's alerts over windows whose parts come from several partitions, whoever reads them.
///
/// A pure state machine over commits. Its answers do not depend on the order in which partitions commit:
///
/// 1. The parts of a window wait until the watermark of every partition has passed it; idle partitions are not waited
///    for, one that nobody has read yet is.
/// 2. Then the window is judged by what these parts make together. What came after its partition had closed the window,
///    or after it was judged, changes the row, but no alert.
/// 3. A window that an alert watches from now on counts where no partition has given a part of it before.
///
/// Part of the format: docs/format/checkpoint.md.
struct PartitionAlerts {
    private struct Place: Hashable {
        let windowIndex: Int
        let start: Int64
        let key: [UInt8]
    }

    private struct Partition {
        var watermark: Int64
        var isIdle: Bool
    }

    private static let version: UInt8 = 1
    private static let idle: UInt8 = 1

    private let job: JobDefinition
    private let aggregates: [AggregateSpec]
    private let lateness: Int64
    private(set) var evaluator: AlertEvaluator
    private var partitions: [Int32: Partition] = [:]
    private var partitionCount: Int32 = 0
    /// The parts of windows that are not judged yet, by their ends.
    private var waiting: [Int64: [Place: AggregateState]] = [:]
    /// The greatest watermark that all partitions had.
    private(set) var watermark = Int64.min
    /// For each window that is watched, the watermark up to which its windows do not count.
    private var since: [Int: Int64] = [:]
    /// Counts the versions that were written.
    private(set) var number: UInt64 = 0

    /// The alerts of a job that had none, over partitions with these watermarks.
    init(_ job: JobDefinition, plan: JobPlan, watermarks: [Int32: Int64]) {
        self.job = job
        aggregates = plan.aggregates
        lateness = job.time.allowedLatenessMilliseconds
        evaluator = AlertEvaluator(
            job, lateness: lateness, keepsKeyFieldsApart: plan.keepsKeyFieldsApart)
        partitions = watermarks.mapValues { Partition(watermark: $0, isIdle: false) }
        watchWindows()
    }

    /// Goes on from a record; `isFresh` begins anew, and resolves what fires.
    init(
        _ job: JobDefinition, plan: JobPlan, decoding bytes: [UInt8], isFresh: Bool = false
    ) throws(DecodingError) {
        self.init(job, plan: plan, watermarks: [:])
        let record = try CheckpointRecord(decoding: bytes)
        number = record.number
        try evaluator.restore(record.section("alerts") ?? [], isFresh: isFresh)
        if isFresh { return }
        watermark = record.watermarkMilliseconds ?? .min
        since.removeAll()
        var reader = ByteReader(record.section("partitions") ?? [])
        guard try reader.readUInt8() == Self.version else {
            throw reader.error("state of alerts has an unknown version")
        }
        partitionCount = Int32(try reader.readCount(limit: Int(Int32.max)))
        for _ in 0..<(try reader.readCount(limit: reader.remaining)) {
            let partition = Int32(try reader.readCount(limit: Int(Int32.max)))
            partitions[partition] = Partition(
                watermark: try reader.readInt64(), isIdle: try reader.readUInt8() & Self.idle != 0)
        }
        for _ in 0..<(try reader.readCount(limit: reader.remaining)) {
            let name = try reader.readSizedString()
            let limit = try reader.readInt64()
            if let index = job.windows.firstIndex(where: { $0.name == name }), isWatched(index) {
                since[index] = limit
            }
        }
        watchWindows()
        for _ in 0..<(try reader.readCount(limit: reader.remaining)) {
            let windowIndex = try reader.readCount(limit: 1 << 20)
            let start = try reader.readInt64()
            let end = try reader.readInt64()
            let place = Place(windowIndex: windowIndex, start: start, key: try reader.readSized())
            let state = try AggregateState(aggregates, decoding: try reader.readSized())
            if since[windowIndex] != nil { waiting[end, default: [:]][place] = state }
        }
    }

    private func isWatched(_ window: Int) -> Bool {
        job.alerts.contains { $0.windowIndex == window }
    }

    /// Begins to watch the windows that are not watched yet, where no part was given away.
    private mutating func watchWindows() {
        let limit = partitions.values.map(\.watermark).max() ?? .min
        for window in job.windows.indices where isWatched(window) && since[window] == nil {
            since[window] = limit
        }
    }

    /// The watermark at which a window that ends then is closed.
    private func closing(_ end: Int64) -> Int64 {
        let last = (end - 1).addingReportingOverflow(lateness)
        return last.overflow ? .max : last.partialValue
    }

    /// Takes what a partition gave, and judges what is final by it.
    mutating func take(_ commit: PartitionCommit) throws(DecodingError) {
        partitionCount = max(partitionCount, commit.partitionCount)
        for part in commit.parts where !part.isLate {
            let closes = closing(part.end)
            guard let limit = since[part.windowIndex], closes > limit, closes > watermark else {
                continue
            }
            let place = Place(windowIndex: part.windowIndex, start: part.start, key: part.key)
            var state = try AggregateState(aggregates, decoding: part.state)
            if let known = waiting[part.end]?[place] { state.merge(known) }
            waiting[part.end, default: [:]][place] = state
        }
        partitions[commit.partition] = Partition(
            watermark: commit.watermark, isIdle: commit.isIdle)
        judge()
    }

    private mutating func judge() {
        guard let least = leastWatermark(), least > watermark else { return }
        watermark = least
        for end in waiting.keys where closing(end) <= least {
            for (place, state) in waiting.removeValue(forKey: end) ?? [:] {
                evaluator.hold(
                    WatchedWindow(
                        windowIndex: place.windowIndex, start: place.start, end: end,
                        key: place.key, values: state.values))
            }
        }
        evaluator.judge(at: least)
    }

    /// The least watermark of the partitions that count; `nil` when one was never heard of.
    ///
    /// When all are idle it is the greatest, as if that partition had become idle last.
    private func leastWatermark() -> Int64? {
        var least: Int64?
        var greatest: Int64?
        for partition in 0..<partitionCount {
            guard let known = partitions[partition] else { return nil }
            greatest = max(greatest ?? .min, known.watermark)
            if known.isIdle, known.watermark < .max { continue }
            least = min(least ?? .max, known.watermark)
        }
        return least ?? greatest
    }

    /// Empties what was written.
    mutating func removeNews() { evaluator.removeNews() }

    /// The next version as a record.
    mutating func encodeNext(now: Int64) -> [UInt8] {
        number += 1
        var writer = ByteWriter()
        writer.write(Self.version)
        writer.writeVarint(UInt64(partitionCount))
        writer.writeVarint(UInt64(partitions.count))
        for (partition, known) in partitions.sorted(by: { $0.key < $1.key }) {
            writer.writeVarint(UInt64(partition))
            writer.write(known.watermark)
            writer.write(known.isIdle ? Self.idle : 0)
        }
        writer.writeVarint(UInt64(since.count))
        for (window, limit) in since.sorted(by: { $0.key < $1.key }) {
            writer.writeSized(job.windows[window].name)
            writer.write(limit)
        }
        writer.writeVarint(UInt64(waiting.values.reduce(0) { $0 + $1.count }))
        for (end, states) in waiting.sorted(by: { $0.key < $1.key }) {
            for (place, state) in states {
                writer.writeVarint(UInt64(place.windowIndex))
                writer.write(place.start)
                writer.write(end)
                writer.writeSized(place.key)
                writer.writeSized(state.encode())
            }
        }
        return CheckpointRecord(
            job: job.name, number: number, definitionHash: JobCheckpoint.hash(job),
            createdMilliseconds: now, watermarkMilliseconds: watermark == .min ? nil : watermark,
            sections: [("partitions", writer.bytes), ("alerts", evaluator.encodeState())]
        ).encoded()
    }
}
