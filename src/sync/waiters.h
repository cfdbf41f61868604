/* Those who wait at a condition. The model stands in waiters.c. */
#ifndef HF_SYNC_WAITERS_H
#define HF_SYNC_WAITERS_H

#include "member/member.h"

#include <hayfork/condition.h>

/* Bit 0 of a sleep word: somebody may sleep on it. */
#define HF_WAITERS_SLEEP 1u

/* One wait in progress. */
struct hf_waiter {
        hay_condition *condition;
        hay_lock *lock;
        hf_member_id me;
        uint32_t group;
        bool notified;        /* the group was seen closed: it stays so, whatever its number says */
        hay_time looked;      /* when the state was last seen, or before */
        uint64_t stuck_state; /* grants of others, first seen untaken at stuck_since */
        hay_time stuck_since;
};

/* Notify up to n waiters, UINT32_MAX: all. */
void hf_waiters_notify(hay_condition *condition, uint32_t n);

/* Become one of the waiters. */
void hf_waiter_enroll(struct hf_waiter *waiter);

/* Look at the state; true when this waiter is notified, or may take a grant. */
bool hf_waiter_look(struct hf_waiter *waiter, uint64_t *ret_state);

/* Under the user's lock: true when notified, a grant then being taken. Otherwise, if `leaving`,
 * this waiter is counted no longer. */
bool hf_waiter_settle(struct hf_waiter *waiter, bool leaving);

/* Whether others' grants stay untaken, so that this late waiter should take them over. */
bool hf_waiter_is_stuck(struct hf_waiter *waiter, uint64_t state);

/* Under the user's lock: close the early group, hand its grants to the late one, take one of them.
 * False when the state moved. */
bool hf_waiters_pass_on(struct hf_waiter *waiter, uint64_t seen);

#endif
