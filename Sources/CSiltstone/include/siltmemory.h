// Comparison of byte strings, and anonymous memory; inline so that Swift's hot loops pay no call.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/// The order of two byte strings: negative, zero or positive. A prefix sorts before what it is a prefix of.
static inline int silt_order(const void *a, size_t an, const void *b, size_t bn) {
    int order = memcmp(a, b, an < bn ? an : bn);
    return order ? order : (an > bn) - (an < bn);
}

/// The number of leading bytes, n at most, that two strings share.
static inline size_t silt_shared(const void *a, const void *b, size_t n) {
    const unsigned char *x = (const unsigned char *)a, *y = (const unsigned char *)b;
    size_t i = 0;
    while (i + 8 <= n) {
        uint64_t p, q;
        memcpy(&p, x + i, 8);
        memcpy(&q, y + i, 8);
        if (p != q) break;
        i += 8;
    }
    while (i < n && x[i] == y[i]) i++;
    return i;
}

/// The first 8 of n bytes as a big-endian number, zeros after the end.
static inline uint64_t silt_prefix(const void *p, size_t n) {
    uint64_t v = 0;
    if (n >= 8) {
        memcpy(&v, p, 8);
        return __builtin_bswap64(v);
    }
    const unsigned char *x = (const unsigned char *)p;
    for (size_t i = 0; i < n; i++) v |= (uint64_t)x[i] << (56 - 8 * i);
    return v;
}

/// The offset of the first zero byte of n, or n.
static inline size_t silt_zero(const void *p, size_t n) {
    const void *z = n ? memchr(p, 0, n) : 0;
    return z ? (size_t)((const char *)z - (const char *)p) : n;
}

/// Asks the processor to fetch a cache line.
static inline void silt_prefetch(const void *p) { __builtin_prefetch(p); }

/// Asks the processor to fetch the cache lines of n bytes, all at once.
static inline void silt_prefetch_all(const void *p, size_t n) {
    for (size_t i = 0; i < n; i += 64) __builtin_prefetch((const char *)p + i);
}

/// n bytes of zeroed memory, backed only where touched; huge pages after the first `small` bytes. NULL when there is none.
void *silt_map(size_t n, size_t small);

/// Gives back what silt_map returned.
void silt_unmap(void *p, size_t n);

/// Drops the pages of a shared file mapping from the address space; what was written to them stays in the file.
void silt_unmap_pages(void *p, size_t n);

/// Has the n bytes at p, of a writable mapping, backed by memory; slow so that others need not be. What others write there meanwhile
/// stays. Of a file every block must be allocated: a page that cannot be had ends the process, as writing to it would.
void silt_populate(void *p, size_t n);

/// Has malloc of the whole process give back what is freed: large pieces at once, small ones from few arenas. By itself glibc lets
/// each thread keep up to as much as the largest piece that was ever freed, 32 MiB at most. Best effort.
void silt_return_freed(void);

/// n bytes, aligned to 16, for what is kept long and is some kilobytes large; any thread may give them back. NULL when there are none.
void *silt_pool_take(size_t n);

/// Gives back the n bytes that silt_pool_take returned.
void silt_pool_give(void *p, size_t n);

/// Whether pieces of n bytes come from huge pages, and fewer than `wanted` free slabs of them are there.
int silt_pool_lacks_slabs(size_t n, unsigned wanted);

/// Makes a slab for pieces of n bytes ahead, with its memory; 0 when there is none.
int silt_pool_make_slab(size_t n);

/// What n bytes of the pool take of the process's memory.
size_t silt_pool_bytes(size_t n);

/// Lets other threads run.
void silt_yield(void);

/// Waits for some cycles while another processor gets on.
static inline void silt_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

/// Writes n bytes to `to`, each 0 as 1 1 and each 1 as 1 2, then a 0; room for 2 n + 1 is needed. How many were written.
static inline size_t silt_escape(void *to, const void *from, size_t n) {
    unsigned char *start = (unsigned char *)to, *out = start;
    const unsigned char *in = (const unsigned char *)from;
    size_t i = 0;
    while (i + 8 <= n) {
        uint64_t v;
        memcpy(&v, in + i, 8);
        // Bytes of 0 or 1 borrow from their high bit when 2 is taken away; a borrow may give a false alarm, never miss one.
        if (((v - 0x0202020202020202ull) & ~v & 0x8080808080808080ull) == 0) {
            memcpy(out, &v, 8);
            out += 8;
            i += 8;
            continue;
        }
        for (size_t end = i + 8; i < end; i++) {
            unsigned char c = in[i];
            out[0] = c <= 1 ? 1 : c;
            out[1] = (unsigned char)(c + 1);
            out += 1 + (c <= 1);
        }
    }
    for (; i < n; i++) {
        unsigned char c = in[i];
        out[0] = c <= 1 ? 1 : c;
        out[1] = (unsigned char)(c + 1);
        out += 1 + (c <= 1);
    }
    *out++ = 0;
    return (size_t)(out - start);
}
