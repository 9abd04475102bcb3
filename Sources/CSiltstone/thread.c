#include "siltthread.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define SLOTS 3

static _Atomic uint32_t next_number;
static _Thread_local uint32_t number;

uint32_t silt_thread_number(void) {
    uint32_t mine = number;
    if (mine == 0) number = mine = atomic_fetch_add_explicit(&next_number, 1, memory_order_relaxed) + 1;
    return mine;
}

int silt_one_of_64(void) {
    static _Thread_local uint64_t draw;
    uint64_t x = draw ? draw : silt_thread_number() * 0x9e3779b97f4a7c15ull;
    draw = x = x * 6364136223846793005ull + 1442695040888963407ull;
    return x >> 58 == 0;
}

struct scratch {
    void *memory[SLOTS];
    size_t size[SLOTS];
};

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Thread_local struct scratch *scratch;

static void release(void *p) {
    struct scratch *s = p;
    for (int i = 0; i < SLOTS; i++) free(s->memory[i]);
    free(s);
}

static void make_key(void) { (void)pthread_key_create(&key, release); }

void *silt_thread_scratch(int slot, size_t n) {
    struct scratch *s = scratch;
    if (!s) {
        pthread_once(&once, make_key);
        s = calloc(1, sizeof *s);
        if (!s) return NULL;
        if (pthread_setspecific(key, s) != 0) {
            free(s);
            return NULL;
        }
        scratch = s;
    }
    if (s->size[slot] < n) {
        size_t size = (n + (n >> 2) + 4095) & ~(size_t)4095;
        free(s->memory[slot]);
        s->memory[slot] = aligned_alloc(64, size);
        s->size[slot] = s->memory[slot] ? size : 0;
    }
    return s->memory[slot];
}
