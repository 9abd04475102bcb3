import Dispatch
import SiltBytes
import SiltIO
import SiltModel
import Siltstone

/// One thread of a mixed load: a writer of its own keys, or a reader of all.
struct MixedThread: Sendable {
    /// Rows of a scan.
    private static let scanRowCount = 50

    let settings: BenchSettings
    let model: MixedModel
    let index: Int
    let writerCount: Int
    var random: BenchRandom
    var phase = MixedResult.Phase()
    var checkedRowCount = 0
    private let projection = Projection([.column(BenchSettings.column)])
    private var rowScratch: [UInt8] = []
    private let pause = DispatchSemaphore(value: 0)

    init(_ settings: BenchSettings, _ model: MixedModel, index: Int, writerCount: Int) {
        self.settings = settings
        self.model = model
        self.index = index
        self.writerCount = writerCount
        random = BenchRandom(seed: settings.keys.seed, stream: 100 + index)
    }

    private var isWriter: Bool { index < writerCount }

    /// Writes this thread's keys once, in batches.
    @available(*, noasync)
    mutating func load(_ table: BlockingTable) throws {
        let own = stride(from: index, to: settings.keyCount, by: writerCount)
        var batch: [RowMutation] = []
        for number in own {
            let version = model.begin(number)
            batch.append(mutation(number, version))
            if batch.count == 100 || number + writerCount >= settings.keyCount {
                try table.write(batch, durability: settings.durability)
                batch.removeAll(keepingCapacity: true)
            }
            model.end(number, isWritten: true)
        }
    }

    /// Runs for so long, at a rate or, without one, as fast as it goes.
    @available(*, noasync)
    mutating func run(
        _ table: BlockingTable, seconds: Double, operationsPerSecond: Double?
    ) throws {
        let clock = SystemClock()
        let start = clock.monotonicNanoseconds
        let end = start + UInt64(seconds * 1e9)
        var done = 0.0
        var offset = 0.0
        while true {
            let now = clock.monotonicNanoseconds
            if now >= end { break }
            if let operationsPerSecond {
                let due = done / operationsPerSecond + offset
                let ahead = due - Double(now - start) / 1e9
                if ahead > 0.001 { _ = pause.wait(timeout: .now() + ahead) }
                // What a long pause of the machine left undone is not made up for at once.
                if ahead < -1 { offset -= ahead }
            }
            let before = clock.monotonicNanoseconds
            let kind = try isWriter ? write(table) : read(table)
            let after = clock.monotonicNanoseconds
            if let kind {
                phase.record(
                    kind, after - before, end: after, second: Double(after - start) / 1e9)
            }
            done += 1
        }
        phase.seconds = Double(clock.monotonicNanoseconds - start) / 1e9
    }

    @available(*, noasync)
    private mutating func write(_ table: BlockingTable) throws -> MixedResult.Kind? {
        var number = random.next(below: settings.keyCount)
        number += index - number % writerCount
        if number >= settings.keyCount { number -= writerCount }
        let version = model.begin(number)
        do {
            try table.write([mutation(number, version)], durability: settings.durability)
        } catch {
            guard error.code == .overloaded else { throw error }
            model.end(number, isWritten: false)
            phase.refusedCount += 1
            return nil
        }
        model.end(number, isWritten: true)
        return MixedModel.isDeletion(number, version) ? .delete : .put
    }

    private func mutation(_ number: Int, _ version: UInt32) -> RowMutation {
        if MixedModel.isDeletion(number, version) {
            return RowMutation.delete(settings.keys.key(number), columns: [BenchSettings.column])
        }
        let value = settings.keys.value(MixedModel.valueNumber(number, version))
        return RowMutation(
            row: settings.keys.key(number),
            changes: [
                CellMutation(
                    BenchSettings.column, .put(value: value, timeToLiveMilliseconds: nil))
            ])
    }

    @available(*, noasync)
    private mutating func read(_ table: BlockingTable) throws -> MixedResult.Kind {
        let number = random.next(below: settings.keyCount)
        if random.next(below: 20) == 0 {
            try scan(table, from: number)
            return .scan
        }
        let before = model.range(of: number)
        let row = try table.get(settings.keys.key(number), projection)
        try check(table, .get, number, row?.cells.first?.value.array, before.lowerBound)
        return .get
    }

    @available(*, noasync)
    private mutating func scan(_ table: BlockingTable, from first: Int) throws {
        // Nearly all keys are there; what lies beyond is not looked at.
        let window = first..<min(first + MixedThread.scanRowCount, settings.keyCount)
        let before = window.map { model.range(of: $0).lowerBound }
        var found = [[UInt8]?](repeating: nil, count: window.count)
        let keys = settings.keys
        let range = RowRange(start: keys.key(first))
        var place = 0
        try table.forEachCell(in: range, projection) { row, _, _, value in
            while place < window.count, !keys.isKey(row, of: first + place, &rowScratch) {
                place += 1
            }
            if place >= window.count { return false }
            var bytes: [UInt8] = []
            bytes.reserveCapacity(value.count)
            for index in value.indices { bytes.append(value[index]) }
            found[place] = bytes
            place += 1
            return place < window.count
        }
        for (place, value) in found.enumerated() {
            try check(table, .scan, first + place, value, before[place])
        }
    }

    /// Compares what was read with the versions that the key had between begin and end of the read.
    @available(*, noasync)
    private mutating func check(
        _ table: BlockingTable, _ kind: MixedResult.Kind, _ number: Int, _ value: [UInt8]?,
        _ earliest: UInt32
    ) throws {
        let latest = model.range(of: number).upperBound
        checkedRowCount += 1
        for version in earliest...latest {
            if MixedModel.isDeletion(number, version) {
                if value == nil { return }
            } else if let value,
                settings.keys.isValue(value.span, of: MixedModel.valueNumber(number, version))
            {
                return
            }
        }
        // Whether what is stored is wrong, or only what this read made of it.
        let key = settings.keys.key(number)
        let again = try table.get(key, projection)?.cells.first?.value.array
        var scanned: [UInt8]?
        try table.forEachCell(in: RowRange(prefix: key), projection) { _, _, _, value in
            scanned = value.indices.map { value[$0] }
            return false
        }
        throw CommandFailure(
            .failed,
            """
            a \(kind) shows none of the versions written number=\(number) \
            versions=\(earliest)...\(latest) found=\(describe(value, of: number, upTo: latest)); \
            after that a get finds \(describe(again, of: number, upTo: latest)) \
            and a scan \(describe(scanned, of: number, upTo: latest))
            """
        )
    }

    /// What a read found: nothing, which version of the key, or which bytes.
    private func describe(_ value: [UInt8]?, of number: Int, upTo latest: UInt32) -> String {
        guard let value else { return "nothing" }
        let version = (0...latest + 1).first {
            settings.keys.isValue(value.span, of: MixedModel.valueNumber(number, $0))
        }
        if let version { return "version \(version)" }
        return "bytes of no version count=\(value.count) first=\(value.prefix(16))"
    }
}
