import SiltBytes
import SiltIO
import SiltModel
import SiltTable
import Testing

@testable import SiltIngest

/// A topic in memory, read in an order that a seed says.
private final class FakeTopic: PartitionedSource {
    typealias Event = (time: Int64, text: String)

    private let partitions: [[Event]]
    private let messagesMax: Int
    private var random: SplitMix
    private var places: [Int32: Int] = [:]
    private var ended: Set<Int32> = []
    private var isAssigned = false
    private(set) var paused: Set<Int32> = []
    /// How far in event time two partitions were apart, at most.
    private(set) var spread: Int64 = 0
    /// Fails at this call, as a process that is killed does.
    var callsLeft = Int.max
    /// How often the first partition is asked before any other, of 100 times.
    var preference = 0

    init(_ partitions: [[Event]], seed: UInt64, messagesMax: Int = 20) {
        self.partitions = partitions
        self.messagesMax = messagesMax
        random = SplitMix(seed: seed)
    }

    var partitionCount: Int32 { Int32(partitions.count) }

    func next(
        into batch: inout MessageBatch, timeoutMilliseconds: Int
    ) throws(SiltstoneError) -> PartitionEvent {
        callsLeft -= 1
        if callsLeft < 0 { throw SiltstoneError(.closed, "killed") }
        batch.removeAll()
        if !isAssigned {
            isAssigned = true
            return .assigned(Array(0..<partitionCount))
        }
        for (partition, place) in places.sorted(by: { $0.key < $1.key })
        where place == partitions[Int(partition)].count && ended.insert(partition).inserted {
            return .end(partition)
        }
        let ready = places.keys.sorted().filter {
            places[$0, default: 0] < partitions[Int($0)].count && !paused.contains($0)
        }
        guard var chosen = ready.first else { return .nothing }
        if random.next() % 100 >= preference {
            chosen = ready[Int(random.next() % UInt64(ready.count))]
        }
        let events = partitions[Int(chosen)]
        let first = places[chosen] ?? 0
        let end = min(events.count, first + 1 + Int(random.next() % UInt64(messagesMax)))
        batch.partition = chosen
        for index in first..<end {
            batch.bytes += Array(events[index].text.utf8) + [0x0a]
            batch.messages.append((Int64(index), events[index].text.utf8.count))
        }
        places[chosen] = end
        let reached = places.compactMap { partition, place in
            place > 0 && place < partitions[Int(partition)].count
                ? partitions[Int(partition)][place - 1].time : nil
        }
        if reached.count == partitions.count(where: { !$0.isEmpty }), let least = reached.min(),
            let most = reached.max()
        {
            spread = max(spread, most - least)
        }
        return .messages
    }

    func begin(_ partitions: [(partition: Int32, offset: Int64?)]) {
        for (partition, offset) in partitions { places[partition] = Int(offset ?? 0) }
    }

    func end(_ partitions: [Int32]) {
        for partition in partitions { places[partition] = nil }
    }

    func seek(_ partition: Int32, to offset: Int64?) { places[partition] = Int(offset ?? 0) }

    func setPaused(_ partition: Int32, _ isPaused: Bool) {
        if isPaused { paused.insert(partition) } else { paused.remove(partition) }
    }

    func report(_ partition: Int32, offset: Int64) {}
}

@Suite struct PartitionTests {
    private static let alerts = """
        [{"name": "high", "if": "mean > 600 and n > 1", "for": "10s", "keep": "15s", "notify": [{"webhook": "http://h/"}, {"table": "alerts"}]},
         {"name": "gone", "absent": "25s", "keep": "5s", "notify": [{"table": "alerts"}, {"stdout": true}]},
         {"name": "jump", "change": {"of": "n", "by": "60%", "direction": "up"}, "keep": "10s", "notify": [{"table": "alerts"}]}]
        """

    private static func job(_ changes: [String: String], kafka: String = #""stop": "end""#) throws
        -> JobDefinition
    {
        var all = [
            "source":
                "{\"kafka\": {\"brokers\": [\"h:1\"], \"topic\": \"events\", \(kafka)}, \"format\": \"ndjson\"}",
            "aggregates": #"{"n": "count()", "mean": "avg(v)"}"#, "late": #""drop""#,
        ]
        all.merge(changes) { $1 }
        return try JobBench.job(all)
    }

    /// Events of some keys, in order but for what `disorder` allows.
    private static func events(
        _ random: inout SplitMix, count: Int, disorder: UInt64, lateOneIn: UInt64 = 0
    ) -> [FakeTopic.Event] {
        var time: Int64 = 0
        return (0..<count).map { _ in
            time += Int64(random.next() % 2500)
            var at = time - Int64(disorder > 0 ? random.next() % disorder : 0)
            if lateOneIn > 0, random.next() % lateOneIn == 0 {
                at -= Int64(random.next() % 60_000)
            }
            let key = ["a", "b", "c", "rare"][Int(random.next() % 13) / 4]
            return (at, "{\"ts\":\(at),\"k\":\"\(key)\",\"v\":\(random.next() % 1000)}")
        }
    }

    private func settings(_ job: JobDefinition) throws -> KafkaSettings {
        guard case .kafka(let settings) = job.source else {
            throw SiltstoneError(.invalidArgument, "no kafka")
        }
        return settings
    }

    /// Runs to the end, with a kill now and then; the transitions that stand in the end.
    private func run(
        _ job: JobDefinition, _ partitions: [[FakeTopic.Event]], seed: UInt64
    ) throws -> [String] {
        var random = SplitMix(seed: seed)
        var bench = JobBench()
        bench.options.checkpointBytes = 200 + Int(random.next() % 4000)
        var patience = 10 + Int(random.next() % 60)
        while true {
            let store = try bench.open(seed: random.next())
            let topic = FakeTopic(partitions, seed: random.next())
            topic.callsLeft = patience
            patience *= 2
            do {
                let summary = try PartitionRunner(
                    job: job, settings: settings(job), source: topic,
                    store: LocalPartitionStore(job, in: store), clock: bench.clock,
                    options: bench.options
                ).run()
                #expect(summary.outcome == .completed)
                let outbox = try AlertTables(in: store).outbox.scan()
                var waiting = 0
                while try outbox.next() != nil { waiting += 1 }
                let shown = try JobBench.dump(store, "alerts")
                // "high" has one receiver beside the table, "gone" too.
                let told = shown.filter {
                    $0.contains("a:alert@") && ($0.hasSuffix("=high") || $0.hasSuffix("=gone"))
                }
                #expect(waiting == told.count)
                return shown
            } catch {
                guard (error as? SiltstoneError)?.code == .closed else { throw error }
                bench.disk = bench.disk.crashed(
                    keeping: .mixed, random: SeededRandom(seed: random.next()))
            }
        }
    }

    @Test(
        "alerts over partitions are those over one stream of the same events, through kills and in any order"
    )
    func sameAsOneStream() throws {
        for _ in 0..<3 {
            let seed = UInt64.random(in: 0...UInt64.max)
            try checkOneStream(seed: seed)
        }
    }

    private func checkOneStream(seed: UInt64) throws {
        var random = SplitMix(seed: seed)
        let windows =
            random.next() % 2 == 0
            ? #"[{"name": "w", "tumble": "10s"}]"#
            : #"[{"name": "w", "hop": {"size": "30s", "every": "10s"}}]"#
        let changes = ["alerts": Self.alerts, "windows": windows]
        let count = 1 + Int(random.next() % 4)
        let partitions = (0..<count).map { _ in
            Self.events(&random, count: 100 + Int(random.next() % 100), disorder: 2000)
        }
        let whole = partitions.flatMap { $0 }.sorted { $0.time < $1.time }
        let bench = JobBench()
        let store = try bench.open()
        var single = changes
        single["source"] = #"{"file": "in", "format": "ndjson"}"#
        let text = whole.map { $0.text + "\n" }.joined()
        _ = try bench.run(try Self.job(single), Array(text.utf8), store: store)
        let wanted = try JobBench.dump(store, "alerts")
        #expect(wanted.count > 20, "seed \(seed)")
        let got = try run(try Self.job(changes), partitions, seed: seed)
        let differences = Set(got).symmetricDifference(wanted).sorted().prefix(4)
        #expect(got == wanted, "seed \(seed): \(differences)")
    }

    @Test("late events make no difference between replays: what counts is what came in time")
    func lateEvents() throws {
        for late in [#""merge""#, #""drop""#] {
            let seed = UInt64.random(in: 0...UInt64.max)
            var random = SplitMix(seed: seed)
            let partitions = (0..<3).map { _ in
                Self.events(&random, count: 150, disorder: 4000, lateOneIn: 6)
            }
            let job = try Self.job([
                "alerts": Self.alerts, "late": late,
                "time":
                    #"{"field": "ts", "out_of_order": "1s", "allowed_lateness": "15s"}"#,
            ])
            let first = try run(job, partitions, seed: random.next())
            #expect(first.count > 20, "seed \(seed)")
            for _ in 0..<4 {
                let other = try run(job, partitions, seed: random.next())
                let differences = Set(first).symmetricDifference(other).sorted().prefix(4)
                #expect(first == other, "seed \(seed): \(differences)")
            }
        }
    }

    @Test(
        "a partition without events holds alerts back until it is idle, and one that nobody has read for good"
    )
    func idle() throws {
        let job = try Self.job(
            [
                "alerts": #"[{"name": "a", "if": "n > 0", "notify": [{"table": "alerts"}]}]"#,
                "time": #"{"field": "ts", "out_of_order": "0s"}"#,
            ], kafka: #""group": "g""#)
        let events: [FakeTopic.Event] = [0, 20_000, 50_000].map {
            ($0, "{\"ts\":\($0),\"k\":\"a\",\"v\":1}")
        }
        let bench = JobBench()
        let store = try bench.open()
        let clock = ManualClock(autoAdvanceMilliseconds: 100)
        var calls = 0
        var options = bench.options
        options.checkpointMilliseconds = 1000
        let begun = clock.nowMilliseconds
        var first: Int64?
        _ = try PartitionRunner(
            job: job, settings: settings(job), source: FakeTopic([events, []], seed: 1),
            store: LocalPartitionStore(job, in: store), clock: clock, options: options
        ).run(isCancelled: {
            calls += 1
            if first == nil, (try? JobBench.dump(store, "alerts").isEmpty) == false {
                first = clock.nowMilliseconds - begun
            }
            return calls > 500
        })
        #expect(first ?? 0 > 30_000)
        #expect(
            try AlertTests.shown(store) == [
                "10 a a firing", "20 a a resolved", "30 a a firing", "40 a a resolved",
            ])
        // Of three partitions two are known.
        let other = try JobBench().open()
        let partitions = try LocalPartitionStore(job, in: other)
        for partition in [Int32(0), 1] {
            var commit = PartitionCommit()
            commit.partition = partition
            commit.epoch = try partitions.claim(partition).epoch
            commit.number = 1
            commit.watermark = 1000
            commit.isIdle = partition == 1
            commit.partitionCount = 3
            try partitions.commit(try PartitionCommit(decoding: commit.encoded))
        }
        let row = try JobTables.jobs(in: other).get(
            Bytes(Array("j".utf8) + [0] + Array("alerts".utf8)))
        let record = try PartitionAlerts(
            job, plan: JobPlan(job), decoding: JobCheckpoint.bytes(try #require(row), job: "j"))
        #expect(record.number == 2)
        #expect(record.watermark == .min)
    }

    @Test(
        "alerts that begin while a job runs begin with whole windows; --fresh resolves what fires")
    func begins() throws {
        let plain = try Self.job([:], kafka: #""start": "earliest""#)
        let changes = [
            "alerts":
                #"[{"name": "few", "if": "n < 10", "notify": [{"table": "alerts"}]}, {"name": "any", "if": "n > 0", "notify": [{"table": "alerts"}]}]"#
        ]
        let watched = try Self.job(changes, kafka: #""start": "earliest""#)
        func event(_ time: Int64) -> FakeTopic.Event {
            (time, "{\"ts\":\(time),\"k\":\"a\",\"v\":1}")
        }
        // Ten events in each window, five a partition; the first partition is a window ahead at first.
        let ticks = (0..<20).map { event(Int64($0) * 2000) }
        let bench = JobBench()
        let store = try bench.open()
        func run(_ job: JobDefinition, _ partitions: [[FakeTopic.Event]], isFresh: Bool = false)
            throws
        {
            let count = partitions.reduce(0) { $0 + $1.count }
            var seen: Int64 = 0
            var options = bench.options
            options.checkpointMilliseconds = 0
            let kept = try LocalPartitionStore(job, in: store)
            if isFresh { try kept.reset() }
            _ = try PartitionRunner(
                job: job, settings: settings(job), source: FakeTopic(partitions, seed: 3),
                store: kept, clock: bench.clock, options: options
            ).run(progress: { seen = $0.records }, isCancelled: { seen >= count })
        }
        try run(plain, [Array(ticks[..<10]), Array(ticks[..<4])])
        try run(watched, [ticks, ticks])
        // The window that ends at 10 had given a part of it before.
        #expect(try AlertTests.shown(store) == ["20 any a firing"])
        try run(watched, [[], []], isFresh: true)
        #expect(try AlertTests.shown(store) == ["20 any a firing", "30 any a resolved"])
    }

    @Test("a partition that is far ahead waits for the slowest, and nothing is lost by it")
    func aligns() throws {
        let fast = (0..<600).map { index -> FakeTopic.Event in
            (Int64(index) * 1000, "{\"ts\":\(index * 1000),\"k\":\"a\",\"v\":1}")
        }
        for align in [nil, "20s"] {
            let time =
                "{\"field\": \"ts\", \"out_of_order\": \"1s\", \"idle\": \"5s\""
                + (align.map { ", \"align\": \"\($0)\"" } ?? "") + "}"
            let job = try Self.job(["time": time])
            let bench = JobBench()
            let store = try bench.open()
            let topic = FakeTopic([fast, fast, []], seed: 5, messagesMax: 10)
            topic.preference = 97
            let summary = try PartitionRunner(
                job: job, settings: settings(job), source: topic,
                store: LocalPartitionStore(job, in: store), clock: bench.clock,
                options: bench.options
            ).run()
            #expect(summary.records == 1200)
            #expect(summary.outcome == .completed)
            #expect(topic.paused.isEmpty)
            // The bound, and a batch of ten seconds more.
            if align == nil {
                #expect(topic.spread > 100_000)
            } else {
                #expect(topic.spread <= 30_000)
            }
            let rows = try JobBench.dump(store, "t").filter { $0.contains("w:n@") }
            #expect(rows.count == 60)
            #expect(rows.allSatisfy { $0.hasSuffix("=20") })
        }
    }

    @Test("align is for kafka, and changing it is no other job")
    func alignRules() throws {
        #expect(
            try Self.job(["time": #"{"field": "ts", "align": "1m", "idle": "5s"}"#]).canonicalText
                == Self.job(["time": #"{"field": "ts", "idle": "5s"}"#]).canonicalText)
        #expect(throws: JobDiagnostics.self) {
            try JobDefinition(
                DocumentNode(
                    json: Array(
                        #"{"job": "j", "source": {"stdin": true}, "time": {"field": "ts", "align": "1m"}, "windows": [{"name": "w", "tumble": "1s"}], "aggregates": {"n": "count()"}, "into": {"table": "t"}}"#
                            .utf8)))
        }
    }
}
