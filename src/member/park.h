/* Waiting for a word to change: spin a little, then sleep in slices, so that a wake-up that died
 * with its sender costs a delay, never a hang. */
#ifndef HF_MEMBER_PARK_H
#define HF_MEMBER_PARK_H

#include "base/atomic.h"
#include <hayfork/time.h>

/* In ns. Where a dead owner may be what is waited for, slices grow from the first by an eighth: so
 * its death is found after 20 ms and an eighth of the time that was waited before, at most. The
 * last is OWNED where one looks for many, LAST where each looks for itself: 2.5 times a second.
 * IDLE is a slice where only a lost wake-up is to be healed. */
#define HF_SLICE_FIRST (20 * 1000000ll)
#define HF_SLICE_OWNED (50 * 1000000ll)
#define HF_SLICE_LAST (400 * 1000000ll)
#define HF_SLICE_IDLE (250 * 1000000ll)

/* The slice after this one; 0: the first. */
static inline hay_time hf_slice_after(hay_time slice, hay_time last)
{
        slice = slice ? slice + slice / 8 : HF_SLICE_FIRST;
        return slice < last ? slice : last;
}

/* True when the deadline has passed. HAY_NOWAIT has, HAY_FOREVER never does. */
bool hf_is_past(hay_time deadline);

/* Spin while *word == value, at most as long as it lately was worth it (*hint, shared, may be
 * stale: it grows when spinning helped and shrinks when it did not). True when the word changed.
 * Never spins where only one processor is to be had. */
bool hf_spin(const uint32_t *word, uint32_t value, uint32_t *hint);

/* Sleep while *word == value, until a wake, the slice's end or the deadline. 0: look again
 * (changed, woken, slice over, or a signal came); -ETIMEDOUT: the deadline has passed. */
int hf_park(const uint32_t *word, uint32_t value, hay_time deadline, hay_time slice);

/* Wake up to `count` sleepers of a word (INT32_MAX: all). */
void hf_unpark(const uint32_t *word, int count);

#endif
