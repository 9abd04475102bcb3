#include "csiltstone.h"
#include <string.h>

#define POLYNOMIAL 0x82f63b78u

static uint32_t crc_table[8][256];

__attribute__((constructor)) static void fill_table(void) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++) c = (c >> 1) ^ (POLYNOMIAL & (0u - (c & 1)));
        crc_table[0][i] = c;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int t = 1; t < 8; t++)
            crc_table[t][i] = (crc_table[t - 1][i] >> 8) ^ crc_table[0][crc_table[t - 1][i] & 0xff];
}

static uint32_t crc_portable(uint32_t seed, const uint8_t *p, size_t n) {
    uint32_t c = ~seed;
    while (n >= 8) {
        uint64_t v;
        memcpy(&v, p, 8);
        v ^= c;
        c = crc_table[7][v & 0xff] ^ crc_table[6][(v >> 8) & 0xff] ^ crc_table[5][(v >> 16) & 0xff] ^
            crc_table[4][(v >> 24) & 0xff] ^ crc_table[3][(v >> 32) & 0xff] ^
            crc_table[2][(v >> 40) & 0xff] ^ crc_table[1][(v >> 48) & 0xff] ^ crc_table[0][v >> 56];
        p += 8;
        n -= 8;
    }
    while (n--) c = (c >> 8) ^ crc_table[0][(c ^ *p++) & 0xff];
    return ~c;
}

#if defined(__x86_64__)
#include <immintrin.h>

// Long lanes for what is long, short ones for what is left of it.
enum { lane_long = 1024, lane_short = 128 };

// x^n mod P, bits reflected: what shifts a lane's checksum over the lanes after it.
static uint32_t power_of_x(size_t n) {
    uint32_t r = 0x80000000u;
    for (size_t i = 0; i < n; i++) r = (r >> 1) ^ ((r & 1) ? POLYNOMIAL : 0);
    return r;
}

// Over one lane, and over two.
static uint64_t shifts_long[2], shifts_short[2];

__attribute__((constructor)) static void fill_shifts(void) {
    for (int i = 0; i < 2; i++) {
        shifts_long[i] = power_of_x((size_t)(i + 1) * 8 * lane_long - 33);
        shifts_short[i] = power_of_x((size_t)(i + 1) * 8 * lane_short - 33);
    }
}

__attribute__((target("sse4.2,pclmul"))) static uint32_t shifted(uint32_t c, uint64_t k) {
    __m128i r = _mm_clmulepi64_si128(_mm_cvtsi32_si128((int)c), _mm_cvtsi64_si128((long long)k), 0);
    return (uint32_t)_mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(r));
}

// Three lanes at once, joined by carry-less multiplication (Gopal et al., Intel, 2011).
__attribute__((target("sse4.2,pclmul"), always_inline)) static inline uint64_t
crc_lanes(uint64_t c0, const uint8_t *p, size_t lane, const uint64_t *shifts) {
    uint64_t c1 = 0, c2 = 0;
    for (const uint8_t *e = p + lane; p < e; p += 8) {
        uint64_t a, b, c;
        memcpy(&a, p, 8);
        memcpy(&b, p + lane, 8);
        memcpy(&c, p + 2 * lane, 8);
        c0 = _mm_crc32_u64(c0, a);
        c1 = _mm_crc32_u64(c1, b);
        c2 = _mm_crc32_u64(c2, c);
    }
    return shifted((uint32_t)c0, shifts[1]) ^ shifted((uint32_t)c1, shifts[0]) ^ c2;
}

__attribute__((target("sse4.2,pclmul"))) static uint32_t crc_hardware(uint32_t seed, const uint8_t *p,
                                                                      size_t n) {
    uint64_t c0 = (uint32_t)~seed;
    for (; n >= 3 * lane_long; p += 3 * lane_long, n -= 3 * lane_long)
        c0 = crc_lanes(c0, p, lane_long, shifts_long);
    for (; n >= 3 * lane_short; p += 3 * lane_short, n -= 3 * lane_short)
        c0 = crc_lanes(c0, p, lane_short, shifts_short);
    while (n >= 8) {
        uint64_t v;
        memcpy(&v, p, 8);
        c0 = _mm_crc32_u64(c0, v);
        p += 8;
        n -= 8;
    }
    while (n--) c0 = _mm_crc32_u8((uint32_t)c0, *p++);
    return ~(uint32_t)c0;
}
#endif

uint32_t silt_crc32c(uint32_t seed, const void *data, size_t n) {
#if defined(__x86_64__)
    static int hardware = -1;
    if (hardware < 0) hardware = __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul");
    if (hardware) return crc_hardware(seed, data, n);
#endif
    return crc_portable(seed, data, n);
}

uint32_t silt_crc32c_portable(uint32_t seed, const void *data, size_t n) { return crc_portable(seed, data, n); }
