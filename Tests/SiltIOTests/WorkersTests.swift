import Dispatch
import SiltIO
import Synchronization
import Testing

@Suite struct WorkersTests {
    @Test(
        "an urgent job runs while every thread that takes the others is busy", arguments: [1, 2, 3])
    func reservedThread(_ count: Int) {
        let workers = ThreadWorkers(count: count)
        let gate = DispatchSemaphore(value: 0)
        for _ in 0..<10 { workers.submit(.low) { gate.wait() } }
        let urgent = DispatchSemaphore(value: 0)
        workers.submit(.high) { urgent.signal() }
        #expect(urgent.wait(timeout: .now() + 20) == .success)
        for _ in 0..<10 { gate.signal() }
        workers.drain()
        workers.shutDown()
    }

    @Test("drain waits for all jobs and for those that they submit")
    func drain() {
        let workers = ThreadWorkers(count: 3)
        let count = Atomic(0)
        for _ in 0..<200 {
            workers.submit(.low) {
                workers.submit(.high) { count.add(1, ordering: .relaxed) }
                count.add(1, ordering: .relaxed)
            }
        }
        workers.drain()
        #expect(count.load(ordering: .relaxed) == 400)
        workers.shutDown()
    }

    @Test("shutting down waits for the running job, drops the others and refuses more")
    func shutDown() {
        let workers = ThreadWorkers(count: 2)
        let started = DispatchSemaphore(value: 0)
        let gate = DispatchSemaphore(value: 0)
        let ended = Atomic(0)
        let dropped = Atomic(0)
        workers.submit(.low) {
            started.signal()
            gate.wait()
            ended.store(1, ordering: .sequentiallyConsistent)
        }
        started.wait()
        workers.submit(.low) { dropped.add(1, ordering: .relaxed) }
        DispatchQueue.global().asyncAfter(deadline: .now() + 0.05) { gate.signal() }
        workers.shutDown()
        #expect(ended.load(ordering: .sequentiallyConsistent) == 1)
        workers.submit(.high) { dropped.add(1, ordering: .relaxed) }
        workers.drain()
        workers.shutDown()
        #expect(dropped.load(ordering: .relaxed) == 0)
    }

    @Test("jobs of one priority begin in order on one thread")
    func order() {
        let workers = ThreadWorkers(count: 2)
        let seen = Mutex<[Int]>([])
        for index in 0..<100 { workers.submit(.low) { seen.withLock { $0.append(index) } } }
        workers.drain()
        #expect(seen.withLock { $0 } == Array(0..<100))
        workers.shutDown()
    }

    @Test("manual workers run urgent jobs first, in order, only when told to")
    func manual() {
        let workers = ManualWorkers()
        let seen = Mutex<[String]>([])
        let note = { @Sendable (name: String) in seen.withLock { $0.append(name) } }
        workers.submit(.low) {
            note("low 1")
            workers.submit(.high) { note("high 2") }
        }
        workers.submit(.low) { note("low 2") }
        workers.submit(.high) { note("high 1") }
        #expect(seen.withLock { $0 } == [])
        #expect(workers.waitingCount == 3)
        #expect(workers.runOne())
        #expect(seen.withLock { $0 } == ["high 1"])
        workers.drain()
        #expect(seen.withLock { $0 } == ["high 1", "low 1", "high 2", "low 2"])
        #expect(!workers.runOne())
        workers.submit(.low) { note("dropped") }
        workers.shutDown()
        workers.submit(.low) { note("refused") }
        #expect(workers.runAll() == 0)
    }

    @Test("seeded manual workers run every job once, in an order that the seed fixes")
    func seeded() {
        func run(_ seed: UInt64) -> [Int] {
            let workers = ManualWorkers(random: SeededRandom(seed: seed))
            let seen = Mutex<[Int]>([])
            for index in 0..<20 {
                workers.submit(index % 3 == 0 ? .high : .low) { seen.withLock { $0.append(index) } }
            }
            workers.drain()
            return seen.withLock { $0 }
        }
        #expect(run(1) == run(1))
        #expect(run(1) != run(2))
        #expect(run(3).sorted() == Array(0..<20))
    }
}
