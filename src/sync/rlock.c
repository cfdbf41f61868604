/* A member is a thread, so the lock word names the owning thread; beside it stands how often it
 * holds the lock.
 *
 * The words
 *   lock   see member/guard.c.
 *   depth  written and read by the owner alone; anything while nobody owns the lock.
 *
 * The crash table
 *   acquire  between the word and depth: the next owner is told that its owner died, and sets depth
 *            itself, as every new owner does.
 *   release  between depth and the word: the same.
 */
#include <hayfork/rlock.h>

#include "base/checked.h"
#include "member/guard.h"
#include "sync/place.h"

#include <errno.h>

static bool is_mine(const hay_rlock *rlock, hf_member_id me)
{
        uint32_t word = atomic_load_relaxed(&rlock->private_lock.private_word);
        return (word & HF_MEMBER_ID_MASK) == me;
}

int hay_rlock_acquire(hay_rlock *rlock, hay_time deadline)
{
        int r = 0;
        if (hf_unlikely(!hf_is_placed(rlock)))
                return -EINVAL;
        hf_member_id me = hf_self_id(&r);
        if (hf_unlikely(!me))
                return r;
        if (is_mine(rlock, me)) {
                if (rlock->private_depth == UINT32_MAX)
                        return -EOVERFLOW;
                rlock->private_depth++;
                return 0;
        }
        hay_lock *lock = &rlock->private_lock;
        r = hf_word_acquire(&lock->private_word, &lock->private_spin, me, deadline);
        if (r >= 0)
                rlock->private_depth = 1;
        return r;
}

int hay_rlock_release(hay_rlock *rlock)
{
        int r = 0;
        if (hf_unlikely(!hf_is_placed(rlock)))
                return -EINVAL;
        hf_member_id me = hf_self_id(&r);
        if (hf_unlikely(!me))
                return r;
        if (!is_mine(rlock, me))
                return -EPERM;
        if (rlock->private_depth > 1) {
                rlock->private_depth--;
                return 0;
        }
        return hf_word_release(&rlock->private_lock.private_word);
}

int hay_rlock_locked(const hay_rlock *rlock)
{
        return hf_is_placed(rlock) ? hay_lock_locked(&rlock->private_lock) : -EINVAL;
}
