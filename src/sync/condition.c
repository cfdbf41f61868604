/* A wait: enroll, release the user's lock, sleep, take the lock again. Who is notified, and by which
 * words, stands in waiters.c; what the lock does, in member/guard.c. */
#include <hayfork/condition.h>

#include "member/guard.h"
#include "member/park.h"
#include "sync/place.h"
#include "sync/waiters.h"

#include <errno.h>

#define ALL UINT32_MAX

/* Take the user's lock, looking at the state now and then. */
static int lock_again(struct hf_waiter *waiter, bool wait_for_it)
{
        hay_lock *lock = waiter->lock;
        int r;
        do {
                uint64_t state;
                hf_waiter_look(waiter, &state);
                r = hf_word_acquire(&lock->private_word, &lock->private_spin, waiter->me,
                                    wait_for_it ? hay_in_ms(1000) : HAY_NOWAIT);
        } while (r < 0 && wait_for_it);
        return r;
}

/* With the lock taken again (r says how): is the wait over? If not, the lock is released. */
static bool is_over(struct hf_waiter *waiter, bool taken_over, hay_time deadline, int *r)
{
        bool died = *r == HAY_OWNER_DIED;
        bool late = hf_is_past(deadline);
        if (taken_over || hf_waiter_settle(waiter, died || late) || died)
                return true;
        if (late) {
                *r = -ETIMEDOUT;
                return true;
        }
        hf_word_release(&waiter->lock->private_word);
        return false;
}

/* Sleep until notified or late; returns with the lock held. */
static int wait_enrolled(struct hf_waiter *waiter, hay_time deadline)
{
        uint32_t *sleep = &waiter->condition->private_sleep[waiter->group & 1];
        for (;;) {
                /* [C2] Before the state, see [C1]. */
                uint32_t sequence = atomic_load_full(sleep);
                uint64_t state;
                bool may_return = hf_waiter_look(waiter, &state) || hf_is_past(deadline);
                bool stuck = !may_return && hf_waiter_is_stuck(waiter, state);
                if (may_return || stuck) {
                        int r = lock_again(waiter, may_return);
                        if (r >= 0 && is_over(waiter, stuck && hf_waiters_pass_on(waiter, state),
                                              deadline, &r))
                                return r;
                        if (may_return)
                                continue;
                } else if (hf_spin(sleep, sequence, &waiter->condition->private_spin)) {
                        continue;
                }
                if (!(sequence & HF_WAITERS_SLEEP) &&
                    !atomic_cas(sleep, sequence, sequence | HF_WAITERS_SLEEP))
                        continue;
                hf_park(sleep, sequence | HF_WAITERS_SLEEP, deadline, HF_SLICE_IDLE);
        }
}

/* 0 when the calling thread holds the lock; then *ret_waiter is ready. */
static int prepare(hay_condition *condition, hay_lock *lock, struct hf_waiter *ret_waiter)
{
        int r = 0;
        hf_member_id me = hf_self_id(&r);
        if (!me)
                return r;
        if ((atomic_load_relaxed(&lock->private_word) & HF_MEMBER_ID_MASK) != me)
                return -EPERM;
        *ret_waiter = (struct hf_waiter){ .condition = condition, .lock = lock, .me = me };
        return 0;
}

static int wait_prepared(struct hf_waiter *waiter, hay_time deadline)
{
        hf_waiter_enroll(waiter);
        hf_word_release(&waiter->lock->private_word);
        return wait_enrolled(waiter, deadline);
}

int hay_condition_wait(hay_condition *condition, hay_lock *lock, hay_time deadline)
{
        struct hf_waiter waiter;
        if (!hf_is_placed(condition) || !hf_is_placed(lock))
                return -EINVAL;
        int r = prepare(condition, lock, &waiter);
        return r < 0 ? r : wait_prepared(&waiter, deadline);
}

int hay_condition_wait_rlock(hay_condition *condition, hay_rlock *rlock, hay_time deadline)
{
        struct hf_waiter waiter;
        if (!hf_is_placed(condition) || !hf_is_placed(rlock))
                return -EINVAL;
        int r = prepare(condition, &rlock->private_lock, &waiter);
        if (r < 0)
                return r;
        uint32_t depth = rlock->private_depth;
        r = wait_prepared(&waiter, deadline);
        rlock->private_depth = depth;
        return r;
}

int hay_condition_wait_for(hay_condition *condition, hay_lock *lock, bool (*predicate)(void *arg),
                           void *arg, hay_time deadline)
{
        struct hf_waiter waiter;
        if (!hf_is_placed(condition) || !hf_is_placed(lock) || !predicate)
                return -EINVAL;
        int r = prepare(condition, lock, &waiter);
        while (r >= 0 && !predicate(arg)) {
                if (hf_is_past(deadline))
                        return -ETIMEDOUT;
                prepare(condition, lock, &waiter);
                r = wait_prepared(&waiter, deadline);
                if (r == HAY_OWNER_DIED)
                        return r;
                if (r == -ETIMEDOUT)
                        r = 0;
        }
        return r;
}

int hay_condition_notify(hay_condition *condition, int n)
{
        if (!hf_is_placed(condition) || n < 1)
                return -EINVAL;
        hf_waiters_notify(condition, (uint32_t)n);
        return 0;
}

int hay_condition_notify_all(hay_condition *condition)
{
        if (!hf_is_placed(condition))
                return -EINVAL;
        hf_waiters_notify(condition, ALL);
        return 0;
}
