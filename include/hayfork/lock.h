/* Lock: mutual exclusion between processes and threads, which survives its owner's death.
 * Valid when zeroed; put it beside what it guards. */
#ifndef HAYFORK_LOCK_H
#define HAYFORK_LOCK_H

#include <hayfork/time.h>

HAY_BEGIN

typedef struct hay_lock {
        uint32_t private_word; /* 0 free; else the member that owns it, and whether others sleep */
        uint32_t private_spin; /* a hint: how long spinning was worth it lately */
} hay_lock;

/* Take the lock. 0; HAY_OWNER_DIED: taken, its last owner died holding it; -ETIMEDOUT: the deadline
 * passed (at once with HAY_NOWAIT); -EINVAL: NULL, or not 4-byte aligned; -ENOMEM: no region or no
 * room for another member. Not recursive: the owner that takes it again waits.
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
HAY_API int hay_lock_acquire(hay_lock *lock, hay_time deadline);

/* Give it back; any process may, as in Python. -EPERM: it was not held; -EINVAL: NULL or
 * misaligned.
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers
 */
HAY_API int hay_lock_release(hay_lock *lock);

/* Whether somebody holds it (also a dead owner, until the next acquire): 1 or 0; -EINVAL: NULL or
 * misaligned.
 * Safety: threads any · after fork child · in signal handlers yes · if killed nothing to mend */
HAY_API int hay_lock_locked(const hay_lock *lock);

HAY_END

#endif
