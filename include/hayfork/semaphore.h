/* Semaphore: a number of permits. By default every permit knows who holds it, and a dead holder's
 * come back; with .signal it is a plain counter that anyone raises (Python's Semaphore).
 * A zeroed one is a signal semaphore of value 0. */
#ifndef HAYFORK_SEMAPHORE_H
#define HAYFORK_SEMAPHORE_H

#include <hayfork/time.h>

HAY_BEGIN

#define HAY_SEMAPHORE_MAX 0x3fffffffu /* largest value of a signal semaphore */
#define HAY_SEMAPHORE_PERMITS 65536u  /* largest value of one whose permits have owners */

typedef struct hay_semaphore {
        uint32_t private_word;    /* the value, or a sequence; and whether somebody may sleep */
        uint32_t private_spin;    /* a hint: how long spinning was worth it lately */
        uint32_t private_limit;   /* the kind; and permits in all, or the bound */
        uint32_t private_checked; /* when somebody looked for dead holders, in ms */
        uint64_t private_permits; /* where the owner words are, 0: inline */
        uint32_t private_inline[10];
} hay_semaphore;

struct hay_semaphore_options {
        unsigned value; /* permits at the start */
        bool signal;    /* a plain counter: acquire and release in different processes */
        bool bounded;   /* with .signal: a release above the first value is an error */
};

/* See hay_semaphore_init(). */
HAY_API int hay_semaphore_init_sized(hay_semaphore *semaphore,
                                     const struct hay_semaphore_options *options,
                                     size_t options_size);

/* Make a semaphore in shared memory of the caller's. -EINVAL: NULL or misaligned, outside the
 * region (with more than 10 owned permits), a value over the maximum, 0 owned permits; -ENOMEM.
 * Safety: threads one · after fork child · in signal handlers no · if killed recovers */
static inline int hay_semaphore_init(hay_semaphore *semaphore,
                                     const struct hay_semaphore_options *options)
{
        return hay_semaphore_init_sized(semaphore, options, sizeof(*options));
}

/* Release what init took, also an init that was cut short by a kill. Nobody may use it then. NULL
 * and zeroed ones are fine. Returns NULL.
 * Safety: threads one · after fork child · in signal handlers no · if killed recovers */
HAY_API hay_semaphore *hay_semaphore_fini(hay_semaphore *semaphore);

/* Take a permit; one that a dead thread held is as good as a free one. -ETIMEDOUT: the deadline
 * passed (at once with HAY_NOWAIT); -EINVAL: NULL, misaligned or not initialised; -ENOMEM.
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
HAY_API int hay_semaphore_acquire(hay_semaphore *semaphore, hay_time deadline);

/* Give one back: with owned permits one of this thread's, else one of another thread of this
 * process. -EPERM: this process holds none; -EOVERFLOW: a signal semaphore would be above its
 * bound, or above HAY_SEMAPHORE_MAX; -EINVAL; -ENOMEM.
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
HAY_API int hay_semaphore_release(hay_semaphore *semaphore);

/* How many permits are free just now (those of dead holders are not, until the next acquire that
 * finds none free); -EINVAL: NULL, misaligned or not initialised.
 * Safety: threads any · after fork child · in signal handlers no · if killed nothing to mend */
HAY_API int hay_semaphore_value(const hay_semaphore *semaphore);

HAY_END

#endif
