// What belongs to one thread.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// A small number of the calling thread, given at its first call; numbers are not given twice.
uint32_t silt_thread_number(void);

/// Not 0 for about one call in 64 of a thread, at random: what is counted or timed by samples.
int silt_one_of_64(void);

/// n bytes of memory of the calling thread's own, aligned to 64 bytes, the same again at the next call with the
/// same slot (0 to 2); NULL when there is none. Freed when the thread ends.
void *silt_thread_scratch(int slot, size_t n);
