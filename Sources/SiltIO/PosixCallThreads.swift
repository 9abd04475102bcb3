import Glibc

// Safety: `jobs`, `head` and `isStopped` are touched only while `mutex` is held; the mutex and the
// condition are initialized before use and freed when no thread holds a reference any more.
/// Threads that run blocking calls for callers who must not block, first come first served.
///
/// Unlike `Workers`, these serve callers who wait, so they run at the process's own priority.
@safe package final class CallThreads: @unchecked Sendable {
    /// A call.
    package typealias Job = @Sendable () -> Void

    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let wakes = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var jobs: [Job?] = []
    private var head = 0
    private var isStopped = false

    /// Starts `count` threads, at least one.
    package init(count: Int) {
        // Safety: the memory was allocated above, for one value each.
        unsafe pthread_mutex_init(mutex, nil)
        unsafe pthread_cond_init(wakes, nil)
        for _ in 0..<max(1, count) {
            var thread = pthread_t()
            // Safety: the new thread takes over the retained reference and releases it once.
            let argument = unsafe Unmanaged.passRetained(self).toOpaque()
            let failure = unsafe pthread_create(
                &thread, nil,
                { argument in
                    // Safety: the argument is the reference that was retained for this thread.
                    guard let argument = unsafe argument else { return nil }
                    let threads = unsafe Unmanaged<CallThreads>.fromOpaque(argument)
                        .takeRetainedValue()
                    while let job = threads.nextJob() { job() }
                    return nil
                }, argument)
            if failure == 0 {
                pthread_detach(thread)
                startedCount += 1
            } else {
                // Safety: no thread took the reference.
                unsafe Unmanaged<CallThreads>.fromOpaque(argument).release()
            }
        }
    }

    /// The threads that could be started; with none, `submit` runs jobs itself.
    private var startedCount = 0

    deinit {
        // Safety: every thread holds a reference to this object, so none waits any more.
        unsafe pthread_cond_destroy(wakes)
        unsafe pthread_mutex_destroy(mutex)
        unsafe wakes.deallocate()
        unsafe mutex.deallocate()
    }

    /// Queues a job.
    ///
    /// - Returns: `false` after `stop`; then the job does not run.
    package func submit(_ job: @escaping Job) -> Bool {
        // Safety: the mutex and condition live as long as this object.
        unsafe pthread_mutex_lock(mutex)
        if isStopped || startedCount == 0 {
            let isRefused = isStopped
            unsafe pthread_mutex_unlock(mutex)
            if !isRefused { job() }
            return !isRefused
        }
        jobs.append(job)
        unsafe pthread_cond_signal(wakes)
        unsafe pthread_mutex_unlock(mutex)
        return true
    }

    /// Ends the threads once what is queued has run; later jobs are refused.
    package func stop() {
        // Safety: the mutex and condition live as long as this object.
        unsafe pthread_mutex_lock(mutex)
        isStopped = true
        unsafe pthread_cond_broadcast(wakes)
        unsafe pthread_mutex_unlock(mutex)
    }

    private func nextJob() -> Job? {
        // Safety: the mutex lives as long as this object and is held to wait.
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while head == jobs.count {
            if isStopped { return nil }
            unsafe pthread_cond_wait(wakes, mutex)
        }
        let job = jobs[head]
        jobs[head] = nil
        head += 1
        if head == jobs.count {
            jobs.removeAll(keepingCapacity: true)
            head = 0
        }
        return job
    }
}
