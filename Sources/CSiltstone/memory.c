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

void silt_unmap(void *p, size_t n) {
    // Newer kernels free the pages with the lock of this mapping alone, where unmapping them takes that of the whole address space.
    (void)madvise(p, n, MADV_DONTNEED);
    munmap(p, n);
}

void silt_unmap_pages(void *p, size_t n) { (void)madvise(p, n, MADV_DONTNEED); }

// Adds nothing to a word, so that its page must be there and writable; what others write to it meanwhile is not lost.
static void touch(uint32_t *word) {
#if defined(__x86_64__)
    // Compilers make a load of an addition of 0 here.
    __asm__ volatile("lock addl $0, %0" : "+m"(*word) : : "cc");
#else
    (void)__atomic_fetch_add(word, 0, __ATOMIC_RELAXED);
#endif
}

void silt_populate(void *p, size_t n) {
    // Not MADV_POPULATE_WRITE: it holds the lock of the whole address space until all pages are there, while others must wait to map
    // memory, some of them with malloc's locks held. A fault locks only the mapping that it is in.
    const uintptr_t page = 4096, end = (uintptr_t)p + n;
    for (uintptr_t at = (uintptr_t)p; at < end; at = (at & ~(page - 1)) + page) touch((uint32_t *)(at & ~(uintptr_t)3));
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
