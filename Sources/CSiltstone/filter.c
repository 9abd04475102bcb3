// Split-block bloom filter: 32-byte blocks of eight 32-bit lanes, one bit set in each lane a key.
// The layout and the salts are part of the format: docs/format/filter.md.
#include "csiltstone.h"
#include <string.h>

static const uint32_t salt[8] = {0x47b6137bu, 0x44974d91u, 0x8824ad5bu, 0xa2b7289du,
                                 0x705495c7u, 0x2df1424bu, 0x9efc4947u, 0x5c6bfb31u};

static inline size_t block_of(uint32_t count, uint64_t hash) {
    return (size_t)(((hash >> 32) * (uint64_t)count) >> 32);
}

void silt_filter_add(void *blocks, uint32_t count, const uint64_t *hashes, size_t n) {
    if (count == 0) return;
    for (size_t i = 0; i < n; i++) {
        uint8_t *block = (uint8_t *)blocks + block_of(count, hashes[i]) * 32;
        for (int lane = 0; lane < 8; lane++) {
            uint32_t bit = ((uint32_t)hashes[i] * salt[lane]) >> 27;
            block[lane * 4 + (bit >> 3)] |= (uint8_t)(1u << (bit & 7));
        }
    }
}

static int contains_portable(const uint8_t *block, uint32_t key) {
    for (int lane = 0; lane < 8; lane++) {
        uint32_t bit = (key * salt[lane]) >> 27;
        if (!(block[lane * 4 + (bit >> 3)] >> (bit & 7) & 1)) return 0;
    }
    return 1;
}

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx2"))) static int contains_avx2(const uint8_t *block, uint32_t key) {
    __m256i salts = _mm256_loadu_si256((const __m256i *)salt);
    __m256i shifts = _mm256_srli_epi32(_mm256_mullo_epi32(_mm256_set1_epi32((int)key), salts), 27);
    __m256i mask = _mm256_sllv_epi32(_mm256_set1_epi32(1), shifts);
    return _mm256_testc_si256(_mm256_loadu_si256((const __m256i *)block), mask);
}

static int has_avx2;

__attribute__((constructor)) static void find_avx2(void) {
    __builtin_cpu_init();
    has_avx2 = __builtin_cpu_supports("avx2") != 0;
}
#endif

int silt_filter_contains(const void *blocks, uint32_t count, uint64_t hash) {
    if (count == 0) return 1;
    const uint8_t *block = (const uint8_t *)blocks + block_of(count, hash) * 32;
#if defined(__x86_64__)
    if (has_avx2) return contains_avx2(block, (uint32_t)hash);
#endif
    return contains_portable(block, (uint32_t)hash);
}

int silt_filter_contains_portable(const void *blocks, uint32_t count, uint64_t hash) {
    if (count == 0) return 1;
    return contains_portable((const uint8_t *)blocks + block_of(count, hash) * 32, (uint32_t)hash);
}
