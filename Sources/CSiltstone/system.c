#define _GNU_SOURCE
#include "csiltstone.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/resource.h>

int silt_random(void *data, size_t n) {
    unsigned char *p = data;
    while (n > 0) {
        ssize_t got = getrandom(p, n, 0);
        if (got < 0) {
            if (errno == EINTR) continue;
            return errno;
        }
        p += got;
        n -= (size_t)got;
    }
    return 0;
}

void silt_lower_thread_priority(int steps) {
    // On Linux a priority set for "process 0" is the calling thread's alone.
    errno = 0;
    int now = getpriority(PRIO_PROCESS, 0);
    if (now == -1 && errno != 0) return;
    (void)setpriority(PRIO_PROCESS, 0, now + steps);
}

void silt_start_writeback(int descriptor, int64_t offset, int64_t count) {
    (void)sync_file_range(descriptor, offset, count, SYNC_FILE_RANGE_WRITE);
}

int silt_is_sole_user(int descriptor) { return fcntl(descriptor, F_SETLEASE, F_WRLCK) == 0; }
