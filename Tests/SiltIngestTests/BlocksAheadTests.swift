import SiltBytes
import SiltIO
import SiltLSM
import SiltModel
import SiltTable
import Testing

@testable import SiltIngest

/// Blocks that are decoded before they are wanted are the same blocks.
@Suite("Decoding ahead")
struct BlocksAheadTests {
    /// Opens the store; another process would have other random numbers.
    private static func open(_ disk: MemoryDisk, _ workers: any Workers, seed: UInt64 = 1) throws
        -> TableStore
    {
        var engine = EngineOptions()
        engine.logSegmentBytes = 1 << 20
        engine.runsMaintenance = false
        return try TableStore.open(
            .memory(disk: disk, clock: ManualClock(), seed: seed, workers: workers), engine)
    }

    private static func options(readsAhead: Bool, blockBytes: Int) -> JobRunner.Options {
        var options = JobRunner.Options()
        options.readsAhead = readsAhead
        options.blockBytes = blockBytes
        options.checkpointBytes = 2000
        return options
    }

    private static func run(
        _ job: JobDefinition, _ files: [String: [UInt8]], store: TableStore,
        _ options: JobRunner.Options, isCancelled: (() -> Bool)? = nil
    ) throws -> JobSummary {
        try JobRunner(
            store: store, job: job,
            input: JobInput(path: "in*", files: MemoryInputFiles(files)), clock: ManualClock(),
            options: options
        ).run(isCancelled: isCancelled)
    }

    private static let files = [
        "in1": JobRunnerTests.randomInput(seed: 31, count: 300),
        "in2": Array(JobRunnerTests.randomInput(seed: 32, count: 200).dropLast()),
        "in3": [0xef, 0xbb, 0xbf] + JobRunnerTests.randomInput(seed: 33, count: 100),
    ]

    private static func undisturbed(_ job: JobDefinition) throws -> ([String], JobSummary) {
        let store = try open(MemoryDisk(), ManualWorkers())
        let summary = try run(job, files, store: store, options(readsAhead: false, blockBytes: 700))
        return (try JobBench.dumpAll(store), summary)
    }

    @Test("whenever workers come to it, tables and counters are the same", arguments: 1...12)
    func anyMoment(seed: UInt64) throws {
        let job = try JobBench.job()
        let (wanted, summary) = try Self.undisturbed(job)
        let random = SeededRandom(seed: seed)
        var disk = MemoryDisk()
        var result = JobSummary()
        var stops = 0
        repeat {
            let workers = ManualWorkers()
            let store = try Self.open(disk, workers, seed: UInt64(stops + 1))
            var blocks = 0
            let limit = 10 + Int(random.next() % 60)
            result = try Self.run(
                job, Self.files, store: store,
                Self.options(readsAhead: true, blockBytes: 100 + Int(random.next() % 2000))
            ) {
                // Between two blocks: the next one is decoded now, or when it is wanted.
                if random.next() % 3 > 0 { workers.runAll() }
                blocks += 1
                return blocks > limit
            }
            stops += 1
            disk = disk.crashed(keeping: .mixed, random: random)
        } while result.outcome == .stopped
        let got = try JobBench.dumpAll(Self.open(disk, ManualWorkers(), seed: 999))
        #expect(got == wanted, "seed \(seed), \(stops) runs")
        #expect(result.records == summary.records)
        #expect(result.bytes == summary.bytes)
        #expect(result.late == summary.late)
        #expect(result.bad == summary.bad)
    }

    @Test("threads give the same", arguments: [100, 1000, 20_000])
    func threads(blockBytes: Int) throws {
        let job = try JobBench.job()
        let (wanted, summary) = try Self.undisturbed(job)
        let store = try Self.open(MemoryDisk(), ThreadWorkers(count: 2))
        defer { try? store.closeWithEnvironment() }
        let result = try Self.run(
            job, Self.files, store: store, Self.options(readsAhead: true, blockBytes: blockBytes))
        #expect(try JobBench.dumpAll(store) == wanted)
        #expect(result.records == summary.records)
        #expect(result.bytes == summary.bytes)
    }

    @Test("a worker decodes several blocks before it goes, and only so many")
    func several() throws {
        let job = try JobBench.job()
        let workers = ManualWorkers()
        let files = MemoryInputFiles(["in1": JobRunnerTests.randomInput(seed: 34, count: 300)])
        let input = try JobInput(path: "in1", files: files)
        let plan = JobPlan(job)
        var reader = BlockReader(job, plan: plan, input: input, blockBytes: 200)
        try reader.begin()
        let blocks = BlocksAhead(reader, plan: plan, blockBytes: 200, workers: workers)
        var block = DecodedBlock(plan)
        var taken = 0
        var runs = 0
        while !block.isLast {
            try blocks.next(&block)
            taken += 1
            // Four are ready then, and it is asked again when three are taken.
            #expect(workers.waitingCount <= 1)
            runs += workers.runAll()
        }
        #expect(taken > 40)
        #expect(runs <= taken / 3 + 3, "\(runs) runs for \(taken) blocks")
        // Nothing is left to be read.
        #expect(workers.waitingCount == 0)
        blocks.stop()
    }

    @Test("a file that fails is reported after the blocks before it were processed")
    func failure() throws {
        let job = try JobBench.job([
            "source": #"{"file": "in*", "format": "csv"}"#
        ])
        let good = Array("ts,k,v\n".utf8) + Array(String(repeating: "5000,a,1\n", count: 50).utf8)
        let files = ["in1": good, "in2": Array("ts,k\n6000,a\n".utf8)]
        let workers = ManualWorkers()
        let store = try Self.open(MemoryDisk(), workers)
        var records: [Int64] = []
        let runner = JobRunner(
            store: store, job: job,
            input: try JobInput(path: "in*", files: MemoryInputFiles(files)), clock: ManualClock(),
            options: Self.options(readsAhead: true, blockBytes: 64))
        let failure = #expect(throws: SiltstoneError.self) {
            try runner.run(
                progress: {
                    records.append($0.records)
                    workers.runAll()
                })
        }
        #expect(failure?.message.contains("header has no column 'v'") == true)
        #expect(records.last == 50)
    }
}
