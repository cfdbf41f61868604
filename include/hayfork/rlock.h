/* RLock: a lock that its owner (one thread of one process) may take again. Valid when zeroed. */
#ifndef HAYFORK_RLOCK_H
#define HAYFORK_RLOCK_H

#include <hayfork/lock.h>

HAY_BEGIN

typedef struct hay_rlock {
        hay_lock private_lock;  /* its word names the owning thread */
        uint32_t private_depth; /* how often the owner holds it, written by it alone */
} hay_rlock;

/* Take it, or take it once more. Results as hay_lock_acquire(); -EOVERFLOW: held 2^32 - 1 times.
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
HAY_API int hay_rlock_acquire(hay_rlock *rlock, hay_time deadline);

/* Give it back once. -EPERM: this thread does not hold it; -EINVAL: NULL or misaligned; -ENOMEM.
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
HAY_API int hay_rlock_release(hay_rlock *rlock);

/* Whether somebody holds it: 1 or 0; -EINVAL: NULL or misaligned.
 * Safety: threads any · after fork child · in signal handlers yes · if killed nothing to mend */
HAY_API int hay_rlock_locked(const hay_rlock *rlock);

HAY_END

#endif
