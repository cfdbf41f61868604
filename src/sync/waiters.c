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
 * untaken for a slice takes it over (hf_waiters_pass_on). There a clock decides, but only about a wake-up that
 * may be one too many, which is legal.
 *
 * The crash table
 *   wait    before the CAS of enrolling: nothing, the lock's next owner is told. After it: a count
 *           is too high. A grant may go to the dead one; another early waiter takes it, else
 *           passing on heals that. Between taking the grant and returning: the lock's next owner is
 *           told.
 *   notify  before the CAS: nothing. After it, before the sequence moves or the wake: the notified
 *           see the state at the end of their slice, HF_SLICE_IDLE.
 *   leave, pass_on  as notify.
 *
 * A group's number comes again after 2^25 groups. Each takes a wait and a notify, so nobody can
 * make that many in STALE; who has not looked for that long (a stopped process) returns as if
 * notified. */
#include "sync/waiters.h"

#include "base/checked.h"
#include "member/park.h"

#define GROUP_MASK 0x1ffffffu
#define COUNT_BITS 13
#define COUNT_MOST 0x1fffu
#define ALL UINT32_MAX
#define STALE (4 * 1000000000ll)

struct counts {
        uint32_t group;
        uint32_t granted;
        uint32_t early;
        uint32_t late;
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
                        next &= ~HF_WAITERS_SLEEP;
        } while (!atomic_cas(sleep, seen, next));
        if (seen & HF_WAITERS_SLEEP)
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

void hf_waiters_notify(hay_condition *condition, uint32_t n)
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

/* One of the late ones. Full of dead ones' counts, everybody starts anew. */
void hf_waiter_enroll(struct hf_waiter *waiter)
{
        hay_condition *condition = waiter->condition;
        waiter->looked = hay_now();
        for (;;) {
                uint64_t seen = atomic_load_relaxed(&condition->private_state);
                struct counts counts = unpack(seen);
                if (counts.late == COUNT_MOST) {
                        close_all(condition, seen);
                        continue;
                }
                counts.late++;
                waiter->group = (counts.group + 1) & GROUP_MASK;
                if (atomic_cas(&condition->private_state, seen, pack(counts)))
                        return;
        }
}

static bool is_late(const struct hf_waiter *waiter, struct counts counts)
{
        return ((waiter->group - counts.group) & GROUP_MASK) == 1;
}

static bool is_closed(const struct hf_waiter *waiter, struct counts counts)
{
        return waiter->group != counts.group && !is_late(waiter, counts);
}

bool hf_waiter_look(struct hf_waiter *waiter, uint64_t *ret_state)
{
        hay_time before = hay_now();
        *ret_state = atomic_load_acquire(&waiter->condition->private_state);
        struct counts counts = unpack(*ret_state);
        if (is_closed(waiter, counts) || hay_now() - waiter->looked > STALE)
                waiter->notified = true;
        waiter->looked = before;
        return waiter->notified || (counts.granted && !is_late(waiter, counts));
}

bool hf_waiter_settle(struct hf_waiter *waiter, bool leaving)
{
        for (;;) {
                uint64_t seen;
                hf_waiter_look(waiter, &seen);
                if (waiter->notified)
                        return true;
                struct counts counts = unpack(seen);
                bool late = is_late(waiter, counts);
                bool takes = !late && counts.granted;
                if (takes)
                        counts.granted--;
                else if (!leaving)
                        return false;
                else if (late && counts.late)
                        counts.late--;
                else if (!late && counts.early)
                        counts.early--;
                if (atomic_cas(&waiter->condition->private_state, seen, pack(counts)))
                        return takes;
        }
}

bool hf_waiter_is_stuck(struct hf_waiter *waiter, uint64_t state)
{
        struct counts counts = unpack(state);
        state >>= 2 * COUNT_BITS;
        if (!is_late(waiter, counts) || !counts.granted)
                state = 0;
        if (state != waiter->stuck_state) {
                waiter->stuck_state = state;
                waiter->stuck_since = hay_now();
        }
        return state && hay_now() - waiter->stuck_since >= HF_SLICE_IDLE;
}

bool hf_waiters_pass_on(struct hf_waiter *waiter, uint64_t seen)
{
        hay_condition *condition = waiter->condition;
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
