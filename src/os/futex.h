/* Sleeping on a word that other processes see, and waking who sleeps there. */
#ifndef HF_OS_FUTEX_H
#define HF_OS_FUTEX_H

#include <hayfork/time.h>

/* Sleep while *word == expected, until `until` (absolute). May return early for any reason. */
void hf_futex_wait(const uint32_t *word, uint32_t expected, hay_time until);

/* Wake up to `count` sleepers; INT32_MAX is all. */
void hf_futex_wake(const uint32_t *word, int count);

#endif
