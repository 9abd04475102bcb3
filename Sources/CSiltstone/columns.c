// Plain records straight into columns: times, keys and arguments of jobs that read nothing else.
// 1. The places of all delimiters and newlines of a few thousand bytes are found, 64 bytes at once.
// 2. Each column is read on its own, so that no record waits for the one before.
// As in records.c, whatever is unusual ends the run.
#include "csiltstone.h"
#include "numbers.h"
#include <string.h>

// MARK: Where fields and records end

// The bytes that end fields, those that end records, and those that are not for this way: quotes, and beyond ASCII.
typedef struct {
    uint64_t stops;
    uint64_t lines;
    uint64_t odd;
} marks;

static inline marks marks_portable(const uint8_t *p, uint8_t delimiter) {
    marks found = {0, 0, 0};
    for (unsigned i = 0; i < 64; i++) {
        uint64_t bit = 1ull << i;
        if (p[i] == '\n') found.lines |= bit;
        if (p[i] == '\n' || p[i] == delimiter) found.stops |= bit;
        if (p[i] == '"' || p[i] >= 0x80) found.odd |= bit;
    }
    return found;
}

enum { group_bytes = 4096 };

// What is found in a group of bytes, as places in it. The fields of all records stand one behind the other: field k is from
// edges[k] + 1 to edges[k + 1], the first edge being -1.
typedef struct {
    uint32_t edges[group_bytes + 8];
    uint32_t lines[group_bytes + 8];
    size_t stop_count;
    size_t line_count;
} group;

// Some places are written at once, of which only those that there are count: nothing depends on how many there are.
static inline __attribute__((always_inline)) void note(uint64_t bits, uint32_t base, uint32_t *to, size_t count,
                                                       unsigned together) {
    for (size_t done = 0; done < count; done += together) {
        for (unsigned i = 0; i < together; i++) {
            to[done + i] = base + (uint32_t)__builtin_ctzll(bits | 1ull << 63);
            bits &= bits - 1;
        }
    }
}

// Finds the ends in count bytes up to the first odd one, and no more than about `room` records.
static inline __attribute__((always_inline)) void find_ends(
    const uint8_t *p, size_t count, uint8_t delimiter, size_t room, group *group,
    marks (*marks_of)(const uint8_t *, uint8_t)) {
    size_t stops = 0;
    size_t lines = 0;
    for (size_t at = 0; at < count && lines < room; at += 64) {
        marks found = marks_of(p + at, delimiter);
        uint64_t counts = ~0ull;
        if (count - at < 64) counts = (1ull << (count - at)) - 1;
        if (found.odd != 0) counts &= (found.odd & -found.odd) - 1;
        found.stops &= counts;
        found.lines &= counts;
        size_t more = (size_t)__builtin_popcountll(found.stops);
        note(found.stops, (uint32_t)at, group->edges + 1 + stops, more, 8);
        stops += more;
        more = (size_t)__builtin_popcountll(found.lines);
        note(found.lines, (uint32_t)at, group->lines + lines, more, 2);
        lines += more;
        if (found.odd != 0) break;
    }
    group->edges[0] = UINT32_MAX;
    group->stop_count = stops;
    group->line_count = lines;
}

static void find_ends_portable(const uint8_t *p, size_t count, uint8_t delimiter, size_t room, group *group) {
    find_ends(p, count, delimiter, room, group, marks_portable);
}

#if defined(__x86_64__)
#include <immintrin.h>

static inline __attribute__((always_inline)) marks marks_sse2(const uint8_t *p, uint8_t delimiter) {
    marks found = {0, 0, 0};
    for (unsigned i = 0; i < 4; i++) {
        __m128i v = _mm_loadu_si128((const __m128i *)(p + i * 16));
        __m128i line = _mm_cmpeq_epi8(v, _mm_set1_epi8('\n'));
        __m128i stop = _mm_or_si128(line, _mm_cmpeq_epi8(v, _mm_set1_epi8((char)delimiter)));
        __m128i odd = _mm_or_si128(v, _mm_cmpeq_epi8(v, _mm_set1_epi8('"')));
        found.stops |= (uint64_t)(unsigned)_mm_movemask_epi8(stop) << (i * 16);
        found.lines |= (uint64_t)(unsigned)_mm_movemask_epi8(line) << (i * 16);
        found.odd |= (uint64_t)(unsigned)_mm_movemask_epi8(odd) << (i * 16);
    }
    return found;
}

static void find_ends_sse2(const uint8_t *p, size_t count, uint8_t delimiter, size_t room, group *group) {
    find_ends(p, count, delimiter, room, group, marks_sse2);
}

__attribute__((target("avx2,bmi,popcnt"))) static inline marks marks_avx2(const uint8_t *p, uint8_t delimiter) {
    marks found = {0, 0, 0};
    for (unsigned i = 0; i < 2; i++) {
        __m256i v = _mm256_loadu_si256((const __m256i *)(p + i * 32));
        __m256i line = _mm256_cmpeq_epi8(v, _mm256_set1_epi8('\n'));
        __m256i stop = _mm256_or_si256(line, _mm256_cmpeq_epi8(v, _mm256_set1_epi8((char)delimiter)));
        __m256i odd = _mm256_or_si256(v, _mm256_cmpeq_epi8(v, _mm256_set1_epi8('"')));
        found.stops |= (uint64_t)(unsigned)_mm256_movemask_epi8(stop) << (i * 32);
        found.lines |= (uint64_t)(unsigned)_mm256_movemask_epi8(line) << (i * 32);
        found.odd |= (uint64_t)(unsigned)_mm256_movemask_epi8(odd) << (i * 32);
    }
    return found;
}

__attribute__((target("avx2,bmi,popcnt"))) static void find_ends_avx2(
    const uint8_t *p, size_t count, uint8_t delimiter, size_t room, group *group) {
    find_ends(p, count, delimiter, room, group, marks_avx2);
}

static int has_avx2;

__attribute__((constructor)) static void find_avx2(void) {
    __builtin_cpu_init();
    has_avx2 = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("bmi") != 0 &&
               __builtin_cpu_supports("popcnt") != 0;
}
#elif defined(__aarch64__)
#include <arm_neon.h>

static inline uint64_t bits_of(uint8x16_t hits) {
    static const uint8_t places[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint8x16_t bits = vandq_u8(hits, vld1q_u8(places));
    return (uint64_t)vaddv_u8(vget_low_u8(bits)) | (uint64_t)vaddv_u8(vget_high_u8(bits)) << 8;
}

static inline __attribute__((always_inline)) marks marks_neon(const uint8_t *p, uint8_t delimiter) {
    marks found = {0, 0, 0};
    for (unsigned i = 0; i < 4; i++) {
        uint8x16_t v = vld1q_u8(p + i * 16);
        uint8x16_t line = vceqq_u8(v, vdupq_n_u8('\n'));
        uint8x16_t stop = vorrq_u8(line, vceqq_u8(v, vdupq_n_u8(delimiter)));
        uint8x16_t odd = vorrq_u8(vcgeq_u8(v, vdupq_n_u8(0x80)), vceqq_u8(v, vdupq_n_u8('"')));
        found.stops |= bits_of(stop) << (i * 16);
        found.lines |= bits_of(line) << (i * 16);
        found.odd |= bits_of(odd) << (i * 16);
    }
    return found;
}

static void find_ends_neon(const uint8_t *p, size_t count, uint8_t delimiter, size_t room, group *group) {
    find_ends(p, count, delimiter, room, group, marks_neon);
}
#endif

static inline void find(const uint8_t *p, size_t count, uint8_t delimiter, size_t room, group *group) {
#if defined(__x86_64__)
    if (has_avx2) return find_ends_avx2(p, count, delimiter, room, group);
    find_ends_sse2(p, count, delimiter, room, group);
#elif defined(__aarch64__)
    find_ends_neon(p, count, delimiter, room, group);
#else
    find_ends_portable(p, count, delimiter, room, group);
#endif
}

size_t silt_field_ends(const uint8_t *p, size_t count, uint8_t delimiter, int way, uint32_t *ends, size_t *lines) {
    group group;
    if (count > group_bytes) count = group_bytes;
    if (way == 0) find(p, count, delimiter, SIZE_MAX, &group);
    if (way == 1) find_ends_portable(p, count, delimiter, SIZE_MAX, &group);
#if defined(__x86_64__)
    if (way == 2) find_ends_sse2(p, count, delimiter, SIZE_MAX, &group);
#else
    if (way == 2) find(p, count, delimiter, SIZE_MAX, &group);
#endif
    memcpy(ends, group.edges + 1, group.stop_count * sizeof(uint32_t));
    *lines = group.line_count;
    return group.stop_count;
}

// MARK: Keys

static const uint8_t key_masks[64] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
                                      255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
                                      255, 255, 255, 255, 255, 255, 255, 255, 255, 255};

static inline uint64_t folded(uint64_t a, uint64_t b) {
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t key_hash(const uint64_t words[4], size_t n) {
    uint64_t first = folded(words[0] ^ 0xa0761d6478bd642full, words[1] ^ 0xe7037ed1a0b428dbull ^ n);
    uint64_t second = folded(words[2] ^ 0x8ebc6af09c88c6e3ull, words[3] ^ 0x589965cc75374cc3ull);
    return first ^ (second << 23 | second >> 41);
}

// A place of the table: 26 bits of the hash, the length of the key in 6, and its number plus one; 0 where free.
static inline uint64_t entry_of(uint64_t hash, size_t n, uint32_t number) {
    return hash >> 38 << 38 | (uint64_t)n << 32 | ((uint64_t)number + 1);
}

// The number of the key of n bytes, which it is given when it has none; 0 when there is no more room but could be made.
static inline __attribute__((always_inline)) int number_of(
    silt_keys *keys, const uint8_t *p, size_t n, uint32_t *number) {
    *number = SILT_NO_KEY;
    if (keys->table == NULL || n > 32) {
        keys->missed++;
        return 1;
    }
    uint64_t words[4];
    for (unsigned i = 0; i < 4; i++) words[i] = load8(p + i * 8) & load8(key_masks + 32 - n + i * 8);
    uint64_t hash = key_hash(words, n);
    uint64_t wanted = entry_of(hash, n, 0);
    size_t place = (size_t)hash & keys->mask;
    for (;;) {
        uint64_t entry = keys->table[place];
        if (entry == 0) break;
        if ((entry ^ wanted) >> 32 == 0) {
            uint32_t found = (uint32_t)entry - 1;
            const uint64_t *cell = keys->cells + (size_t)found * 4;
            if (((cell[0] ^ words[0]) | (cell[1] ^ words[1]) | (cell[2] ^ words[2]) | (cell[3] ^ words[3])) == 0) {
                *number = found;
                return 1;
            }
        }
        place = (place + 1) & keys->mask;
    }
    if (keys->count == keys->capacity) {
        keys->missed++;
        return !keys->grows;
    }
    *number = keys->count++;
    memcpy(keys->cells + (size_t)*number * 4, words, 32);
    keys->table[place] = entry_of(hash, n, *number);
    return 1;
}

void silt_keys_rehash(silt_keys *keys, const uint64_t *old, size_t old_count) {
    for (size_t i = 0; i < old_count; i++) {
        if (old[i] == 0) continue;
        uint32_t number = (uint32_t)old[i] - 1;
        size_t n = (size_t)(old[i] >> 32 & 63);
        uint64_t hash = key_hash(keys->cells + (size_t)number * 4, n);
        size_t place = (size_t)hash & keys->mask;
        while (keys->table[place] != 0) place = (place + 1) & keys->mask;
        keys->table[place] = old[i];
    }
}

// MARK: CSV

// A short number with or without a minus.
static inline __attribute__((always_inline)) int signed_number(const uint8_t *p, size_t n, silt_value *value) {
    uint64_t minus = *p == '-';
    if (!plain_number(p + minus, n - minus, value)) return 0;
    uint64_t bits = (uint64_t)value->bits;
    value->bits = (int64_t)(value->tag == SILT_VALUE_INT ? (bits ^ -minus) + minus : bits ^ minus << 63);
    return 1;
}

// Where a field of a record of a group is; the last one may end with a carriage return, which is not part of it.
typedef struct {
    const uint8_t *p;
    const uint32_t *edges;
    size_t field_count;
    size_t field;
} field_column;

static inline __attribute__((always_inline)) size_t field_of(field_column column, size_t record, size_t *from) {
    const uint32_t *edge = column.edges + record * column.field_count + column.field;
    uint32_t start = edge[0] + 1;
    uint32_t stop = edge[1];
    if (column.field + 1 == column.field_count && stop > start && column.p[stop - 1] == '\r') stop--;
    *from = start;
    return stop - start;
}

// Reads the times of up to n records; how many are whole numbers. Their first eight digits are mostly those of the one before.
static size_t take_times(field_column column, size_t n, int64_t *times) {
    uint64_t known = zero_digits;
    uint64_t known_value = 0;
    for (size_t i = 0; i < n; i++) {
        size_t from;
        size_t count = field_of(column, i, &from);
        const uint8_t *p = column.p + from;
        if (count > 8 && count <= 16) {
            uint64_t first = load8(p);
            uint64_t second = padded(load8(p + 8), count - 8);
            if (first != known && are_digits(first)) {
                known = first;
                known_value = value_of(first);
            }
            if (first == known && are_digits(second)) {
                times[i] = (int64_t)(known_value * scales[count - 8] + value_of(second));
                continue;
            }
        }
        silt_value value;
        if (count == 0 || !signed_number(p, count, &value) || value.tag != SILT_VALUE_INT) return i;
        times[i] = value.bits;
    }
    return n;
}

// Reads an argument of up to n records; how many are numbers, or nothing.
static size_t take_argument(field_column column, size_t n, size_t taken, silt_argument *argument) {
    int64_t *bits = argument->bits + taken;
    uint8_t *tags = argument->tags + taken;
    uint32_t seen = argument->seen;
    size_t i = 0;
    for (; i < n; i++) {
        size_t from;
        size_t count = field_of(column, i, &from);
        silt_value value = {SILT_VALUE_NULL, 0};
        if (count != 0 && !signed_number(column.p + from, count, &value)) break;
        bits[i] = value.bits;
        tags[i] = value.tag;
        seen |= 1u << value.tag;
    }
    argument->seen = seen;
    return i;
}

// Notes the keys of up to n records; how many there are that may be keys.
static size_t take_keys(field_column column, size_t n, size_t base, size_t taken, silt_columns *columns,
                        silt_keys *keys) {
    int64_t *places = columns->places + taken;
    uint32_t *numbers = columns->numbers + taken;
    for (size_t i = 0; i < n; i++) {
        size_t from;
        size_t count = field_of(column, i, &from);
        if (count == 0 || count > columns->key_bytes_max) return i;
        if (!number_of(keys, column.p + from, count, numbers + i)) return i;
        places[i] = (int64_t)((uint64_t)(base + from) << 32 | (uint64_t)count);
    }
    return n;
}

// Notes where up to n records of a group stand; how many do not begin with a line end.
static size_t take_places(const uint8_t *p, const group *group, size_t n, size_t base, size_t taken,
                          silt_columns *columns) {
    ptrdiff_t *starts = columns->starts + taken;
    ptrdiff_t *ends = columns->ends + taken;
    uint32_t start = 0;
    size_t i = 0;
    for (; i < n; i++) {
        uint32_t stop = group->lines[i];
        if (p[start] == '\r' || stop == start) break;
        starts[i] = (ptrdiff_t)(base + start);
        ends[i] = (ptrdiff_t)(base + stop - (p[stop - 1] == '\r'));
        start = stop + 1;
    }
    return i;
}

static int64_t latest_of(const int64_t *times, size_t n, int64_t latest) {
    for (size_t i = 0; i < n; i++) latest = times[i] > latest ? times[i] : latest;
    return latest;
}

size_t silt_csv_columns(const uint8_t *bytes, size_t start, size_t end, uint8_t delimiter, size_t field_count,
                        size_t limit, silt_columns *columns, silt_keys *keys, size_t room, size_t *next) {
    group group;
    size_t index = start;
    size_t taken = 0;
    while (taken < room && index < end) {
        const uint8_t *p = bytes + index;
        size_t left = room - taken;
        find(p, end - index < group_bytes ? end - index : group_bytes, delimiter, left, &group);
        // Records of as many fields as there should be.
        size_t whole = 0;
        size_t most = group.stop_count / field_count;
        if (most > group.line_count) most = group.line_count;
        if (most > left) most = left;
        while (whole < most && group.lines[whole] == group.edges[(whole + 1) * field_count] &&
               group.lines[whole] - (whole == 0 ? 0 : group.lines[whole - 1]) <= limit)
            whole++;
        size_t n = whole;
        field_column column = {p, group.edges, field_count, columns->time_field};
        n = take_times(column, n, columns->times + taken);
        for (size_t i = 0; i < columns->argument_count; i++) {
            column.field = columns->arguments[i].field;
            n = take_argument(column, n, taken, columns->arguments + i);
        }
        n = take_places(p, &group, n, index, taken, columns);
        column.field = columns->key_field;
        n = take_keys(column, n, index, taken, columns, keys);
        if (n == 0) break;
        columns->latest = latest_of(columns->times + taken, n, columns->latest);
        taken += n;
        index += group.lines[n - 1] + 1;
        // The group ended with what is not taken, and not with the beginning of a record.
        if (n < whole || whole < most) break;
    }
    *next = index;
    return taken;
}

// MARK: JSON lines

enum { json_slots_max = 16, json_rows_max = 64 };

size_t silt_json_columns(const uint8_t *bytes, size_t start, size_t end, const silt_member *members,
                         size_t member_count, size_t limit, size_t slot_count, silt_columns *columns, silt_keys *keys,
                         size_t room, size_t *next) {
    silt_value rows[json_rows_max * json_slots_max];
    ptrdiff_t starts[json_rows_max];
    ptrdiff_t ends[json_rows_max];
    size_t index = start;
    size_t taken = 0;
    *next = start;
    if (slot_count > json_slots_max) return 0;
    while (taken < room) {
        size_t wanted = room - taken < json_rows_max ? room - taken : json_rows_max;
        size_t stop;
        size_t got = silt_json_rows(bytes, index, end, members, member_count, limit, rows, slot_count, starts, ends,
                                    wanted, &stop);
        for (size_t i = 0; i < got; i++) {
            const silt_value *row = rows + i * slot_count;
            silt_value time = row[columns->time_field];
            silt_value key = row[columns->key_field];
            size_t count = (size_t)(key.bits & 0xffffffff);
            int fits = time.tag == SILT_VALUE_INT && key.tag == SILT_VALUE_TEXT && count != 0 &&
                       count <= columns->key_bytes_max;
            for (size_t j = 0; j < columns->argument_count; j++) {
                silt_argument *argument = columns->arguments + j;
                silt_value value = row[argument->field];
                if (value.tag == SILT_VALUE_MISSING) value.tag = SILT_VALUE_NULL;
                if (value.tag > SILT_VALUE_DOUBLE) fits = 0;
                argument->bits[taken] = value.bits;
                argument->tags[taken] = value.tag;
                argument->seen |= value.tag > SILT_VALUE_DOUBLE ? 0 : 1u << value.tag;
            }
            if (!fits || !number_of(keys, bytes + (size_t)((uint64_t)key.bits >> 32), count, columns->numbers + taken)) {
                *next = (size_t)starts[i];
                return taken;
            }
            columns->times[taken] = time.bits;
            columns->places[taken] = key.bits;
            columns->starts[taken] = starts[i];
            columns->ends[taken] = ends[i];
            if (time.bits > columns->latest) columns->latest = time.bits;
            taken++;
        }
        *next = stop;
        index = stop;
        if (got < wanted) break;
    }
    return taken;
}
