#define _GNU_SOURCE
#include "siltmemory.h"
#include <sched.h>
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <sys/mman.h>

void *silt_map(size_t n, size_t small) {
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) return NULL;
    // A hint: a kernel without huge pages says no, and small pages do.
    if (n > small) (void)madvise((char *)p + small, n - small, MADV_HUGEPAGE);
    return p;
}

void silt_unmap(void *p, size_t n) { munmap(p, n); }

void silt_unmap_pages(void *p, size_t n) { (void)madvise(p, n, MADV_DONTNEED); }

void silt_populate(void *p, size_t n) {
#ifdef MADV_POPULATE_WRITE
    // Older kernels refuse: then each page is made when it is touched first.
    (void)madvise(p, n, MADV_POPULATE_WRITE);
#else
    (void)p;
    (void)n;
#endif
}

void silt_return_freed(void) {
#ifdef __GLIBC__
    // Setting any of these ends their growth with what is freed.
    (void)mallopt(M_MMAP_THRESHOLD, 256 << 10);
    (void)mallopt(M_TRIM_THRESHOLD, 512 << 10);
    (void)mallopt(M_ARENA_MAX, 4);
#endif
}

void silt_yield(void) { sched_yield(); }
