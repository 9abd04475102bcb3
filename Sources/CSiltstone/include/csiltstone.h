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

/// An LZ4 block that is restored from its beginning on, as far as it is wanted: what is left of it, and where it goes.
typedef struct {
    const uint8_t *in, *in_end;
    uint8_t *start, *out, *end;
} silt_lz4;

/// Restores a block until `count` of its bytes are there, or a few more; 0 when it is damaged or does not end with its
/// target. Nothing is read or written outside of the two buffers, whatever the bytes are.
int silt_lz4_restore(silt_lz4 *block, size_t count);

/// Fills n bytes from the kernel's random source; 0 or an errno.
int silt_random(void *data, size_t n);

/// Makes the calling thread nicer by `steps`; best effort.
void silt_lower_thread_priority(int steps);

/// Begins to write dirty pages of a range back without waiting; best effort.
void silt_start_writeback(int descriptor, int64_t offset, int64_t count);

/// Whether no other descriptor or mapping shows a file that is open for writing: the kernel grants a write lease only then.
int silt_is_sole_user(int descriptor);

/// Sets the bits of n hashes in a split-block filter of count 32-byte blocks (docs/format/filter.md).
void silt_filter_add(void *blocks, uint32_t count, const uint64_t *hashes, size_t n);

/// Whether the filter may hold the hash (1) or surely does not (0); AVX2 where the processor has it.
int silt_filter_contains(const void *blocks, uint32_t count, uint64_t hash);

/// The same without vector instructions, for comparison in tests.
int silt_filter_contains_portable(const void *blocks, uint32_t count, uint64_t hash);

/// A value of a record: a tag and 64 bits, laid out as `Datum` of SiltIngest is.
typedef struct {
    uint8_t tag;
    int64_t bits;
} silt_value;

/// The tags of `silt_value`, which are those of `Datum`.
enum {
    SILT_VALUE_NULL = 0,
    SILT_VALUE_INT = 1,
    SILT_VALUE_DOUBLE = 2,
    SILT_VALUE_TEXT = 3,
    SILT_VALUE_MISSING = 4,
    SILT_VALUE_BOOL = 5,
    SILT_VALUE_UNTYPED = 6,
};

/// A column of delimited records: the slot that it goes to, or -1, and whether nothing but a number is ever read out of it.
typedef struct {
    int32_t slot;
    int32_t is_number;
} silt_column;

/// A member name of up to 16 bytes, as two little-endian words and the masks of what counts of them; the slot that its value
/// goes to, or -1.
typedef struct {
    uint64_t first;
    uint64_t second;
    uint64_t first_mask;
    uint64_t second_mask;
    int64_t byte_count;
    int64_t slot;
} silt_member;

/// Reads delimited records into rows of slots, places in `bytes` into `starts` and `ends`, for at most `room` records; how
/// many, and in `next` where the first stands that was not taken.
///
/// Records that begin before `end` are read; 16 bytes more than that can be. Not taken: blank lines, fields that begin with
/// a quote, bytes beyond ASCII, records that do not end before `end`, are longer than `limit` or have not `column_count`
/// fields. Every slot of a row is written, as missing where no column goes to it; of the row after the last taken nothing
/// counts.
size_t silt_csv_rows(const uint8_t *bytes, size_t start, size_t end, uint8_t delimiter,
                     const silt_column *columns, size_t column_count, size_t limit,
                     void *rows, size_t slot_count, ptrdiff_t *starts, ptrdiff_t *ends,
                     size_t room, size_t *next);

/// Reads lines that are JSON objects into rows of slots, as `silt_csv_rows` does records; the last byte before `end` is a
/// newline.
///
/// Not taken: lines whose members are not the first ones of `members` in their order; escapes, bytes beyond ASCII, objects,
/// arrays, exponents and long numbers; spaces but for one after a brace, colon or comma.
size_t silt_json_rows(const uint8_t *bytes, size_t start, size_t end, const silt_member *members,
                      size_t member_count, size_t limit, void *rows, size_t slot_count,
                      ptrdiff_t *starts, ptrdiff_t *ends, size_t room, size_t *next);

/// Where the values of one argument of plain records go: a bit for each tag among them is set in `seen`. `field` is where
/// they come from, as in `silt_columns`.
typedef struct {
    int64_t *bits;
    uint8_t *tags;
    size_t field;
    uint32_t seen;
} silt_argument;

/// Where plain records go that are nothing but a time, a key and arguments: a column each, with room for as many values as
/// are asked for. Fields are the columns of delimited records, or the slots of members.
typedef struct {
    int64_t *times;
    /// Places of keys in the bytes: offset in the upper half, length in the lower.
    int64_t *places;
    /// The numbers of the keys in a table of them, or `SILT_NO_KEY`.
    uint32_t *numbers;
    ptrdiff_t *starts;
    ptrdiff_t *ends;
    silt_argument *arguments;
    size_t argument_count;
    size_t time_field;
    size_t key_field;
    size_t key_bytes_max;
    /// The greatest time, if it is greater than what stood here.
    int64_t latest;
} silt_columns;

/// The number of a key that has none.
#define SILT_NO_KEY 0xffffffffu

/// Keys of up to 32 bytes, each with a number in the order of first sight: 32 bytes each in `cells`, which has room for
/// `capacity`, and a table of a power of two and at least twice as many places, `mask` one less.
///
/// New ones get no number when there is no room, unless it can be made (`grows`): then the scan ends before them. Without a
/// table no key has a number. `missed` counts those without.
typedef struct {
    uint64_t *table;
    uint64_t *cells;
    size_t mask;
    uint32_t count;
    uint32_t capacity;
    uint32_t missed;
    int32_t grows;
} silt_keys;

/// Reads delimited records of `field_count` fields into columns, as `silt_csv_rows` does into rows; how many, and in `next`
/// where the first stands that was not taken. 64 bytes more than `end` can be read.
///
/// Not taken is also: quotes anywhere, times that are not short whole numbers, arguments that are neither short numbers nor
/// empty, keys that are empty or longer than `key_bytes_max`, records of more than 4,096 bytes.
size_t silt_csv_columns(const uint8_t *bytes, size_t start, size_t end, uint8_t delimiter, size_t field_count,
                        size_t limit, silt_columns *columns, silt_keys *keys, size_t room, size_t *next);

/// Reads lines that are JSON objects into columns, as `silt_json_rows` does into rows, where there are up to 16 slots. 64
/// bytes more than `end` can be read.
size_t silt_json_columns(const uint8_t *bytes, size_t start, size_t end, const silt_member *members,
                         size_t member_count, size_t limit, size_t slot_count, silt_columns *columns, silt_keys *keys,
                         size_t room, size_t *next);

/// Puts the numbers of an old table into the empty, larger one of `keys`.
void silt_keys_rehash(silt_keys *keys, const uint64_t *old, size_t old_count);

/// The places where fields end among up to 4,096 bytes before the first quote or byte beyond ASCII, and in `lines` how many
/// of those are newlines; 64 bytes more can be read. For comparison in tests: way 0 is what this machine uses, 1 what every
/// machine can, 2 what every machine of this kind can.
size_t silt_field_ends(const uint8_t *p, size_t count, uint8_t delimiter, int way, uint32_t *ends, size_t *lines);

/// Reads a short number as `PlainNumber` does; 0 when it is of another form. 16 bytes can be read.
int silt_plain_number(const uint8_t *p, size_t n, silt_value *value);

/// The place of the first of 16 bytes that ends a field: delimiter, newline, byte beyond ASCII; 16 when none does.
///
/// With `portable` as other machines find it, for comparison in tests; the next two likewise.
size_t silt_field_stop(const uint8_t *p, uint8_t delimiter, int portable);

/// The same for text in JSON: quote, backslash, control, byte beyond ASCII.
size_t silt_text_stop(const uint8_t *p, int portable);

/// The same for numbers: all but digits, points and slashes, which lie between.
size_t silt_number_stop(const uint8_t *p, int portable);

/// Byte-wise comparison of n bytes: below, at or above 0.
static inline int silt_compare(const void *a, const void *b, size_t n) {
    return n == 0 ? 0 : __builtin_memcmp(a, b, n);
}

/// The offset of the first zero byte, or n.
static inline size_t silt_find_zero(const void *p, size_t n) {
    const void *found = n == 0 ? (const void *)0 : __builtin_memchr(p, 0, n);
    return found ? (size_t)((const char *)found - (const char *)p) : n;
}
