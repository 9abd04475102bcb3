#include "csiltstone.h"
#include <string.h>

// Pieces are copied in chunks, beyond their end where source and target have room: that costs less than to be exact.
enum { chunk = 32, short_room = 64, length_max = 15, match_min = 4 };

static inline __attribute__((always_inline)) void copy_chunks(uint8_t *to, const uint8_t *from, size_t n) {
    uint8_t *end = to + n;
    do {
        // One after the other: a match may begin 16 bytes before its target.
        memcpy(to, from, 16);
        memcpy(to + 16, from + 16, 16);
        to += chunk;
        from += chunk;
    } while (to < end);
}

// Copies what begins fewer than 16 bytes before its target, so that it may repeat itself.
static void copy_near(uint8_t *to, size_t offset, size_t n) {
    // Multiples of each offset: the smallest of 8 or more, the largest of 16 or less.
    static const uint8_t back[8] = {0, 8, 8, 9, 8, 10, 12, 14};
    static const uint8_t strides[16] = {16, 16, 16, 15, 16, 15, 12, 14, 16, 9, 10, 11, 12, 13, 14, 15};
    uint8_t *end = to + n;
    const uint8_t *from = to - offset;
    if (offset < 8) {
        for (int i = 0; i < 8; i++) to[i] = from[i];
        memcpy(to + 8, to + 8 - back[offset], 8);
    } else {
        memcpy(to, from, 8);
        memcpy(to + 8, from + 8, 8);
    }
    if (n <= 16) return;
    uint8_t pattern[16];
    memcpy(pattern, to, 16);
    for (to += strides[offset]; to < end; to += strides[offset]) memcpy(to, pattern, 16);
}

static inline __attribute__((always_inline)) void copy_match(uint8_t *to, size_t offset, size_t n) {
    const uint8_t *from = to - offset;
    if (offset >= 8 && n <= 8) {
        // Two halves that overlap, and nothing beyond: what the next piece loads was stored as one.
        memcpy(to, from, 4);
        memcpy(to + n - 4, from + n - 4, 4);
    } else if (offset >= 16) {
        copy_chunks(to, from, n);
    } else {
        copy_near(to, offset, n);
    }
}

// Adds the bytes that follow a length of 15; NULL when the block ends.
static inline __attribute__((always_inline)) const uint8_t *extend(const uint8_t *in, const uint8_t *in_end, size_t *n) {
    unsigned byte;
    do {
        if (in == in_end) return NULL;
        byte = *in++;
        *n += byte;
    } while (byte == 255);
    return in;
}

int silt_lz4_restore(silt_lz4 *block, size_t count) {
    const uint8_t *in = block->in, *const in_end = block->in_end;
    uint8_t *out = block->out, *const start = block->start, *const end = block->end;
    if (count > (size_t)(end - start)) return 0;
    uint8_t *const stop = start + count;
    while (out < stop) {
        if (in == in_end) return 0;
        unsigned token = *in++;
        size_t n = token >> 4, left = (size_t)(in_end - in), room = (size_t)(end - out);
        if (n < length_max && left >= short_room && room >= short_room) {
            // A short piece far from both ends, as keys are made of: nothing but the offset can be wrong.
            memcpy(out, in, 16);
        } else {
            if (n == length_max && !(in = extend(in, in_end, &n))) return 0;
            left = (size_t)(in_end - in);
            if (n + chunk <= left && n + chunk <= room) {
                copy_chunks(out, in, n);
            } else {
                if (n > left || n > room) return 0;
                memcpy(out, in, n);
            }
            // The last piece has no match.
            if (n == left) {
                in += n;
                out += n;
                break;
            }
            if (left - n < 2) return 0;
        }
        in += n;
        out += n;
        size_t offset = (size_t)in[0] | (size_t)in[1] << 8;
        in += 2;
        if (offset == 0 || offset > (size_t)(out - start)) return 0;
        n = (token & length_max) + match_min;
        if (n == length_max + match_min && !(in = extend(in, in_end, &n))) return 0;
        room = (size_t)(end - out);
        if (n + chunk <= room) {
            copy_match(out, offset, n);
        } else {
            if (n > room) return 0;
            const uint8_t *from = out - offset;
            for (size_t i = 0; i < n; i++) out[i] = from[i];
        }
        out += n;
    }
    block->in = in;
    block->out = out;
    return out >= stop && (out < end || in == in_end);
}
