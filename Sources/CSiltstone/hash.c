// wyhash final version 4.2 (Wang Yi, public domain), restated: reads little-endian, portable, fixed forever.
#include "csiltstone.h"
#include <string.h>

static const uint64_t secret[4] = {0x2d358dccaa6c78a5ull, 0x8bb84b93962eacc9ull, 0x4b33a62ed433d4a3ull,
                                   0x4d5a2da51de1aa47ull};

static inline void multiply(uint64_t *a, uint64_t *b) {
    __uint128_t r = (__uint128_t)*a * *b;
    *a = (uint64_t)r;
    *b = (uint64_t)(r >> 64);
}

static inline uint64_t mix(uint64_t a, uint64_t b) {
    multiply(&a, &b);
    return a ^ b;
}

static inline uint64_t read8(const uint8_t *p) {
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}

static inline uint64_t read4(const uint8_t *p) {
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}

static inline uint64_t read3(const uint8_t *p, size_t n) {
    return ((uint64_t)p[0] << 16) | ((uint64_t)p[n >> 1] << 8) | p[n - 1];
}

uint64_t silt_hash64(const void *data, size_t n, uint64_t seed) {
    const uint8_t *p = data;
    uint64_t a, b;
    seed ^= mix(seed ^ secret[0], secret[1]);
    if (n <= 16) {
        if (n >= 4) {
            a = (read4(p) << 32) | read4(p + ((n >> 3) << 2));
            b = (read4(p + n - 4) << 32) | read4(p + n - 4 - ((n >> 3) << 2));
        } else if (n > 0) {
            a = read3(p, n);
            b = 0;
        } else {
            a = b = 0;
        }
    } else {
        size_t i = n;
        if (i >= 48) {
            uint64_t see1 = seed, see2 = seed;
            do {
                seed = mix(read8(p) ^ secret[1], read8(p + 8) ^ seed);
                see1 = mix(read8(p + 16) ^ secret[2], read8(p + 24) ^ see1);
                see2 = mix(read8(p + 32) ^ secret[3], read8(p + 40) ^ see2);
                p += 48;
                i -= 48;
            } while (i >= 48);
            seed ^= see1 ^ see2;
        }
        while (i > 16) {
            seed = mix(read8(p) ^ secret[1], read8(p + 8) ^ seed);
            i -= 16;
            p += 16;
        }
        a = read8(p + i - 16);
        b = read8(p + i - 8);
    }
    a ^= secret[1];
    b ^= seed;
    multiply(&a, &b);
    return mix(a ^ secret[0] ^ n, b ^ secret[1]);
}
