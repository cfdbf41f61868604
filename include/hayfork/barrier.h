/* Barrier: a number of parties meet, all go on together. A party that dies while it waits breaks it
 * (one that dies before it came is not missed: give a deadline). */
#ifndef HAYFORK_BARRIER_H
#define HAYFORK_BARRIER_H

#include <hayfork/time.h>

HAY_BEGIN

#define HAY_BARRIER_PARTIES 65536u

typedef struct hay_barrier {
        uint64_t private_state;   /* generation and phase: one word, one commit a meeting */
        uint32_t private_parties; /* 0: not initialised */
        uint32_t private_entry;   /* moves when a slot is free again, if somebody waits for one */
        uint64_t private_slots;   /* where the arrivals are, 0: inline */
        int (*private_action)(void *arg);
        void *private_arg;
        uint32_t private_spin;      /* a hint: how long spinning was worth it lately */
        uint32_t private_since;     /* about when the state changed last, in ms */
        uint64_t private_inline[8]; /* who has arrived, in which generation */
        uint32_t private_pids[8];   /* and of which process they are */
} hay_barrier;

struct hay_barrier_options {
        unsigned parties;         /* 1 to HAY_BARRIER_PARTIES */
        int (*action)(void *arg); /* run by one party when all have come; non-zero breaks it. It
                                   * must be at this address in every party that may run it */
        void *arg;
};

/* See hay_barrier_init(). */
HAY_API int hay_barrier_init_sized(hay_barrier *barrier, const struct hay_barrier_options *options,
                                   size_t options_size);

/* Make a barrier in memory of the caller's. -EINVAL: NULL or misaligned, outside the region (with
 * more than 8 parties), parties out of range; -ENOMEM.
 * Safety: threads one · after fork child · in signal handlers no · if killed recovers */
static inline int hay_barrier_init(hay_barrier *barrier, const struct hay_barrier_options *options)
{
        return hay_barrier_init_sized(barrier, options, sizeof(*options));
}

/* Release what init took, also an init that was cut short by a kill. Nobody may use it then. NULL
 * and zeroed ones are fine. Returns NULL.
 * Safety: threads one · after fork child · in signal handlers no · if killed recovers */
HAY_API hay_barrier *hay_barrier_fini(hay_barrier *barrier);

/* Arrive and wait for the others. Stores which of the parties this one was, 0 to parties - 1, at
 * ret_index (may be NULL). -EPIPE: the barrier is broken (a party died, timed out or aborted, or
 * the action failed), or was reset meanwhile; -ETIMEDOUT: the deadline passed, and with that the
 * barrier is broken (but not for others whose meeting was full already); -EINVAL: NULL, misaligned
 * or not initialised; -ENOMEM.
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
HAY_API int hay_barrier_wait(hay_barrier *barrier, hay_time deadline, unsigned *ret_index);

/* Break it: all who wait, or come later, get -EPIPE. -EINVAL: NULL or not initialised.
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
HAY_API int hay_barrier_abort(hay_barrier *barrier);

/* Whole and empty again; who waits just now gets -EPIPE. -EINVAL.
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
HAY_API int hay_barrier_reset(hay_barrier *barrier);

/* How many it needs; how many wait now; whether it is broken (1 or 0). -EINVAL: NULL or not
 * initialised. ret_pid (may be NULL): whose death broke it, 0 if none did or it is unknown.
 * Safety: threads any · after fork child · in signal handlers no · if killed nothing to mend */
HAY_API int hay_barrier_parties(const hay_barrier *barrier);
/* See hay_barrier_parties().
 * Safety: threads any · after fork child · in signal handlers no · if killed nothing to mend */
HAY_API int hay_barrier_waiting(const hay_barrier *barrier);
/* See hay_barrier_parties().
 * Safety: threads any · after fork child · in signal handlers no · if killed nothing to mend */
HAY_API int hay_barrier_broken(const hay_barrier *barrier, pid_t *ret_pid);

HAY_END

#endif
