/* Condition: wait, under a lock, until somebody says that something changed. Valid when zeroed.
 * Always test what you wait for in a loop, or use wait_for: a wait may end early, above all after
 * a waiter died. */
#ifndef HAYFORK_CONDITION_H
#define HAYFORK_CONDITION_H

#include <hayfork/lock.h>
#include <hayfork/rlock.h>

HAY_BEGIN

typedef struct hay_condition {
        uint64_t private_state;    /* groups of waiters: one word, one commit each operation */
        uint32_t private_sleep[2]; /* move with each notify; sleepers sleep on their group's */
        uint32_t private_spin;     /* a hint: how long spinning was worth it lately */
        uint32_t private_reserved;
} hay_condition;

/* Release the lock, sleep until notified, take the lock again: it is held on every return but
 * -EINVAL (NULL or misaligned), -EPERM (not held by this thread) and -ENOMEM. 0: notified, or woken
 * early; HAY_OWNER_DIED: woken, because the lock's last owner died; -ETIMEDOUT: the deadline
 * passed, lock held (taken again without regard to the deadline).
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
HAY_API int hay_condition_wait(hay_condition *condition, hay_lock *lock, hay_time deadline);

/* The same with an RLock, released and taken again to its full depth.
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
HAY_API int hay_condition_wait_rlock(hay_condition *condition, hay_rlock *rlock, hay_time deadline);

/* Wait until predicate(arg), called under the lock, is true: 0. Other results as
 * hay_condition_wait(); with HAY_OWNER_DIED and -ETIMEDOUT the predicate may be false.
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
HAY_API int hay_condition_wait_for(hay_condition *condition, hay_lock *lock,
                                   bool (*predicate)(void *arg), void *arg, hay_time deadline);

/* Wake n of those that wait (all, when they are fewer), never one that comes later; call it with
 * the lock held. -EINVAL: NULL or misaligned, or n < 1.
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
HAY_API int hay_condition_notify(hay_condition *condition, int n);

/* Wake all that wait. -EINVAL: NULL or misaligned.
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
HAY_API int hay_condition_notify_all(hay_condition *condition);

HAY_END

#endif
