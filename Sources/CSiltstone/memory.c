#include "siltmemory.h"
#include <sched.h>
#include <sys/mman.h>

void *silt_map(size_t n, size_t small) {
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) return NULL;
    // A hint: a kernel without huge pages says no, and small pages do.
    if (n > small) (void)madvise((char *)p + small, n - small, MADV_HUGEPAGE);
    return p;
}

void silt_unmap(void *p, size_t n) { munmap(p, n); }

void silt_yield(void) { sched_yield(); }
