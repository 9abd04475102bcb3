import CSiltstone
import Glibc
import Synchronization

/// Background threads of our own: two for urgent jobs alone, one for these and flushes, the others for all kinds.
///
/// Those run at a lower priority of the operating system, so that compactions do not slow the
/// threads that answer.
package final class ThreadWorkers: Workers {
    private let core = WorkerCore()
    private let threads: Mutex<[pthread_t]>

    /// Starts `count` threads, at least two, and those for urgent jobs; one of the others stays free of low-priority jobs.
    package init(count: Int) {
        var started: [pthread_t] = []
        // While one waits for the device, the other makes memory ready.
        var kinds = [WorkPriority.urgent, .urgent, .high]
        kinds += Array(repeating: .low, count: max(1, count - 1))
        for lowest in kinds {
            let start = WorkerStart(core: core, lowest: lowest)
            var thread = pthread_t()
            // Safety: the new thread takes over the retained reference and releases it once.
            let argument = unsafe Unmanaged.passRetained(start).toOpaque()
            let failure = unsafe pthread_create(
                &thread, nil,
                { argument in
                    // Safety: the argument is the reference that was retained for this thread.
                    guard let argument = unsafe argument else { return nil }
                    let start = unsafe Unmanaged<WorkerStart>.fromOpaque(argument)
                        .takeRetainedValue()
                    start.core.run(downTo: start.lowest)
                    return nil
                }, argument)
            if failure == 0 {
                started.append(thread)
            } else {
                // Safety: no thread took the reference.
                unsafe Unmanaged<WorkerStart>.fromOpaque(argument).release()
            }
        }
        core.adopt(threadCount: started.count)
        threads = Mutex(started)
    }

    deinit { shutDown() }

    /// Queues a job; dropped after `shutDown`.
    package func submit(_ priority: WorkPriority, _ job: @escaping @Sendable () -> Void) {
        core.submit(priority, job)
    }

    /// Waits until nothing waits or runs; must not be called from a job.
    package func drain() { core.drain() }

    /// Drops what waits, lets what runs end, and ends the threads.
    package func shutDown() {
        core.stop()
        let ended = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        for thread in ended {
            if pthread_equal(thread, pthread_self()) != 0 {
                // The last reference went away inside a job: this thread ends by itself.
                pthread_detach(thread)
            } else {
                // Each thread is joined once, since the list was emptied above.
                _ = pthread_join(thread, nil)
            }
        }
    }
}

/// What a new thread is told.
private final class WorkerStart: Sendable {
    let core: WorkerCore
    /// The least urgent jobs that it takes.
    let lowest: WorkPriority

    init(core: WorkerCore, lowest: WorkPriority) {
        self.core = core
        self.lowest = lowest
    }
}

/// The queues and the conditions that threads wait for.
// Safety: `queues`, `runningCount`, `idleCounts` and `isStopped` are touched only while
// `mutex` is held; the mutex and the conditions are initialized before use and freed at the end.
@safe private final class WorkerCore: @unchecked Sendable {
    private typealias Job = @Sendable () -> Void
    private static let lowPrioritySteps: Int32 = 5

    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    /// For the threads of each lowest priority, and for those who drain.
    private let wakes = UnsafeMutablePointer<pthread_cond_t>.allocate(
        capacity: WorkPriority.allCases.count)
    private let becameIdle = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var queues = WorkPriority.allCases.map { _ in JobQueue() }
    private var runningCount = 0
    private var threadCount = 0
    /// How many threads of each lowest priority wait for a job.
    private var idleCounts = WorkPriority.allCases.map { _ in 0 }
    private var isStopped = false

    init() {
        // Safety: the memory was allocated above, for one value each.
        unsafe pthread_mutex_init(mutex, nil)
        for priority in WorkPriority.allCases {
            unsafe pthread_cond_init(wakes + priority.rawValue, nil)
        }
        unsafe pthread_cond_init(becameIdle, nil)
    }

    deinit {
        // Safety: every thread holds a reference to this object, so none waits any more.
        unsafe pthread_cond_destroy(becameIdle)
        for priority in WorkPriority.allCases {
            unsafe pthread_cond_destroy(wakes + priority.rawValue)
        }
        unsafe pthread_mutex_destroy(mutex)
        unsafe becameIdle.deallocate()
        unsafe wakes.deallocate()
        unsafe mutex.deallocate()
    }

    /// Says how many threads there are; with none, `submit` runs jobs itself.
    func adopt(threadCount: Int) { locked { self.threadCount = threadCount } }

    func submit(_ priority: WorkPriority, _ job: @escaping @Sendable () -> Void) {
        let runsHere = locked { () -> Bool in
            guard !isStopped else { return false }
            guard threadCount > 0 else { return true }
            queues[priority.rawValue].append(job)
            wakeOne(for: priority.rawValue)
            return false
        }
        if runsHere { job() }
    }

    /// Wakes who is idle and takes fewest kinds of jobs; when nobody is, the job waits in its queue.
    private func wakeOne(for queue: Int) {
        guard let fit = (queue..<idleCounts.count).first(where: { idleCounts[$0] > 0 }) else {
            return
        }
        // Safety: the conditions live as long as this object.
        unsafe pthread_cond_signal(wakes + fit)
    }

    func run(downTo lowest: WorkPriority) {
        if lowest == .low { silt_lower_thread_priority(WorkerCore.lowPrioritySteps) }
        while let job = nextJob(downTo: lowest) {
            job()
            locked {
                runningCount -= 1
                // Safety: the condition is initialized and the mutex is held.
                if isIdle { unsafe pthread_cond_broadcast(becameIdle) }
            }
        }
    }

    func drain() {
        locked {
            // Safety: the mutex is held, as waiting requires.
            while !isIdle { unsafe pthread_cond_wait(becameIdle, mutex) }
        }
    }

    func stop() {
        // The dropped jobs go away outside the lock: they may hold the last reference to an owner
        // that stops this object in turn.
        let dropped = locked { () -> [JobQueue] in
            let waiting = queues
            isStopped = true
            for index in queues.indices { queues[index] = JobQueue() }
            // Safety: the conditions live as long as this object.
            for priority in WorkPriority.allCases {
                unsafe pthread_cond_broadcast(wakes + priority.rawValue)
            }
            if isIdle { unsafe pthread_cond_broadcast(becameIdle) }
            return waiting
        }
        withExtendedLifetime(dropped) {}
    }

    private var isIdle: Bool { runningCount == 0 && queues.allSatisfy(\.isEmpty) }

    private func nextJob(downTo lowest: WorkPriority) -> Job? {
        locked {
            while true {
                if isStopped { return nil }
                if let queue = (0...lowest.rawValue).first(where: { !queues[$0].isEmpty }) {
                    runningCount += 1
                    defer {
                        // Two jobs may have woken the same thread.
                        for rest in queues.indices where !queues[rest].isEmpty {
                            wakeOne(for: rest)
                        }
                    }
                    return queues[queue].removeFirst()
                }
                idleCounts[lowest.rawValue] += 1
                // Safety: the mutex is held, as waiting requires.
                unsafe pthread_cond_wait(wakes + lowest.rawValue, mutex)
                idleCounts[lowest.rawValue] -= 1
            }
        }
    }

    private func locked<Result>(_ body: () -> Result) -> Result {
        // Safety: the mutex lives as long as this object and is unlocked by the same thread.
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return body()
    }
}

/// A queue that takes from its front in constant time.
private struct JobQueue {
    private var jobs: [(@Sendable () -> Void)?] = []
    private var head = 0

    var isEmpty: Bool { head == jobs.count }

    mutating func append(_ job: @escaping @Sendable () -> Void) { jobs.append(job) }

    mutating func removeFirst() -> (@Sendable () -> Void)? {
        guard head < jobs.count else { return nil }
        defer {
            jobs[head] = nil
            head += 1
            if head == jobs.count {
                jobs.removeAll(keepingCapacity: true)
                head = 0
            }
        }
        return jobs[head]
    }
}
