/* One word: each instant is consistent, and there is nothing to repair.
 *
 * The words
 *   word  bit 0: set. Bit 1: somebody may sleep; a sleeper is never without it while the event is
 *         not set. Above: how often it was set, so that who waits sees a set that was cleared at
 *         once (a waiter that looks away for 2^30 of them may miss one).
 *
 * The matrix: any against any meet in the CAS.
 *
 * The crash table
 *   set    before the CAS: nothing. After, before the wake: sleepers see the word at the end of
 *          their slice, HF_SLICE_IDLE.
 *   clear  one operation.
 *   wait   leaves bit 1 at most: one wake of nobody.
 */
#include <hayfork/event.h>

#include "base/checked.h"
#include "member/park.h"
#include "sync/place.h"

#include <errno.h>

#define IS_SET 1u
#define SLEEPERS 2u
#define ONE_SET 4u

int hay_event_set(hay_event *event)
{
        if (!hf_is_placed(event))
                return -EINVAL;
        uint32_t seen;
        uint32_t next;
        do {
                seen = atomic_load_relaxed(&event->private_word);
                next = seen & IS_SET ? seen : ((seen & ~SLEEPERS) + ONE_SET) | IS_SET;
                /* [E1] Publish: what was stored before is visible to who sees the event set, in
                 * wait and is_set. It is a CAS also where it changes nothing: who clears the event
                 * after this and then looks, must see it too ([E2]). */
        } while (!atomic_cas(&event->private_word, seen, next));
        if (!(seen & IS_SET) && seen & SLEEPERS)
                hf_unpark(&event->private_word, INT32_MAX);
        return 0;
}

int hay_event_clear(hay_event *event)
{
        if (!hf_is_placed(event))
                return -EINVAL;
        /* [E2] Acquires from the last set, see [E1]. */
        atomic_and(&event->private_word, ~IS_SET);
        return 0;
}

int hay_event_is_set(const hay_event *event)
{
        if (!hf_is_placed(event))
                return -EINVAL;
        return atomic_load_acquire(&event->private_word) & IS_SET;
}

int hay_event_wait(hay_event *event, hay_time deadline)
{
        if (!hf_is_placed(event))
                return -EINVAL;
        uint32_t *word = &event->private_word;
        uint32_t seen = atomic_load_acquire(word);
        uint32_t begun = seen / ONE_SET;
        for (;; seen = atomic_load_acquire(word)) {
                if (seen & IS_SET || seen / ONE_SET != begun)
                        return 0;
                if (hf_is_past(deadline))
                        return -ETIMEDOUT;
                if (hf_spin(word, seen, &event->private_spin))
                        continue;
                if (!(seen & SLEEPERS) && !atomic_cas(word, seen, seen | SLEEPERS))
                        continue;
                hf_park(word, seen | SLEEPERS, deadline, HF_SLICE_IDLE);
        }
}
