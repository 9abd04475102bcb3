import Glibc

/// A place where one thread waits for a word from another: the first value that is set stays.
// Safety: `value` is touched only while `mutex` is held; both are initialized before use and freed at the end, when nobody can wait
// any more since waiting needs a reference.
@safe package final class Signal: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var value = 0

    /// A signal that is not set.
    package init() {
        // Safety: the memory was allocated above, for one value each.
        unsafe pthread_mutex_init(mutex, nil)
        unsafe pthread_cond_init(changed, nil)
    }

    deinit {
        // Safety: initialized in `init`; nobody waits without a reference.
        unsafe pthread_cond_destroy(changed)
        unsafe pthread_mutex_destroy(mutex)
        unsafe changed.deallocate()
        unsafe mutex.deallocate()
    }

    /// Sets the value, not 0, and wakes who waits.
    ///
    /// 0 resets.
    package func set(_ newValue: Int) {
        // Safety: the mutex lives as long as this object and is unlocked by the same thread.
        unsafe pthread_mutex_lock(mutex)
        value = newValue
        unsafe pthread_cond_broadcast(changed)
        unsafe pthread_mutex_unlock(mutex)
    }

    /// Waits until a value other than 0 is set, and takes it: afterwards the signal is not set.
    package func wait() -> Int {
        // Safety: the mutex is held while waiting, as the condition requires.
        unsafe pthread_mutex_lock(mutex)
        while value == 0 { unsafe pthread_cond_wait(changed, mutex) }
        let taken = value
        value = 0
        unsafe pthread_mutex_unlock(mutex)
        return taken
    }

    /// Waits as `wait` does, but only for about so long: then the answer is 0.
    package func wait(milliseconds: Int) -> Int {
        var end = timespec()
        // Safety: the mutex is held while waiting; `end` is a local.
        unsafe clock_gettime(CLOCK_REALTIME, &end)
        let nanoseconds = Int(end.tv_nsec) + milliseconds % 1_000 * 1_000_000
        end.tv_sec += milliseconds / 1_000 + nanoseconds / 1_000_000_000
        end.tv_nsec = nanoseconds % 1_000_000_000
        unsafe pthread_mutex_lock(mutex)
        while value == 0 {
            if unsafe pthread_cond_timedwait(changed, mutex, &end) != 0 { break }
        }
        let taken = value
        value = 0
        unsafe pthread_mutex_unlock(mutex)
        return taken
    }
}
