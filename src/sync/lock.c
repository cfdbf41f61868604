/* The lock is the owned word of member/guard.c, where the words, the matrix and the crash table
 * stand: the word names its true owner, or nobody, at every instant. */
#include <hayfork/lock.h>

#include "base/checked.h"
#include "base/safe.h"
#include "member/guard.h"
#include "sync/place.h"

#include <errno.h>

int hay_lock_acquire(hay_lock *lock, hay_time deadline)
{
        int r = 0;
        if (hf_unlikely(!hf_is_placed(lock)))
                return -EINVAL;
        hf_member_id me = HF_SAFE ? hf_self_id(&r) : 1;
        if (hf_unlikely(!me))
                return r;
        return hf_word_acquire(&lock->private_word, &lock->private_spin, me, deadline);
}

int hay_lock_release(hay_lock *lock)
{
        if (hf_unlikely(!hf_is_placed(lock)))
                return -EINVAL;
        return hf_word_release(&lock->private_word);
}

int hay_lock_locked(const hay_lock *lock)
{
        if (!hf_is_placed(lock))
                return -EINVAL;
        return (atomic_load_acquire(&lock->private_word) & HF_MEMBER_ID_MASK) != 0;
}
