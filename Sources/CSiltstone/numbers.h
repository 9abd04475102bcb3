// Short numbers in text, eight digits at a time; shared by the scans of plain records.
#pragma once
#include "csiltstone.h"
#include <string.h>

static const uint64_t ones = 0x0101010101010101ull;

static inline uint64_t load8(const uint8_t *p) {
    uint64_t v;
    memcpy(&v, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

static const uint64_t zero_digits = 0x3030303030303030ull;
static const uint64_t scales[9] = {1,      10,      100,      1000,     10000,
                                   100000, 1000000, 10000000, 100000000};
static const double powers[16] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                  1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

// The first n bytes of a word, n from 1 to 8, behind as many zeros as are missing.
static inline uint64_t padded(uint64_t word, size_t n) {
    unsigned shift = (unsigned)(64 - n * 8);
    return word << shift | zero_digits >> 1 >> (63 - shift);
}

static inline int are_digits(uint64_t word) {
    uint64_t highs = 0xf0f0f0f0f0f0f0f0ull;
    uint64_t carried = (word + 0x0606060606060606ull) & highs;
    return ((word & highs) | carried >> 4) == 0x3333333333333333ull;
}

// The value of eight digits, the first in the lowest byte: pairs, then fours, then all.
static inline uint64_t value_of(uint64_t word) {
    uint64_t sum = word - zero_digits;
    sum = sum * 10 + (sum >> 8);
    uint64_t mask = 0x000000ff000000ffull;
    return ((sum & mask) * 0x000f424000000064ull + (sum >> 16 & mask) * 0x0000271000000001ull) >> 32;
}

// The place of the first point among eight bytes; 8 when there is none.
static inline size_t point_of(uint64_t word) {
    uint64_t difference = word ^ 0x2e * ones;
    uint64_t hit = (difference - ones) & ~difference & 0x80 * ones;
    return hit == 0 ? 8 : (size_t)__builtin_ctzll(hit) >> 3;
}

static inline void set_int(silt_value *value, uint64_t number) {
    value->tag = SILT_VALUE_INT;
    value->bits = (int64_t)number;
}

static inline void set_double(silt_value *value, double number) {
    value->tag = SILT_VALUE_DOUBLE;
    memcpy(&value->bits, &number, 8);
}

// The number of n bytes, n from 9 to 16, that are digits with a point among them; 0 for every other form.
static inline int long_decimal(uint64_t first, uint64_t second, size_t n, silt_value *value) {
    uint64_t before;
    size_t place = point_of(first);
    if (place < 8) {
        before = (1ull << (place * 8)) - 1;
        first = (first & before) | (first >> 8 & ~before) | second << 56;
        second >>= 8;
    } else {
        place += point_of(second);
        if (place >= n) return 0;
        before = (1ull << ((place - 8) * 8)) - 1;
        second = (second & before) | (second >> 8 & ~before);
    }
    if (!are_digits(first)) return 0;
    uint64_t number = value_of(first);
    if (n > 9) {
        second = padded(second, n - 9);
        if (!are_digits(second)) return 0;
        number = number * scales[n - 9] + value_of(second);
    }
    // Fifteen digits at most, and a power that a double holds: the quotient is the nearest double.
    set_double(value, (double)number / powers[n - 1 - place]);
    return 1;
}

// The number that n bytes are: up to 16 digits, or up to 15 with a point among them; 0 for every other form.
static inline __attribute__((always_inline)) int plain_number(const uint8_t *p, size_t n, silt_value *value) {
    if (n == 0 || n > 16) return 0;
    uint64_t first = load8(p);
    if (n > 8) {
        uint64_t second = load8(p + 8);
        uint64_t digits = padded(second, n - 8);
        if (!are_digits(first) || !are_digits(digits)) return long_decimal(first, second, n, value);
        set_int(value, value_of(first) * scales[n - 8] + value_of(digits));
        return 1;
    }
    size_t place = point_of(first);
    if (place >= n) {
        uint64_t digits = padded(first, n);
        if (!are_digits(digits)) return 0;
        set_int(value, value_of(digits));
        return 1;
    }
    if (n == 1) return 0;
    uint64_t before = (1ull << (place * 8)) - 1;
    uint64_t digits = padded((first & before) | (first >> 8 & ~before), n - 1);
    if (!are_digits(digits)) return 0;
    set_double(value, (double)value_of(digits) / powers[n - 1 - place]);
    return 1;
}
