import Glibc
import Synchronization

// Safety: the mutex and the condition are initialized before use, freed when nobody can use the
// lock any more, and guard nothing but the waiting; the counts are atomics.
/// A lock that many may hold to read, or one to write.
///
/// Any thread may give it back.
///
/// Writers come first: once one waits, new readers wait behind it. Not recursive. It is no object, so that many can lie side by side
/// and be held without counting references.
@safe package struct ReadWriteLock: ~Copyable, @unchecked Sendable {
    /// The number of readers; -1 when a writer has it.
    private let holders = Atomic<Int>(0)
    private let waitingCount = Atomic<Int>(0)
    private let waitingWriterCount = Atomic<Int>(0)
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let released = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    /// A lock that nobody holds.
    package init() {
        // Safety: the memory was allocated above, for one value each.
        unsafe pthread_mutex_init(mutex, nil)
        unsafe pthread_cond_init(released, nil)
    }

    deinit {
        // Safety: whoever waits borrows the lock, so nobody does.
        unsafe pthread_cond_destroy(released)
        unsafe pthread_mutex_destroy(mutex)
        unsafe released.deallocate()
        unsafe mutex.deallocate()
    }

    /// Waits until no writer holds it or waits for it, and holds it to read.
    package func lockShared() {
        if tryShared() { return }
        wait(asWriter: false) { tryShared() }
    }

    /// Waits until nobody holds it, and holds it to write.
    package func lockExclusive() {
        if tryExclusive() { return }
        wait(asWriter: true) { tryExclusive() }
    }

    /// Gives up one reader's hold.
    package func unlockShared() {
        holders.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        wakeWaiting()
    }

    /// Gives up the writer's hold.
    package func unlockExclusive() {
        holders.store(0, ordering: .sequentiallyConsistent)
        wakeWaiting()
    }

    private func tryShared() -> Bool {
        guard waitingWriterCount.load(ordering: .sequentiallyConsistent) == 0 else { return false }
        var count = holders.load(ordering: .sequentiallyConsistent)
        while count >= 0 {
            let (done, seen) = holders.compareExchange(
                expected: count, desired: count + 1, ordering: .sequentiallyConsistent)
            if done { return true }
            count = seen
        }
        return false
    }

    private func tryExclusive() -> Bool {
        holders.compareExchange(
            expected: 0, desired: -1, ordering: .sequentiallyConsistent
        ).exchanged
    }

    /// Sleeps until `take` succeeds.
    ///
    /// Pairing: a waiter raises `waitingCount` before it looks at `holders`, and whoever lets go
    /// changes `holders` before looking at `waitingCount`; so one of the two sees the other, and the
    /// mutex keeps the wake-up from falling between the look and the sleep.
    private func wait(asWriter: Bool, _ take: () -> Bool) {
        // Safety: the mutex and condition live as long as the lock; the mutex is held to wait.
        unsafe pthread_mutex_lock(mutex)
        waitingCount.add(1, ordering: .sequentiallyConsistent)
        if asWriter { waitingWriterCount.add(1, ordering: .sequentiallyConsistent) }
        while !take() { unsafe pthread_cond_wait(released, mutex) }
        if asWriter { waitingWriterCount.subtract(1, ordering: .sequentiallyConsistent) }
        waitingCount.subtract(1, ordering: .sequentiallyConsistent)
        unsafe pthread_mutex_unlock(mutex)
    }

    private func wakeWaiting() {
        guard waitingCount.load(ordering: .sequentiallyConsistent) > 0 else { return }
        // Safety: the mutex and condition live as long as the lock.
        unsafe pthread_mutex_lock(mutex)
        unsafe pthread_cond_broadcast(released)
        unsafe pthread_mutex_unlock(mutex)
    }
}
