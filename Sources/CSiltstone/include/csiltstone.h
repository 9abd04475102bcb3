// Processor intrinsics and system calls that Swift's Glibc module does not carry.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// CRC-32C of n bytes at data, continuing from seed (0 at first).
uint32_t silt_crc32c(uint32_t seed, const void *data, size_t n);

/// 64-bit hash (wyhash, fixed forever: docs/format/filter.md).
uint64_t silt_hash64(const void *data, size_t n, uint64_t seed);
