/* Waiters stand in two groups: the early ones, to whom notifies go, and the late ones, who came
 * since the early group was formed. A notify to early waiters is a grant that any of them may take;
 * when all of them have theirs, the group is closed and the late ones become the early ones. So a
 * notify reaches somebody who waited before it, and nobody who comes later can take it. (The
 * condition variables of glibc 2.25 and later have such groups too.) Everything is one word: each
 * operation is one CAS, every instant is consistent, and there is nothing to repair.
 *
 * The words
 *   state  group:25 | granted:13 | early:13 | late:13. `group` is the early group's number; late
 *          waiters belong to group + 1, and all others are closed: their waiters are notified.
 *          `granted`: grants not taken yet; `early`, `late`: waiters without a grant. The counts
 *          are never too low, and too high by waiters that died.
 *   sleep  [group & 1]: a sequence that each notify of that group moves, and bit 0, which says that
 *          somebody may sleep on it.
 *
 * The matrix: any against any meet in the CAS of state.
 *
 * The invariant: a grant is in `granted`, or was taken by a member that held the user's lock at
 * that instant. So what dies with a waiter is either still to be had by others, or the lock's next
 * owner is told. If nobody of the early group is left to take it, a late waiter that has seen it
 * untaken for a slice takes it over (pass_on). There a clock decides, but only about a wake-up that
 * may be one too many, which is legal.
 *
 * The crash table
 *   wait    before the CAS of enroll(): nothing, the lock's next owner is told. After it: a count
 *           is too high. A grant may go to the dead one; another early waiter takes it, else
 *           pass_on() heals that. Between taking the grant and returning: the lock's next owner is
 *           told.
 *   notify  before the CAS: nothing. After it, before the sequence moves or the wake: the notified
 *           see the state at the end of their slice, HF_SLICE_IDLE.
 *   leave, pass_on  as notify.
 *
 * A group's number comes again after 2^25 groups. Each takes a wait and a notify, so nobody can
 * make that many in STALE; who has not looked for that long (a stopped process) returns as if
 * notified. */
#include <hayfork/condition.h>

#include "base/checked.h"
#include "member/guard.h"
#include "member/park.h"
#include "sync/place.h"

#include <errno.h>

#define GROUP_MASK 0x1ffffffu
#define COUNT_BITS 13
#define COUNT_MOST 0x1fffu
#define SLEEPERS 1u
#define ALL UINT32_MAX
#define STALE (4 * 1000000000ll)

struct counts {
        uint32_t group;
        uint32_t granted;
        uint32_t early;
        uint32_t late;
};

/* One wait in progress. */
struct wait {
        hay_condition *condition;
        hay_lock *lock;
        hf_member_id me;
        uint32_t group;
        bool notified;        /* the group was seen closed: it stays so, whatever its number says */
        hay_time looked;      /* when the state was last seen, or before */
        uint64_t stuck_state; /* grants of others, first seen untaken at stuck_since */
        hay_time stuck_since;
};

static struct counts unpack(uint64_t state)
{
        return (struct counts){
                .group = (uint32_t)(state >> 3 * COUNT_BITS),
                .granted = state >> 2 * COUNT_BITS & COUNT_MOST,
                .early = state >> COUNT_BITS & COUNT_MOST,
                .late = state & COUNT_MOST,
        };
}

static uint64_t pack(struct counts counts)
{
        return (uint64_t)(counts.group & GROUP_MASK) << 3 * COUNT_BITS |
               (uint64_t)counts.granted << 2 * COUNT_BITS | (uint64_t)counts.early << COUNT_BITS |
               counts.late;
}

/* [C1] The sequence moves after the state. A waiter reads it before the state ([C2]), so if it has
 * seen the old state it does not sleep through the move. */
static void wake(uint32_t *sleep, uint32_t count)
{
        uint32_t seen;
        uint32_t next;
        do {
                seen = atomic_load_relaxed(sleep);
                next = seen + 2;
                if (count == ALL)
                        next &= ~SLEEPERS;
        } while (!atomic_cas(sleep, seen, next));
        if (seen & SLEEPERS)
                hf_unpark(sleep, count < INT32_MAX ? (int)count : INT32_MAX);
}

/* Notify everybody: both groups are closed. */
static bool close_all(hay_condition *condition, uint64_t seen)
{
        uint32_t group = unpack(seen).group;
        if (!atomic_cas(&condition->private_state, seen,
                        pack((struct counts){ .group = group + 2 })))
                return false;
        wake(&condition->private_sleep[0], ALL);
        wake(&condition->private_sleep[1], ALL);
        return true;
}

/* All of the early group are notified: the late ones are the early ones now. */
static void close_early(struct counts *counts)
{
        counts->group++;
        counts->granted = 0;
        counts->early = counts->late;
        counts->late = 0;
}

static uint32_t grant(struct counts *counts, uint32_t n)
{
        uint32_t given = hf_min(n, counts->early);
        counts->early -= given;
        counts->granted += given;
        return given;
}

static void notify(hay_condition *condition, uint32_t n)
{
        for (;;) {
                uint64_t seen = atomic_load_full(&condition->private_state);
                struct counts counts = unpack(seen);
                uint32_t group = counts.group;
                if (!counts.early && !counts.late)
                        return;
                if (n >= counts.early + counts.late) {
                        if (close_all(condition, seen))
                                return;
                        continue;
                }
                uint32_t early = grant(&counts, n);
                uint32_t late = 0;
                if (early < n) {
                        close_early(&counts);
                        late = grant(&counts, n - early);
                }
                if (!atomic_cas(&condition->private_state, seen, pack(counts)))
                        continue;
                if (early)
                        wake(&condition->private_sleep[group & 1], late ? ALL : early);
                if (late)
                        wake(&condition->private_sleep[(group + 1) & 1], late);
                return;
        }
}

/* Become one of the late waiters. Full of dead ones' counts, everybody starts anew. */
static void enroll(struct wait *wait)
{
        hay_condition *condition = wait->condition;
        wait->looked = hay_now();
        for (;;) {
                uint64_t seen = atomic_load_relaxed(&condition->private_state);
                struct counts counts = unpack(seen);
                if (counts.late == COUNT_MOST) {
                        close_all(condition, seen);
                        continue;
                }
                counts.late++;
                wait->group = (counts.group + 1) & GROUP_MASK;
                if (atomic_cas(&condition->private_state, seen, pack(counts)))
                        return;
        }
}

static bool is_late(const struct wait *wait, struct counts counts)
{
        return ((wait->group - counts.group) & GROUP_MASK) == 1;
}

static bool is_closed(const struct wait *wait, struct counts counts)
{
        return wait->group != counts.group && !is_late(wait, counts);
}

/* Look at the state; true when this waiter is notified, or may take a grant. */
static bool look(struct wait *wait, uint64_t *ret_state)
{
        hay_time before = hay_now();
        *ret_state = atomic_load_acquire(&wait->condition->private_state);
        struct counts counts = unpack(*ret_state);
        if (is_closed(wait, counts) || hay_now() - wait->looked > STALE)
                wait->notified = true;
        wait->looked = before;
        return wait->notified || (counts.granted && !is_late(wait, counts));
}

/* Under the user's lock: true when notified, a grant then being taken. Otherwise, if `leaving`,
 * this waiter is counted no longer. */
static bool settle(struct wait *wait, bool leaving)
{
        for (;;) {
                uint64_t seen;
                look(wait, &seen);
                if (wait->notified)
                        return true;
                struct counts counts = unpack(seen);
                bool late = is_late(wait, counts);
                bool takes = !late && counts.granted;
                if (takes)
                        counts.granted--;
                else if (!leaving)
                        return false;
                else if (late && counts.late)
                        counts.late--;
                else if (!late && counts.early)
                        counts.early--;
                if (atomic_cas(&wait->condition->private_state, seen, pack(counts)))
                        return takes;
        }
}

/* Take the user's lock, looking at the state now and then. */
static int lock_again(struct wait *wait, bool wait_for_it)
{
        hay_lock *lock = wait->lock;
        int r;
        do {
                uint64_t state;
                look(wait, &state);
                r = hf_word_acquire(&lock->private_word, &lock->private_spin, wait->me,
                                    wait_for_it ? hay_in_ms(1000) : HAY_NOWAIT);
        } while (r < 0 && wait_for_it);
        return r;
}

/* Whether others' grants stay untaken, so that this late waiter should take them over. */
static bool is_stuck(struct wait *wait, uint64_t state)
{
        struct counts counts = unpack(state);
        state >>= 2 * COUNT_BITS;
        if (!is_late(wait, counts) || !counts.granted)
                state = 0;
        if (state != wait->stuck_state) {
                wait->stuck_state = state;
                wait->stuck_since = hay_now();
        }
        return state && hay_now() - wait->stuck_since >= HF_SLICE_IDLE;
}

/* Under the user's lock: close the early group, hand its grants to the late one, take one of them.
 * False when the state moved. */
static bool pass_on(struct wait *wait, uint64_t seen)
{
        hay_condition *condition = wait->condition;
        struct counts counts = unpack(seen);
        uint32_t group = counts.group;
        uint32_t n = counts.granted;
        close_early(&counts);
        uint32_t given = grant(&counts, n);
        if (!given)
                return false;
        counts.granted--;
        if (!atomic_cas(&condition->private_state, seen, pack(counts)))
                return false;
        wake(&condition->private_sleep[group & 1], ALL);
        if (given > 1)
                wake(&condition->private_sleep[(group + 1) & 1], given - 1);
        return true;
}

/* With the lock taken again (r says how): is the wait over? If not, the lock is released. */
static bool is_over(struct wait *wait, bool taken_over, hay_time deadline, int *r)
{
        bool died = *r == HAY_OWNER_DIED;
        bool late = hf_is_past(deadline);
        if (taken_over || settle(wait, died || late) || died)
                return true;
        if (late) {
                *r = -ETIMEDOUT;
                return true;
        }
        hf_word_release(&wait->lock->private_word);
        return false;
}

/* Sleep until notified or late; returns with the lock held. */
static int wait_enrolled(struct wait *wait, hay_time deadline)
{
        uint32_t *sleep = &wait->condition->private_sleep[wait->group & 1];
        for (;;) {
                /* [C2] Before the state, see [C1]. */
                uint32_t sequence = atomic_load_full(sleep);
                uint64_t state;
                bool may_return = look(wait, &state) || hf_is_past(deadline);
                bool stuck = !may_return && is_stuck(wait, state);
                if (may_return || stuck) {
                        int r = lock_again(wait, may_return);
                        if (r >= 0 && is_over(wait, stuck && pass_on(wait, state), deadline, &r))
                                return r;
                        if (may_return)
                                continue;
                } else if (hf_spin(sleep, sequence, &wait->condition->private_spin)) {
                        continue;
                }
                if (!(sequence & SLEEPERS) && !atomic_cas(sleep, sequence, sequence | SLEEPERS))
                        continue;
                hf_park(sleep, sequence | SLEEPERS, deadline, HF_SLICE_IDLE);
        }
}

/* 0 when the calling thread holds the lock; then *ret_wait is ready. */
static int prepare(hay_condition *condition, hay_lock *lock, struct wait *ret_wait)
{
        int r = 0;
        hf_member_id me = hf_self_id(&r);
        if (!me)
                return r;
        if ((atomic_load_relaxed(&lock->private_word) & HF_MEMBER_ID_MASK) != me)
                return -EPERM;
        *ret_wait = (struct wait){ .condition = condition, .lock = lock, .me = me };
        return 0;
}

static int wait_prepared(struct wait *wait, hay_time deadline)
{
        enroll(wait);
        hf_word_release(&wait->lock->private_word);
        return wait_enrolled(wait, deadline);
}

int hay_condition_wait(hay_condition *condition, hay_lock *lock, hay_time deadline)
{
        struct wait wait;
        if (!hf_is_placed(condition) || !hf_is_placed(lock))
                return -EINVAL;
        int r = prepare(condition, lock, &wait);
        return r < 0 ? r : wait_prepared(&wait, deadline);
}

int hay_condition_wait_rlock(hay_condition *condition, hay_rlock *rlock, hay_time deadline)
{
        struct wait wait;
        if (!hf_is_placed(condition) || !hf_is_placed(rlock))
                return -EINVAL;
        int r = prepare(condition, &rlock->private_lock, &wait);
        if (r < 0)
                return r;
        uint32_t depth = rlock->private_depth;
        r = wait_prepared(&wait, deadline);
        rlock->private_depth = depth;
        return r;
}

int hay_condition_wait_for(hay_condition *condition, hay_lock *lock, bool (*predicate)(void *arg),
                           void *arg, hay_time deadline)
{
        struct wait wait;
        if (!hf_is_placed(condition) || !hf_is_placed(lock) || !predicate)
                return -EINVAL;
        int r = prepare(condition, lock, &wait);
        while (r >= 0 && !predicate(arg)) {
                if (hf_is_past(deadline))
                        return -ETIMEDOUT;
                prepare(condition, lock, &wait);
                r = wait_prepared(&wait, deadline);
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
        notify(condition, (uint32_t)n);
        return 0;
}

int hay_condition_notify_all(hay_condition *condition)
{
        if (!hf_is_placed(condition))
                return -EINVAL;
        notify(condition, ALL);
        return 0;
}
