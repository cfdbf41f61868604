/* Condition: wait, under a lock, until somebody says that something changed. Valid when zeroed.
 * Always test what you wait for in a loop, or use wait_for: a wait may end early, above all after
 * a waiter died. */
#ifndef HAYFORK_CONDITION_H
#define HAYFORK_CONDITION_H

#include <hayfork/lock.h>
#include <hayfork/rlock.h>

HAY_BEGIN

typedef struct hay_condition {
        uint32_t private_sequence; /* moves with each notify; sleepers sleep on it */
        uint32_t private_waiting;  /* how many wait; too high after a waiter's death */
        uint32_t private_pending;  /* notifies given and not yet taken */
        uint32_t private_ticket;   /* the next waiter's number */
        uint32_t private_limit;    /* waiters below it may take a pending notify */
        uint32_t private_guard;    /* the internal lock over these words */
} hay_condition;

/* Release the lock, sleep until notified, take the lock again: it is held on every return but
 * -EINVAL and -EPERM (not held). 0; HAY_OWNER_DIED: woken, and the lock's last owner died;
 * -ETIMEDOUT: the deadline passed, lock held (taken again without regard to the deadline).
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
HAY_API int hay_condition_wait(hay_condition *condition, hay_lock *lock, hay_time deadline);

/* The same with an RLock, released and taken again to its full depth. -EPERM: not held by this
 * thread.
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
HAY_API int hay_condition_wait_rlock(hay_condition *condition, hay_rlock *rlock, hay_time deadline);

/* Wait until predicate(arg), called under the lock, is true. Results as hay_condition_wait().
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
HAY_API int hay_condition_wait_for(hay_condition *condition, hay_lock *lock,
                                   bool (*predicate)(void *arg), void *arg, hay_time deadline);

/* Wake up to n waiters; call it with the lock held. -EINVAL: NULL or n < 1.
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
HAY_API int hay_condition_notify(hay_condition *condition, int n);

/* Wake all.
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
HAY_API int hay_condition_notify_all(hay_condition *condition);

HAY_END

#endif
