#include "siltmemory.h"
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

// Blocks come and go on many threads and live long. malloc keeps what each thread's arena once held, so that
// a cache of 256 MB grows to twice that; here all threads share slabs of equal pieces, and free pages go back.
// Free pieces are warm (their pages are there) or cold (given back to the system, but for the first one). Warm ones
// are taken first, so that a cache that is full takes what it just gave, and no page is made anew.
// A slab is as large as a huge page. Where there is much of a class its slabs are huge pages: reads at random then
// do not wait for page tables. The first slabs are not, so that a class with few pieces takes little.

enum { slab_bytes = 2 << 20, huge_from = 16 << 20, piece_min = 1 << 10, piece_max = 1 << 17, step_bits = 4, steps = 1 << step_bits, class_count = 7 * steps + 1 };

typedef struct slab {
    struct slab *next, *prev;
    // Lists of free pieces, linked by their first words. Beyond the first `begun` pieces none was ever taken.
    void *warm, *cold;
    uint32_t used, begun, count;
} slab;

typedef struct {
    pthread_mutex_t lock;
    // Slabs with a warm piece, and those that have only other free ones.
    slab *warm, *open;
    // Pieces in use, warm ones, and pieces of all slabs.
    size_t used, warm_count, total;
    // Slabs of which no piece is in use: one that became free, or those made ahead.
    slab *spare;
    uint32_t spare_count;
} pool_class;

static pool_class classes[class_count] = {[0 ... class_count - 1] = {.lock = PTHREAD_MUTEX_INITIALIZER}};

// Sixteen classes for each doubling: a piece is at most a sixteenth larger than what was asked for.
static int class_of(size_t n) {
    if (n <= piece_min) return 0;
    int log = 63 - __builtin_clzll(n - 1);
    return (log - 10) * steps + (int)((n - 1) >> (log - step_bits)) - steps + 1;
}

static size_t piece_bytes(int class) {
    if (class == 0) return piece_min;
    int log = (class - 1) / steps + 10, part = (class - 1) % steps + 1;
    return ((size_t)1 << log) + (((size_t)part << log) / steps);
}

static slab *slab_make(size_t piece, int is_huge) {
    // Aligned to its size, so that a piece leads to its slab.
    char *p = mmap(NULL, 2 * slab_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) return NULL;
    char *start = (char *)(((uintptr_t)p + slab_bytes - 1) & ~(uintptr_t)(slab_bytes - 1));
    if (start > p) munmap(p, (size_t)(start - p));
    munmap(start + slab_bytes, (size_t)(p + slab_bytes - start));
    (void)madvise(start, slab_bytes, is_huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    slab *s = (slab *)start;
    s->count = (uint32_t)((slab_bytes - 64) / piece);
    return s;
}

// The list that a slab belongs on; NULL when it has no free piece.
static slab **list_of(pool_class *c, const slab *s) {
    if (s->warm) return &c->warm;
    return s->used < s->count ? &c->open : NULL;
}

static void move(slab *s, slab **from, slab **to) {
    if (from == to) return;
    if (from) {
        if (s->prev) s->prev->next = s->next; else *from = s->next;
        if (s->next) s->next->prev = s->prev;
    }
    if (to) {
        s->prev = NULL;
        s->next = *to;
        if (s->next) s->next->prev = s;
        *to = s;
    }
}

static void *pop(void **list) {
    void *p = *list;
    *list = *(void **)p;
    return p;
}

static void push(void **list, void *p) {
    *(void **)p = *list;
    *list = p;
}

void *silt_pool_take(size_t n) {
    if (n > piece_max) {
        void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return p == MAP_FAILED ? NULL : p;
    }
    if (n < piece_min) return malloc(n);
    int class = class_of(n);
    size_t piece = piece_bytes(class);
    pool_class *c = &classes[class];
    pthread_mutex_lock(&c->lock);
    slab *s = c->warm ? c->warm : c->open;
    if (!s) {
        s = c->spare;
        if (s) {
            c->spare = s->next;
            c->spare_count--;
        } else {
            // Who maps memory may have to wait, which those who need none must not.
            int is_huge = c->used * piece >= huge_from;
            pthread_mutex_unlock(&c->lock);
            s = slab_make(piece, is_huge);
            if (!s) return NULL;
            pthread_mutex_lock(&c->lock);
        }
        c->total += s->count;
        move(s, NULL, list_of(c, s));
    }
    slab **from = list_of(c, s);
    void *p;
    if (s->warm) {
        p = pop(&s->warm);
        c->warm_count--;
    } else if (s->cold) {
        p = pop(&s->cold);
    } else {
        p = (char *)s + 64 + piece * s->begun++;
    }
    s->used++;
    c->used++;
    move(s, from, list_of(c, s));
    pthread_mutex_unlock(&c->lock);
    return p;
}

void silt_pool_give(void *p, size_t n) {
    if (n > piece_max) {
        munmap(p, n);
        return;
    }
    if (n < piece_min) {
        free(p);
        return;
    }
    int class = class_of(n);
    size_t piece = piece_bytes(class);
    pool_class *c = &classes[class];
    slab *s = (slab *)((uintptr_t)p & ~(uintptr_t)(slab_bytes - 1)), *gone = NULL;
    pthread_mutex_lock(&c->lock);
    int is_warm = c->warm_count < 16 || c->warm_count < c->total / 8;
    if (!is_warm) {
        // The whole pages within the piece go back; its first word is the list's. Until it is on a list its slab stays.
        pthread_mutex_unlock(&c->lock);
        uintptr_t from = ((uintptr_t)p + sizeof(void *) + 4095) & ~(uintptr_t)4095, to = ((uintptr_t)p + piece) & ~(uintptr_t)4095;
        if (from < to) (void)madvise((void *)from, to - from, MADV_DONTNEED);
        pthread_mutex_lock(&c->lock);
    }
    slab **from = list_of(c, s);
    push(is_warm ? &s->warm : &s->cold, p);
    if (is_warm) c->warm_count++;
    s->used--;
    c->used--;
    if (s->used > 0) {
        move(s, from, list_of(c, s));
    } else {
        move(s, from, NULL);
        c->total -= s->count;
        // A spare slab counts as cold: what is taken of it next has no warm piece to prefer.
        for (void *q = s->warm; q; q = *(void **)q) c->warm_count--;
        if (c->spare) {
            gone = s;
        } else {
            c->spare = s;
            c->spare_count = 1;
            s->next = NULL;
            s->warm = s->cold = NULL;
            s->begun = 0;
        }
    }
    pthread_mutex_unlock(&c->lock);
    if (gone) munmap(gone, slab_bytes);
}

int silt_pool_lacks_slabs(size_t n, unsigned wanted) {
    if (n < piece_min || n > piece_max) return 0;
    int class = class_of(n);
    pool_class *c = &classes[class];
    pthread_mutex_lock(&c->lock);
    int lacks = c->spare_count < wanted && c->used * piece_bytes(class) >= huge_from;
    pthread_mutex_unlock(&c->lock);
    return lacks;
}

int silt_pool_make_slab(size_t n) {
    if (n < piece_min || n > piece_max) return 0;
    int class = class_of(n);
    pool_class *c = &classes[class];
    slab *s = slab_make(piece_bytes(class), 1);
    if (!s) return 0;
    silt_populate(s, slab_bytes);
    pthread_mutex_lock(&c->lock);
    s->next = c->spare;
    c->spare = s;
    c->spare_count++;
    pthread_mutex_unlock(&c->lock);
    return 1;
}

size_t silt_pool_bytes(size_t n) {
    if (n > piece_max) return (n + 4095) & ~(size_t)4095;
    return n < piece_min ? n + 16 : piece_bytes(class_of(n));
}
