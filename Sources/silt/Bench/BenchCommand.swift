import ArgumentParser
import Foundation
import SiltModel

/// `silt bench`.
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure the store on this machine.",
        discussion: """
            Workloads run in the order given on one database; those whose names begin with fill, and \
            deleteseek, begin with an empty one. Every value read is compared with what was written.

            mixed runs two writers and two readers, as fast as they go for a quarter of --duration (two minutes at most), then \
            for --duration at 70 % of the rate that can be kept up: the operations of the first phase over its time and the \
            time until all that it wrote is flushed and merged. Meanwhile it reads a file of its own past the kernel's memory, and \
            tells how many operations took over 100 ms though the device kept that reader waiting for less than half of their time.

            \(Workload.allCases.map(\.rawValue).joined(separator: " "))
            """)

    @Option(help: "What to run, separated by commas.")
    var workloads = "fillrandom,compact,readrandom,readmissing,seekrandom,readseq"
    @Option(help: "The number of keys.")
    var num = 1_000_000
    @Option(help: "Operations of workloads other than fills (default: by workload).")
    var ops: Int?
    @Option(help: "Bytes of a row key.")
    var keySize = 16
    @Option(help: "Bytes of a value.")
    var valueSize = 100
    @Option(help: "Form of the keys: text (decimal digits) or binary (as db_bench).")
    var keys = BenchKeys.Form.text
    @Option(help: "Threads.")
    var threads = 1
    @Option(help: "Cells put together (default: 100 in fillbatch, else 1).")
    var batch: Int?
    @Option(help: "none, lz4 or zstd:LEVEL.")
    var compression = "lz4"
    @Option(help: "Bytes of a data block before compression.")
    var blockSize = 16_384
    @Option(help: "Buckets over which rows are spread by the hash of their keys.")
    var hash: Int?
    @Option(help: "Bytes of the block cache.")
    var cacheSize = 256 << 20
    @Option(help: "Bytes of all memtables together.")
    var memtableSize = 256 << 20
    @Option(help: "Bytes of one budget for all memory, instead of cache and memtables.")
    var memory: Int?
    @Option(help: "FSYNC_WAL, SYNC_WAL, ASYNC_WAL or SKIP_WAL; fillsync always takes FSYNC_WAL.")
    var durability = "SYNC_WAL"
    @Option(help: "Seconds for each workload, instead of a number of operations.")
    var duration: Double?
    @Option(help: "Bytes a second put by the writer of readwhilewriting; 0 for no limit.")
    var writeRate = 2 << 20
    @Option(help: "Makes the keys, values and order.")
    var seed: UInt64 = 42
    @Option(help: "A directory of the benchmark's own.")
    var data = "silt-bench-data"
    @Option(help: "Interface of the library: blocking or async.")
    var interface = BenchSettings.Interface.blocking
    @Flag(help: "Leave the data for a later run, and use what an earlier one left.")
    var keep = false
    @Flag(inversion: .prefixedNo, help: "Compare every value read with what was written.")
    var check = true
    @Flag(inversion: .prefixedNo, help: "Flush and compact in the background.")
    var maintenance = true
    @Flag(help: "One JSON object a workload.")
    var json = false

    func validate() throws {
        _ = try list()
        _ = try settings()
    }

    func run() async throws {
        let settings = try settings()
        let directory = try BenchDirectory(data)
        let run = BenchRun(settings, directory)
        if keep { try await run.openExisting() } else { try directory.empty() }
        Output.error.write("seed \(seed)\n")
        Output.error.flush()
        if !json { Output.standard.write(heading) }
        for workload in try list() {
            let result = try await run.run(workload)
            Output.standard.write(json ? result.line(settings) + "\n" : row(result))
            Output.standard.flush()
        }
        try await run.finish()
        if !keep { try directory.remove() }
    }

    private func list() throws -> [Workload] {
        try workloads.split(separator: ",").map { name in
            guard let workload = Workload(rawValue: String(name)) else {
                throw ValidationError("no workload is named '\(name)'")
            }
            return workload
        }
    }

    private func settings() throws -> BenchSettings {
        guard num > 0, threads > 0, valueSize >= 0, keySize >= 8, keySize <= 1024,
            keySize >= "\(num)".count, blockSize >= 1024, blockSize <= 16 << 20, (batch ?? 1) > 0,
            (ops ?? 1) > 0, (duration ?? 1) > 0, cacheSize >= 0, memtableSize >= 2 << 20,
            (memory ?? 16 << 20) >= 16 << 20, hash.map({ 2...Limits.hashBucketsMax ~= $0 }) ?? true
        else {
            throw ValidationError(
                "counts and sizes must be positive, keys at least 8 bytes, blocks at least 1024, buckets 2 to \(Limits.hashBucketsMax)"
            )
        }
        guard let level = try DurabilityText.level(durability) else {
            throw ValidationError("no durability is given")
        }
        var family = try FamilyText.family("f:compression=\(compression)")
        family.blockBytes = blockSize
        return BenchSettings(
            keyCount: num,
            keys: BenchKeys(keyBytes: keySize, valueBytes: valueSize, form: keys, seed: seed),
            threadCount: threads, batch: batch, family: family, hashBuckets: hash,
            cacheBytes: cacheSize, memtableBytes: memtableSize, memoryBudgetBytes: memory,
            durability: level,
            durationSeconds: duration, operationCount: ops, writeRateBytes: writeRate,
            runsMaintenance: maintenance, checks: check, interface: interface)
    }

    private var heading: String {
        BenchCommand.pad(["workload", "ops/s", "us/op", "p50", "p99", "p99.9", "max us", "cpu s"])
    }

    private func row(_ result: BenchResult) -> String {
        let rate = result.operationsPerSecond
        return BenchCommand.pad(
            [result.workload.rawValue, "\(Int(rate))"]
                + [
                    rate > 0 ? 1e6 / rate : 0, result.histogram.percentileMicroseconds(0.5),
                    result.histogram.percentileMicroseconds(0.99),
                    result.histogram.percentileMicroseconds(0.999),
                    Double(result.histogram.maxNanoseconds) / 1000, result.cpuSeconds,
                ].map { String(format: "%.2f", $0) })
    }

    private static func pad(_ fields: [String]) -> String {
        var line = fields[0] + String(repeating: " ", count: max(1, 18 - fields[0].count))
        for field in fields.dropFirst() {
            line += String(repeating: " ", count: max(1, 12 - field.count)) + field
        }
        return line + "\n"
    }
}

extension BenchKeys.Form: ExpressibleByArgument {}
extension BenchSettings.Interface: ExpressibleByArgument {}
