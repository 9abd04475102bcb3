import SiltBytes
import SiltModel
import Siltstone
import Synchronization

/// The core workloads of YCSB, with its request distributions.
extension BenchThread {
    @available(*, noasync)
    mutating func runYCSB(_ table: BlockingTable) throws {
        let readPercent: Int
        switch workload {
        case .ycsba, .ycsbf: readPercent = 50
        case .ycsbc: readPercent = 100
        default: readPercent = 95
        }
        try each { thread, _ in
            let reads = thread.random.next(below: 100) < readPercent
            switch thread.workload {
            case .ycsbd, .ycsbe:
                if !reads {
                    try thread.insertNext(table)
                } else if thread.workload == .ycsbd {
                    let newest = thread.shared.nextKey.load(ordering: .relaxed) - 1
                    let number = max(0, newest - thread.nextRank())
                    try thread.get(table, number)
                } else {
                    let number = thread.nextScrambled()
                    let count = 1 + thread.random.next(below: 100)
                    try thread.scan(table, from: number, count: count)
                }
            default:
                let number = thread.nextScrambled()
                if reads || thread.workload == .ycsbf { try thread.get(table, number) }
                if !reads { try thread.update(table, number) }
            }
            return 1
        }
    }

    private mutating func nextRank() -> Int { zipfian?.next(&random) ?? 0 }

    private mutating func nextScrambled() -> Int { zipfian?.nextScrambled(&random) ?? 0 }

    @available(*, noasync)
    private mutating func get(_ table: BlockingTable, _ number: Int) throws {
        try check(try table.get(settings.keys.key(number), projection), number)
    }

    @available(*, noasync)
    private mutating func update(_ table: BlockingTable, _ number: Int) throws {
        try table.put(
            settings.keys.key(number), BenchSettings.column, settings.keys.value(number),
            durability: settings.durability)
        written.insert(number)
    }

    /// Puts the key after all others.
    @available(*, noasync)
    private mutating func insertNext(_ table: BlockingTable) throws {
        let number = shared.nextKey.wrappingAdd(1, ordering: .relaxed).oldValue
        try table.put(
            settings.keys.key(number), BenchSettings.column, settings.keys.value(number),
            durability: settings.durability)
    }
}
