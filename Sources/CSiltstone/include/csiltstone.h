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
