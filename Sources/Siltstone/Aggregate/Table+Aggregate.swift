import SiltBytes
import SiltIO
public import SiltModel
import SiltStream
package import SiltTable
import Synchronization

extension Table {
    /// Computes over the rows of the table where they lie, its regions side by side.
    ///
    /// Only the columns that are needed are read. The groups come ascending by key; those that no row is in are not
    /// there, also when there is one of all.
    ///
    /// - Throws: `invalidArgument` for an aggregation that makes no sense; `notFound` for a family that is not there.
    /// - Complexity: reads the range once; memory for a state per group, of which there are at most a million.
    public func aggregate(_ aggregation: Aggregation) async throws(SiltstoneError)
        -> [Aggregation.Group]
    {
        let stored = stored
        return try await bridge.run { () throws(SiltstoneError) in
            try aggregation.run(over: stored)
        }
    }
}

extension BlockingTable {
    /// Computes over the rows of the table where they lie, its regions side by side.
    @available(*, noasync)
    public func aggregate(_ aggregation: Aggregation) throws(SiltstoneError) -> [Aggregation.Group]
    {
        try aggregation.run(over: stored)
    }
}

extension Aggregation {
    /// How many regions are read at a time.
    private static let threadCountMax = 4

    /// The groups of a table; blocks the calling thread.
    package func run(over table: StoredTable) throws(SiltstoneError) -> [Group] {
        let specs = try specs()
        let parts = try table.scanParts(range, projection)
        var total: GroupedAggregates
        if parts.count == 1 {
            var reader = AggregateReader(self, specs)
            try reader.read(parts[0])
            total = reader.groups
        } else {
            total = try merged(parts, specs)
        }
        return total.results().map { Group(key: Bytes($0.key), values: $0.values) }
    }

    private func merged(_ parts: [ScanPart], _ specs: [AggregateSpec]) throws(SiltstoneError)
        -> GroupedAggregates
    {
        let threadCount = min(parts.count, Self.threadCountMax)
        let work = AggregateWork(partCount: parts.count, runnerCount: threadCount)
        let threads = CallThreads(count: threadCount - 1)
        defer { threads.stop() }
        let read = { @Sendable in
            var reader = AggregateReader(self, specs)
            var failure: SiltstoneError?
            do throws(SiltstoneError) {
                while let index = work.nextPart() { try reader.read(parts[index]) }
            } catch {
                failure = error
            }
            work.finish(reader.groups, failure)
        }
        // This thread does a share of the work, and waits for the others.
        for _ in 1..<threadCount where !threads.submit(read) { read() }
        read()
        return try work.result(GroupedAggregates(specs))
    }
}

/// The parts of an aggregation that are left, and what came of the others.
private final class AggregateWork: Sendable {
    private struct State {
        var next = 0
        var found: [GroupedAggregates] = []
        var failure: SiltstoneError?
    }

    private let partCount: Int
    private let runnerCount: Int
    private let state = Mutex(State())
    private let isDone = Signal()

    init(partCount: Int, runnerCount: Int) {
        self.partCount = partCount
        self.runnerCount = runnerCount
    }

    /// The part to read next; `nil` when there is none or the work has failed.
    func nextPart() -> Int? {
        state.withLock { state in
            guard state.next < partCount, state.failure == nil else { return nil }
            defer { state.next += 1 }
            return state.next
        }
    }

    /// Takes what one runner found.
    func finish(_ groups: GroupedAggregates, _ failure: SiltstoneError?) {
        let isLast = state.withLock { state in
            state.found.append(groups)
            state.failure = state.failure ?? failure
            return state.found.count == runnerCount
        }
        if isLast { isDone.set(1) }
    }

    /// Waits for all runners and adds up what they found.
    func result(_ empty: GroupedAggregates) throws(SiltstoneError) -> GroupedAggregates {
        _ = isDone.wait()
        let (found, failure) = state.withLock { ($0.found, $0.failure) }
        if let failure { throw failure }
        var total = empty
        for groups in found {
            do throws(DecodingError) {
                try total.merge(groups)
            } catch {
                throw SiltstoneError(.corrupted, error.message)
            }
        }
        return total
    }
}
