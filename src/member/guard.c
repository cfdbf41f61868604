/* The owned word.
 *
 * The words
 *   word  0: free. Else the owner's member id, and bit 31 when somebody may sleep. Anybody changes
 *         it, by CAS or swap. The bit may be set without a sleeper, and a sleeper is never without
 *         it, but after a death: then its slice heals it.
 *   hint  see park.c.
 *
 * The matrix: acquire against acquire and release meet in the CAS. Release by another member than
 * the owner is allowed; the caller knows.
 *
 * The crash table
 *   acquire  before the CAS to me: nothing (the sleepers bit may stay: one wake of nobody). After:
 *            the word names a dead owner; a waiter finds that at its slice's end and takes it over.
 *   release  before the swap: as after an acquire. After it, before the wake: sleepers see the free
 *            word at their slice's end.
 *   woken    and dead before its CAS: the others see the free word at their slice's end.
 *
 * A member that has slept takes the word with the bit set, since others may sleep beside it: so
 * that a wake of one is enough (the third mutex of the paper "Futexes Are Tricky"). */
#include "member/guard.h"

#include "base/checked.h"
#include "base/safe.h"
#include "member/park.h"

#include <errno.h>

/* Take over what a dead member owns. 0: it is alive, or somebody was faster. */
static int take_over(uint32_t *word, uint32_t seen, hf_member_id me)
{
        if (!HF_SAFE)
                return 0;
        if (!hf_member_is_dead(seen) || !atomic_cas(word, seen, me | HF_WORD_SLEEPERS))
                return 0;
        return HAY_OWNER_DIED;
}

/* Looking at an owner's life costs some system calls. Who only tries, without waiting, looks when
 * it has found the same owner for as long as a waiter would have slept. */
static bool has_seen_it_long(const uint32_t *word, uint32_t seen)
{
        static __thread struct {
                const uint32_t *word;
                uint32_t seen;
                hay_time since;
        } last;
        seen &= HF_MEMBER_ID_MASK;
        if (last.word != word || last.seen != seen) {
                last.word = word;
                last.seen = seen;
                last.since = hay_now();
                return false;
        }
        if (hay_now() - last.since < HF_SLICE_OWNED)
                return false;
        last.word = NULL;
        return true;
}

static int acquire_slow(uint32_t *word, uint32_t *hint, hf_member_id me, hay_time deadline)
{
        uint32_t sleepers = 0;
        hay_time slice = hf_slice_after(0, HF_SLICE_LAST);
        /* Signals end a sleep early, perhaps each one: the slice goes on over all that see the same. */
        uint32_t last_seen = 0;
        hay_time since = 0;
        for (;;) {
                uint32_t seen = atomic_load_relaxed(word);
                if (!(seen & HF_MEMBER_ID_MASK)) {
                        if (atomic_cas(word, seen, me | sleepers | (seen & HF_WORD_SLEEPERS)))
                                return 0;
                        continue;
                }
                if (deadline < 0) {
                        int r = has_seen_it_long(word, seen) ? take_over(word, seen, me) : 0;
                        return r ? r : -ETIMEDOUT;
                }
                if (!sleepers && hf_spin(word, seen, hint))
                        continue;
                sleepers = HF_WORD_SLEEPERS;
                if (!(seen & HF_WORD_SLEEPERS)) {
                        if (!atomic_cas(word, seen, seen | HF_WORD_SLEEPERS))
                                continue;
                        seen |= HF_WORD_SLEEPERS;
                }
                if (seen != last_seen) {
                        last_seen = seen;
                        since = hay_now();
                }
                int timed_out = hf_park(word, seen, deadline, slice);
                if (atomic_load_relaxed(word) != seen)
                        continue;
                /* Nothing moved for a slice, or there is no time left: does the owner live? */
                if (timed_out || hf_is_past(deadline) || hay_now() - since >= slice) {
                        int r = take_over(word, seen, me);
                        if (r)
                                return r;
                        if (timed_out || hf_is_past(deadline))
                                return -ETIMEDOUT;
                        slice = hf_slice_after(slice, HF_SLICE_LAST);
                        since = hay_now();
                }
        }
}

int hf_word_acquire(uint32_t *word, uint32_t *hint, hf_member_id me, hay_time deadline)
{
        if (hf_likely(atomic_cas(word, 0u, me)))
                return 0;
        return acquire_slow(word, hint, me, deadline);
}

int hf_word_release(uint32_t *word)
{
        uint32_t seen = atomic_swap(word, 0u);
        if (hf_unlikely(!(seen & HF_MEMBER_ID_MASK)))
                return -EPERM;
        if (hf_unlikely(seen & HF_WORD_SLEEPERS))
                hf_unpark(word, 1);
        return 0;
}

/* Nobody takes a guard twice: one that names who comes to take it is damaged, and its owner no more to
 * be waited for than a dead one. */
static int acquire_guard(struct hf_guard *guard, hf_member_id me, hay_time deadline)
{
        uint32_t seen = atomic_load_relaxed(&guard->word);
        if (hf_unlikely((seen & HF_MEMBER_ID_MASK) == me) &&
            atomic_cas(&guard->word, seen, me | HF_WORD_SLEEPERS))
                return HAY_OWNER_DIED;
        return hf_word_acquire(&guard->word, &guard->hint, me, deadline);
}

void hf_guard_lock(struct hf_guard *guard, hf_member_id me, hf_repair *repair, void *object)
{
        if (hf_likely(atomic_cas(&guard->word, 0u, me)))
                return;
        int r = acquire_guard(guard, me, HAY_FOREVER);
        if (hf_unlikely(r == HAY_OWNER_DIED) && repair)
                repair(object);
}

int hf_guard_lock_by(struct hf_guard *guard, hf_member_id me, hf_repair *repair, void *object,
                     hay_time deadline)
{
        if (hf_likely(atomic_cas(&guard->word, 0u, me)))
                return 0;
        if (deadline != HAY_FOREVER)
                deadline = hf_max(deadline, hay_in_ms(HF_GUARD_PATIENCE_MS));
        int r = acquire_guard(guard, me, deadline);
        if (r == HAY_OWNER_DIED && repair)
                repair(object);
        return hf_min(r, 0);
}

void hf_guard_unlock(struct hf_guard *guard)
{
        hf_word_release(&guard->word);
}
