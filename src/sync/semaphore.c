/* Two kinds in one struct. A signal semaphore is a number in a word. One whose permits have owners
 * is a set of owner words; how many are free is counted, never stored.
 *
 * The words
 *   limit    kind:2 | count:30; the last word that init stores, the first that fini clears.
 *   permits  names the block with the owner words, where they are more than INLINE.
 *   word     signal: the value. Owned: a sequence that each release moves. Bit 31: somebody may
 *            sleep on the word.
 *   permit   0 is free, else the member that holds it. 0 to me by CAS; me to 0 by a thread of the
 *            same process; dead to me or to 0 by anybody.
 *   checked  when a sleeper last looked for dead holders, so that one does it for all.
 *
 * The matrix: any against any meet in the CAS of the word, or of one permit. init and fini exclude
 * all.
 *
 * The wake-ups: a release clears bit 31 and wakes one sleeper. Who has slept sets the bit again
 * when it goes on, since others may sleep; and if it then sees a permit left it wakes the next. So
 * wakes are chained, and a sleeper is never without the bit and without a wake under way.
 *
 * The crash table
 *   acquire    before the CAS: nothing, or bit 31: one wake of nobody. After: owned, the dead one's
 *              permit is found by who sees no free one, at the end of its slice.
 *              Signal: the number has no owner, it was taken.
 *   release    before the CAS: as holding. Between it and the sequence, or the wake: sleepers find
 *              the permit at the end of their slice.
 *   woken      and dead before its CAS: the same.
 *   take_dead  each permit by a CAS; between two, the rest is still a dead one's.
 *   init       before `limit`: not initialised; fini() frees the block that `permits` may name.
 *   fini       before `limit`: whole. After: not initialised, as in init.
 */
#include <hayfork/semaphore.h>

#include "base/checked.h"
#include "base/options.h"
#include "member/park.h"
#include "memory/heap.h"
#include "sync/place.h"

#include <errno.h>
#include <string.h>

#define SLEEPERS 0x80000000u
#define KIND_MASK 0xc0000000u
#define COUNT_MASK 0x3fffffffu
#define INLINE (sizeof((hay_semaphore *)NULL)->private_inline / sizeof(uint32_t))

enum kind {
        SIGNAL = 0,
        BOUNDED = 0x40000000,
        OWNED = (int)0x80000000,
};

/* The owner words of a semaphore, and how many. */
struct permits {
        uint32_t *words;
        uint32_t count;
};

static bool is_owned(uint32_t limit)
{
        return (limit & KIND_MASK) == (uint32_t)OWNED;
}

/* Read once, and bounded, whatever the words say. */
static int permits_of(const hay_semaphore *semaphore, uint32_t limit, struct permits *ret_permits)
{
        uint32_t count = limit & COUNT_MASK;
        if (!is_owned(limit) || !count || count > HAY_SEMAPHORE_PERMITS)
                return -EINVAL;
        uint32_t *words = (uint32_t *)(uintptr_t)semaphore->private_inline;
        if (count > INLINE) {
                words = hf_checked_at(atomic_load_acquire(&semaphore->private_permits),
                                      count * sizeof(*words), sizeof(*words));
                if (!words)
                        return -EINVAL;
        }
        *ret_permits = (struct permits){ words, count };
        return 0;
}

static void wake(hay_semaphore *semaphore, int count)
{
        hf_unpark(&semaphore->private_word, count);
}

/* Sleep until the word is no longer `seen`, or the slice is over; false at once when it isn't now.
 */
static bool sleep_on(hay_semaphore *semaphore, uint32_t seen, hay_time deadline, hay_time slice)
{
        uint32_t *word = &semaphore->private_word;
        if (!(seen & SLEEPERS) && !atomic_cas(word, seen, seen | SLEEPERS))
                return false;
        hf_park(word, seen | SLEEPERS, deadline, slice);
        return true;
}

static int acquire_signal(hay_semaphore *semaphore, hay_time deadline)
{
        uint32_t *word = &semaphore->private_word;
        uint32_t slept = 0;
        for (;;) {
                uint32_t seen = atomic_load_relaxed(word);
                if (seen & COUNT_MASK) {
                        /* [S1] Acquires what the release stored before its CAS. */
                        if (!atomic_cas(word, seen, (seen - 1) | slept))
                                continue;
                        if (slept && (seen & COUNT_MASK) > 1)
                                wake(semaphore, 1);
                        return 0;
                }
                if (hf_is_past(deadline)) {
                        if (slept && !atomic_cas(word, seen, seen | slept))
                                continue;
                        return -ETIMEDOUT;
                }
                if (!hf_spin(word, seen, &semaphore->private_spin) &&
                    sleep_on(semaphore, seen, deadline, HF_SLICE_IDLE))
                        slept = SLEEPERS;
        }
}

static int release_signal(hay_semaphore *semaphore, uint32_t limit)
{
        uint32_t *word = &semaphore->private_word;
        uint32_t most = limit & KIND_MASK ? limit & COUNT_MASK : HAY_SEMAPHORE_MAX;
        uint32_t seen;
        do {
                seen = atomic_load_relaxed(word);
                if ((seen & COUNT_MASK) >= most)
                        return -EOVERFLOW;
        } while (!atomic_cas(word, seen, (seen & COUNT_MASK) + 1)); /* [S1] */
        if (seen & SLEEPERS)
                wake(semaphore, 1);
        return 0;
}

/* Change one permit from `from` to `to`, looking at all, first where this member would be. */
static bool change_one(struct permits permits, hf_member_id me, uint32_t from, uint32_t to)
{
        uint32_t first = me % permits.count;
        for (uint32_t i = 0; i < permits.count; i++) {
                uint32_t at = first + i < permits.count ? first + i : first + i - permits.count;
                if (atomic_load_relaxed(&permits.words[at]) == from &&
                    atomic_cas(&permits.words[at], from, to)) /* [S2] */
                        return true;
        }
        return false;
}

/* [S3] The sequence moves after a permit was freed. Who looks for one has read the sequence before
 * that, so if it missed the permit it does not sleep through the move. */
static void move_sequence(hay_semaphore *semaphore, int freed)
{
        uint32_t *word = &semaphore->private_word;
        uint32_t seen;
        do
                seen = atomic_load_relaxed(word);
        while (!atomic_cas(word, seen, (seen + 1) & ~SLEEPERS));
        if (seen & SLEEPERS)
                wake(semaphore, freed);
}

/* Free what dead members hold, but the first such permit is taken for `me`. */
static bool take_dead(hay_semaphore *semaphore, struct permits permits, hf_member_id me)
{
        hf_member_id dead = 0;
        hf_member_id alive = me;
        bool taken = false;
        int freed = 0;
        for (uint32_t i = 0; i < permits.count; i++) {
                uint32_t seen = atomic_load_acquire(&permits.words[i]);
                if (!seen || seen == alive)
                        continue;
                if (seen != dead && !hf_member_is_dead(seen)) {
                        alive = seen;
                        continue;
                }
                dead = seen;
                if (!atomic_cas(&permits.words[i], seen, taken ? 0 : me))
                        continue;
                freed += taken;
                taken = true;
        }
        if (freed)
                move_sequence(semaphore, freed);
        return taken;
}

/* Whether it is the turn of one who has slept for a slice to look for dead holders: nobody did for
 * most of it. */
static bool is_my_turn(hay_semaphore *semaphore, hay_time slice)
{
        uint32_t most = (uint32_t)(slice / 1000000 * 7 / 8);
        uint32_t now = (uint32_t)(hay_now() / 1000000);
        uint32_t checked = atomic_load_relaxed(&semaphore->private_checked);
        return now - checked >= most && atomic_cas(&semaphore->private_checked, checked, now);
}

static bool has_free(struct permits permits)
{
        for (uint32_t i = 0; i < permits.count; i++)
                if (!atomic_load_relaxed(&permits.words[i]))
                        return true;
        return false;
}

/* Others may sleep beside one that has slept and goes on now. */
static void chain(hay_semaphore *semaphore, struct permits permits)
{
        atomic_or(&semaphore->private_word, SLEEPERS);
        if (has_free(permits))
                move_sequence(semaphore, 1);
}

static int acquire_owned(hay_semaphore *semaphore, struct permits permits, hf_member_id me,
                         hay_time deadline)
{
        uint32_t *word = &semaphore->private_word;
        hay_time slept = 0; /* the slice */
        bool is_past = false;
        for (;;) {
                uint32_t sequence = atomic_load_full(word); /* [S3] */
                bool taken = change_one(permits, me, 0, me);
                if (!taken) {
                        is_past = hf_is_past(deadline);
                        if (is_past || (slept && is_my_turn(semaphore, slept)))
                                taken = take_dead(semaphore, permits, me);
                }
                if (taken || is_past) {
                        if (slept)
                                chain(semaphore, permits);
                        return taken ? 0 : -ETIMEDOUT;
                }
                hay_time slice = hf_slice_after(slept, HF_SLICE_OWNED);
                if (!hf_spin(word, sequence, &semaphore->private_spin) &&
                    sleep_on(semaphore, sequence, deadline, slice))
                        slept = slice;
        }
}

/* Free a permit of another thread of this process. */
static bool free_of_process(struct permits permits, hf_member_id me)
{
        pid_t pid = hf_member_pid(me);
        for (uint32_t i = 0; i < permits.count; i++) {
                uint32_t seen = atomic_load_acquire(&permits.words[i]);
                if (seen && hf_member_pid(seen) == pid && atomic_cas(&permits.words[i], seen, 0u))
                        return true;
        }
        return false;
}

int hay_semaphore_acquire(hay_semaphore *semaphore, hay_time deadline)
{
        struct permits permits;
        int r = 0;
        if (!hf_is_placed(semaphore))
                return -EINVAL;
        uint32_t limit = atomic_load_acquire(&semaphore->private_limit);
        if (!is_owned(limit))
                return acquire_signal(semaphore, deadline);
        hf_member_id me = hf_self_id(&r);
        if (!me)
                return r;
        r = permits_of(semaphore, limit, &permits);
        return r < 0 ? r : acquire_owned(semaphore, permits, me, deadline);
}

int hay_semaphore_release(hay_semaphore *semaphore)
{
        struct permits permits;
        int r = 0;
        if (!hf_is_placed(semaphore))
                return -EINVAL;
        uint32_t limit = atomic_load_acquire(&semaphore->private_limit);
        if (!is_owned(limit))
                return release_signal(semaphore, limit);
        hf_member_id me = hf_self_id(&r);
        if (!me)
                return r;
        r = permits_of(semaphore, limit, &permits);
        if (r < 0)
                return r;
        /* [S2] Publishes what was done under the permit to who takes it next. */
        if (!change_one(permits, me, me, 0) && !free_of_process(permits, me))
                return -EPERM;
        move_sequence(semaphore, 1);
        return 0;
}

int hay_semaphore_value(const hay_semaphore *semaphore)
{
        struct permits permits;
        if (!hf_is_placed(semaphore))
                return -EINVAL;
        uint32_t limit = atomic_load_acquire(&semaphore->private_limit);
        if (!is_owned(limit))
                return (int)(atomic_load_acquire(&semaphore->private_word) & COUNT_MASK);
        int r = permits_of(semaphore, limit, &permits);
        if (r < 0)
                return r;
        int free = 0;
        for (uint32_t i = 0; i < permits.count; i++)
                free += !atomic_load_acquire(&permits.words[i]);
        return free;
}

int hay_semaphore_init_sized(hay_semaphore *semaphore, const struct hay_semaphore_options *options,
                             size_t options_size)
{
        struct hay_semaphore_options wanted;
        int r = hf_options_take(&wanted, sizeof(wanted), options, options_size);
        if (r < 0)
                return r;
        unsigned most = wanted.signal ? HAY_SEMAPHORE_MAX : HAY_SEMAPHORE_PERMITS;
        bool has_block = !wanted.signal && wanted.value > INLINE;
        if (!hf_is_placed(semaphore) || wanted.value > most || (!wanted.signal && !wanted.value))
                return -EINVAL;
        if (has_block && !hf_self(&r))
                return r;
        if (has_block && !hf_in_region(semaphore, sizeof(*semaphore)))
                return -EINVAL;
        memset(semaphore, 0, sizeof(*semaphore));
        if (has_block) {
                r = hf_heap_alloc_at(&semaphore->private_permits, wanted.value * sizeof(uint32_t),
                                     64, true);
                if (r < 0)
                        return r;
        }
        uint32_t limit = (uint32_t)OWNED | wanted.value;
        if (wanted.signal) {
                limit = wanted.bounded ? (uint32_t)BOUNDED | wanted.value : SIGNAL;
                semaphore->private_word = wanted.value;
        }
        atomic_store_release(&semaphore->private_limit, limit);
        return 0;
}

hay_semaphore *hay_semaphore_fini(hay_semaphore *semaphore)
{
        int r;
        if (!hf_is_placed(semaphore))
                return NULL;
        atomic_store_release(&semaphore->private_limit, 0u);
        atomic_keep_order();
        if (semaphore->private_permits && hf_in_region(semaphore, sizeof(*semaphore)) &&
            hf_self(&r))
                hf_heap_free_at(&semaphore->private_permits);
        memset(semaphore, 0, sizeof(*semaphore));
        return NULL;
}
