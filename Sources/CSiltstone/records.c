// Records of CSV and JSON lines of the usual form, many at a time, sixteen bytes at once.
// Whatever is unusual ends the run and is left to the careful scanners (SiltIngest), which give the same for the rest.
#include "csiltstone.h"
#include "numbers.h"
#include <string.h>

#if defined(__x86_64__)
#include <emmintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

// What may be read of the bytes: up to 16 beyond `end`. Every place read from is before `end`, every load is of at most
// 16 bytes from there.

// MARK: The first byte of sixteen that ends a field, a text or a number; 16 when none does.

static inline unsigned field_stop_portable(const uint8_t *p, uint8_t delimiter) {
    unsigned i = 0;
    while (i < 16 && p[i] != delimiter && p[i] != '\n' && p[i] < 0x80) i++;
    return i;
}

static inline unsigned text_stop_portable(const uint8_t *p) {
    unsigned i = 0;
    while (i < 16 && p[i] != '"' && p[i] != '\\' && p[i] >= 0x20 && p[i] < 0x80) i++;
    return i;
}

static inline unsigned number_stop_portable(const uint8_t *p) {
    unsigned i = 0;
    while (i < 16 && p[i] >= '.' && p[i] <= '9') i++;
    return i;
}

#if defined(__x86_64__)
static inline unsigned first_of(__m128i hits) {
    return (unsigned)__builtin_ctz((unsigned)_mm_movemask_epi8(hits) | 0x10000u);
}

static inline unsigned field_stop(const uint8_t *p, uint8_t delimiter) {
    __m128i v = _mm_loadu_si128((const __m128i *)p);
    __m128i hits = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8((char)delimiter)),
                                _mm_cmpeq_epi8(v, _mm_set1_epi8('\n')));
    return first_of(_mm_or_si128(hits, v));
}

static inline unsigned text_stop(const uint8_t *p) {
    __m128i v = _mm_loadu_si128((const __m128i *)p);
    __m128i hits =
        _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
    // Signed: bytes beyond ASCII are below, too.
    return first_of(_mm_or_si128(hits, _mm_cmplt_epi8(v, _mm_set1_epi8(0x20))));
}

static inline unsigned number_stop(const uint8_t *p) {
    __m128i v = _mm_loadu_si128((const __m128i *)p);
    __m128i low = _mm_cmplt_epi8(v, _mm_set1_epi8('.'));
    return first_of(_mm_or_si128(low, _mm_cmpgt_epi8(v, _mm_set1_epi8('9'))));
}
#elif defined(__aarch64__)
static inline unsigned first_of(uint8x16_t hits) {
    uint64_t bits = vget_lane_u64(
        vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(hits), 4)), 0);
    return bits == 0 ? 16 : (unsigned)__builtin_ctzll(bits) >> 2;
}

static inline unsigned field_stop(const uint8_t *p, uint8_t delimiter) {
    uint8x16_t v = vld1q_u8(p);
    uint8x16_t hits = vorrq_u8(vceqq_u8(v, vdupq_n_u8(delimiter)), vceqq_u8(v, vdupq_n_u8('\n')));
    return first_of(vorrq_u8(hits, vcgeq_u8(v, vdupq_n_u8(0x80))));
}

static inline unsigned text_stop(const uint8_t *p) {
    uint8x16_t v = vld1q_u8(p);
    uint8x16_t hits = vorrq_u8(vceqq_u8(v, vdupq_n_u8('"')), vceqq_u8(v, vdupq_n_u8('\\')));
    hits = vorrq_u8(hits, vcltq_u8(v, vdupq_n_u8(0x20)));
    return first_of(vorrq_u8(hits, vcgeq_u8(v, vdupq_n_u8(0x80))));
}

static inline unsigned number_stop(const uint8_t *p) {
    uint8x16_t v = vld1q_u8(p);
    return first_of(vorrq_u8(vcltq_u8(v, vdupq_n_u8('.')), vcgtq_u8(v, vdupq_n_u8('9'))));
}
#else
#define field_stop field_stop_portable
#define text_stop text_stop_portable
#define number_stop number_stop_portable
#endif

size_t silt_field_stop(const uint8_t *p, uint8_t delimiter, int portable) {
    return portable ? field_stop_portable(p, delimiter) : field_stop(p, delimiter);
}

size_t silt_text_stop(const uint8_t *p, int portable) {
    return portable ? text_stop_portable(p) : text_stop(p);
}

size_t silt_number_stop(const uint8_t *p, int portable) {
    return portable ? number_stop_portable(p) : number_stop(p);
}

// MARK: Numbers

int silt_plain_number(const uint8_t *p, size_t n, silt_value *value) {
    return plain_number(p, n, value);
}

static inline void set_text(silt_value *value, uint8_t tag, size_t offset, size_t count) {
    value->tag = tag;
    value->bits = (int64_t)((uint64_t)offset << 32 | (uint64_t)count);
}

// Says of all fields of a record that it has none.
static inline void clear_row(silt_value *row, size_t slot_count) {
    for (size_t slot = 0; slot < slot_count; slot++) {
        row[slot].tag = SILT_VALUE_MISSING;
        row[slot].bits = 0;
    }
}

// MARK: CSV

size_t silt_csv_rows(const uint8_t *bytes, size_t start, size_t end, uint8_t delimiter,
                     const silt_column *columns, size_t column_count, size_t limit,
                     void *rows, size_t slot_count, ptrdiff_t *starts, ptrdiff_t *ends,
                     size_t room, size_t *next) {
    size_t index = start;
    size_t taken = 0;
    // No two columns go to one slot.
    size_t written = 0;
    for (size_t column = 0; column < column_count; column++) written += columns[column].slot >= 0;
    while (taken < room && index < end) {
        if (bytes[index] == '\n' || bytes[index] == '\r') break;
        silt_value *row = (silt_value *)rows + taken * slot_count;
        if (written < slot_count) clear_row(row, slot_count);
        size_t place = index;
        size_t last = index;
        size_t column = 0;
        int ends_record = 0;
        do {
            if (column == column_count) goto done;
            size_t from = place;
            unsigned stop;
            while ((stop = field_stop(bytes + place, delimiter)) == 16) {
                place += 16;
                if (place >= end) goto done;
            }
            place += stop;
            if (place >= end || bytes[place] >= 0x80 || bytes[from] == '"') goto done;
            last = place;
            ends_record = bytes[place] == '\n';
            if (ends_record && place > from && bytes[place - 1] == '\r') last = place - 1;
            int32_t slot = columns[column].slot;
            if (slot >= 0) {
                silt_value *value = row + slot;
                if (last == from) {
                    value->tag = SILT_VALUE_NULL;
                    value->bits = 0;
                } else if (!columns[column].is_number ||
                           !plain_number(bytes + from, last - from, value)) {
                    set_text(value, SILT_VALUE_UNTYPED, from, last - from);
                }
            }
            column++;
            place++;
        } while (!ends_record);
        if (column != column_count || last - index > limit) goto done;
        starts[taken] = (ptrdiff_t)index;
        ends[taken] = (ptrdiff_t)last;
        index = place;
        taken++;
    }
done:
    *next = index;
    return taken;
}

// MARK: JSON lines

// A number without exponent, or one of the three words; how many bytes it takes, 0 for all else.
static inline size_t json_word(const uint8_t *p, silt_value *value) {
    size_t sign = *p == '-';
    p += sign;
    size_t n = number_stop(p);
    if (n == 0) {
        if (sign) return 0;
        uint64_t word = load8(p);
        value->bits = 0;
        if ((uint32_t)word == 0x6c6c756eu) {
            value->tag = SILT_VALUE_NULL;
            return 4;
        }
        value->tag = SILT_VALUE_BOOL;
        if ((uint32_t)word == 0x65757274u) {
            value->bits = 1;
            return 4;
        }
        return (word & 0xffffffffffull) == 0x65736c6166ull ? 5 : 0;
    }
    // Zeros in front, a point at either end and exponents are for the careful way.
    if (p[0] == '.' || p[n - 1] == '.' || (p[0] == '0' && n > 1 && p[1] != '.')) return 0;
    // Sixteen bytes may not be all of it.
    if (n == 16 && p[16] >= '.' && p[16] <= '9') return 0;
    if ((p[n] | 0x20) == 'e' || !plain_number(p, n, value)) return 0;
    if (sign) {
        if (value->tag == SILT_VALUE_INT) {
            value->bits = -value->bits;
        } else {
            double number;
            memcpy(&number, &value->bits, 8);
            set_double(value, -number);
        }
    }
    return sign + n;
}

size_t silt_json_rows(const uint8_t *bytes, size_t start, size_t end, const silt_member *members,
                      size_t member_count, size_t limit, void *rows, size_t slot_count,
                      ptrdiff_t *starts, ptrdiff_t *ends, size_t room, size_t *next) {
    size_t index = start;
    size_t taken = 0;
    while (taken < room && index < end) {
        const uint8_t *p = bytes + index;
        if (*p != '{') break;
        silt_value *row = (silt_value *)rows + taken * slot_count;
        clear_row(row, slot_count);
        for (size_t position = 0;; position++) {
            if (position == member_count) goto done;
            const silt_member *member = members + position;
            // Past the brace or the comma.
            p++;
            p += *p == ' ';
            if (*p != '"') goto done;
            if (((load8(p + 1) ^ member->first) & member->first_mask) |
                ((load8(p + 9) ^ member->second) & member->second_mask))
                goto done;
            p += 1 + member->byte_count;
            if (p[0] != '"' || p[1] != ':') goto done;
            p += 2;
            p += *p == ' ';
            silt_value value;
            if (*p == '"') {
                const uint8_t *from = ++p;
                unsigned stop;
                while ((stop = text_stop(p)) == 16) p += 16;
                p += stop;
                if (*p != '"') goto done;
                set_text(&value, SILT_VALUE_TEXT, (size_t)(from - bytes), (size_t)(p - from));
                p++;
            } else {
                size_t n = json_word(p, &value);
                if (n == 0) goto done;
                p += n;
            }
            if (member->slot >= 0) row[member->slot] = value;
            if (*p == '}') break;
            if (*p != ',') goto done;
        }
        p++;
        p += *p == '\r';
        size_t stop = (size_t)(p - bytes);
        if (*p != '\n' || stop - index > limit) goto done;
        starts[taken] = (ptrdiff_t)index;
        ends[taken] = (ptrdiff_t)stop;
        index = stop + 1;
        taken++;
    }
done:
    *next = index;
    return taken;
}
