// Processor intrinsics and system calls that Swift's Glibc module does not carry.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// CRC-32C of n bytes at data, continuing from seed (0 at first).
uint32_t silt_crc32c(uint32_t seed, const void *data, size_t n);

/// 64-bit hash (wyhash, fixed forever: docs/format/filter.md).
uint64_t silt_hash64(const void *data, size_t n, uint64_t seed);

/// The same checksum without the processor's instruction: what other machines compute.
uint32_t silt_crc32c_portable(uint32_t seed, const void *data, size_t n);

/// Fills n bytes from the kernel's random source; 0 or an errno.
int silt_random(void *data, size_t n);

/// Makes the calling thread nicer by `steps`; best effort.
void silt_lower_thread_priority(int steps);

/// Begins to write dirty pages of a range back without waiting; best effort.
void silt_start_writeback(int descriptor, int64_t offset, int64_t count);

/// Sets the bits of n hashes in a split-block filter of count 32-byte blocks (docs/format/filter.md).
void silt_filter_add(void *blocks, uint32_t count, const uint64_t *hashes, size_t n);

/// Whether the filter may hold the hash (1) or surely does not (0); AVX2 where the processor has it.
int silt_filter_contains(const void *blocks, uint32_t count, uint64_t hash);

/// The same without vector instructions, for comparison in tests.
int silt_filter_contains_portable(const void *blocks, uint32_t count, uint64_t hash);

/// Byte-wise comparison of n bytes: below, at or above 0.
static inline int silt_compare(const void *a, const void *b, size_t n) {
    return n == 0 ? 0 : __builtin_memcmp(a, b, n);
}

/// The offset of the first zero byte, or n.
static inline size_t silt_find_zero(const void *p, size_t n) {
    const void *found = n == 0 ? (const void *)0 : __builtin_memchr(p, 0, n);
    return found ? (size_t)((const char *)found - (const char *)p) : n;
}
