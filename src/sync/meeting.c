/* Meetings are numbered: each is a generation. Who comes takes a slot and marks it with the
 * generation and itself; when all slots bear the generation's mark, whoever sees that ends the
 * generation by one CAS of the state. How many have come is counted, never stored.
 *
 * The words
 *   state    generation:19 | phase:2 | sleepers:1 | info:22 | met:19. `met` is the generation that
 *            met last (its outcome stays known until all its parties have left, since the next one
 *            needs their slots). `info`: in ACTING the slot of the party that runs the action, in
 *            BROKEN the pid whose death broke the barrier. Sleepers sleep on the half with the
 *            generation.
 *   slot     generation:19 | member id:32. An id of 0 is a free slot, which keeps the mark of the
 *            generation that it served last. Free to {g, me} by a party; back by it alone; a dead
 *            one's slot of another generation is taken by any party.
 *   pid      generation:10 | pid:22, beside each slot; written by its holder after it took the
 * slot. entry    a sequence, and bit 0: somebody may wait for a free slot. since    about when the
 * state changed last, in ms; too early where who changed it died. parties  the last word that init
 * stores, the first that fini clears. slots    names the block with the slots and pids, where they
 * are more than fit in the barrier.
 *
 * The matrix: any against any meet in the CAS of state, or of a slot. init and fini exclude all.
 *
 * The invariants: while the state says {g, FILLING} or {g, ACTING} no slot with the mark g becomes
 * free. A new generation's number stands in no slot. A slot without the mark g, that is seen before
 * a state that still says g, is not part of a meeting of g before it bears that mark: so its CAS to
 * {g, me} comes in time for the meeting, or into a generation that was broken or reset.
 *
 * The crash table
 *   enter    before the slot's CAS: it has not come. After: it counts as come until another party
 *            looks at its life, at the end of a slice, and breaks the barrier; the pid word says
 *            whose death it was (unknown if it died just before that word).
 *   stay     last to come and dead before the CAS of state: the same, or another ends the
 *            generation. In ACTING: the others look at the life of who runs the action, and break.
 *            After the CAS of state, before the wake: sleepers see the state at their slice's end.
 *   leave    before the slot is free again: who needs one finds it dead, and takes it. After that,
 *            before the wake: who needs a slot finds it at the end of its slice.
 *   abort, reset  one CAS, and a wake as above.
 *   init     before `parties`: not initialised; fini() frees the block that `slots` may name.
 *   fini     before `parties`: whole. After: not initialised, as in init.
 */
#include "sync/meeting.h"

#include "base/checked.h"
#include "member/park.h"
#include "sync/place.h"

#include <errno.h>

#define SOMEBODY_WAITS 1u
#define MANY_PARTIES 64u
#define LOOK_MS 50u

/* The half of the state that moves with each change that a sleeper waits for. */
static const uint32_t *low_half(const hay_barrier *barrier)
{
        const uint32_t *halves = (const void *)&barrier->private_state;
        return &halves[__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__];
}

int hf_visit_open(const hay_barrier *barrier, struct hf_visit *ret_visit)
{
        if (!hf_is_placed(barrier))
                return -EINVAL;
        uint32_t parties = atomic_load_acquire(&barrier->private_parties);
        if (!parties || parties > HAY_BARRIER_PARTIES)
                return -EINVAL;
        struct hf_visit visit = { .barrier = (hay_barrier *)(uintptr_t)barrier,
                                  .parties = parties };
        visit.slots = visit.barrier->private_inline;
        visit.pids = visit.barrier->private_pids;
        if (parties > HF_BARRIER_INLINE) {
                size_t size = parties * (sizeof(*visit.slots) + sizeof(*visit.pids));
                visit.slots = hf_checked_at(atomic_load_acquire(&barrier->private_slots), size,
                                            sizeof(*visit.slots));
                if (!visit.slots)
                        return -EINVAL;
                visit.pids = (uint32_t *)(void *)(visit.slots + parties);
        }
        *ret_visit = visit;
        return 0;
}

static uint32_t now_ms(void)
{
        return (uint32_t)(hay_now() / 1000000);
}

/* [B1] Ends a phase: what its parties stored before is visible to who sees the new state. */
bool hf_meeting_change(hay_barrier *barrier, uint64_t seen, struct hf_meeting next)
{
        if (!atomic_cas(&barrier->private_state, seen, hf_meeting_pack(next)))
                return false;
        atomic_store_relaxed(&barrier->private_since, now_ms());
        if (seen & HF_MEETING_SLEEPERS)
                hf_unpark(low_half(barrier), INT32_MAX);
        return true;
}

bool hf_meeting_break(hay_barrier *barrier, uint64_t seen, uint32_t pid)
{
        struct hf_meeting state = hf_meeting_unpack(seen);
        state.phase = HF_BROKEN;
        state.info = pid;
        return hf_meeting_change(barrier, seen, state);
}

enum claim { CLAIMED, FULL, OVER };

/* Take the first free slot for the generation; with `dead`, also one that a dead party of another
 * generation left behind. FULL: there is none. OVER: so is the generation. */
static enum claim claim(struct hf_visit *visit, bool dead)
{
        for (uint32_t i = 0; i < visit->parties; i++) {
                uint64_t seen = atomic_load_acquire(&visit->slots[i]);
                bool is_old = hf_slot_generation(seen) != visit->generation;
                if (!hf_slot_member(seen) && !is_old)
                        return OVER;
                if (hf_slot_member(seen) &&
                    !(dead && is_old && hf_member_is_dead(hf_slot_member(seen))))
                        continue;
                /* [B3] The state after the slot: a slot with the mark of a later generation, which
                 * leave() stored, shows that generation here. */
                uint64_t state = atomic_load_full(&visit->barrier->private_state);
                if (hf_meeting_unpack(state).generation != visit->generation)
                        return OVER;
                if (!atomic_cas(&visit->slots[i], seen, hf_slot_of(visit->generation, visit->me))) {
                        i--;
                        continue;
                }
                uint32_t tag = visit->generation << 22;
                atomic_store_relaxed(&visit->pids[i], tag | (uint32_t)hf_member_pid(visit->me));
                visit->index = i;
                return CLAIMED;
        }
        return FULL;
}

/* Whether all have come, looking first at who would come next. */
static bool is_full(const struct hf_visit *visit)
{
        for (uint32_t i = 1; i <= visit->parties; i++) {
                uint32_t at = (visit->index + i) % visit->parties;
                uint64_t seen = atomic_load_acquire(&visit->slots[at]);
                if (hf_slot_generation(seen) != visit->generation || !hf_slot_member(seen))
                        return false;
        }
        return true;
}

/* Come in: take a slot for the present generation, waiting for one while others are leaving. */
static int enter(struct hf_visit *visit, hay_time deadline)
{
        hay_barrier *barrier = visit->barrier;
        hay_time slept = 0; /* the slice */
        for (;;) {
                uint32_t entry = atomic_load_full(&barrier->private_entry); /* [B2] */
                uint64_t seen = atomic_load_full(&barrier->private_state);
                struct hf_meeting state = hf_meeting_unpack(seen);
                if (state.phase == HF_BROKEN)
                        return -EPIPE;
                visit->generation = state.generation;
                bool is_past = hf_is_past(deadline);
                switch (claim(visit, slept || is_past)) {
                case CLAIMED:
                        return 0;
                case OVER:
                        /* A party has left, before the state said that it may: damage. */
                        if (atomic_load_full(&barrier->private_state) == seen)
                                return -EUCLEAN;
                        continue;
                case FULL:
                        break;
                }
                if (is_past) {
                        /* The others of this generation would miss us; a full one does not. */
                        visit->index = 0;
                        if (is_full(visit) || hf_meeting_break(barrier, seen, 0))
                                return -ETIMEDOUT;
                        continue;
                }
                if (!(entry & SOMEBODY_WAITS)) {
                        atomic_cas(&barrier->private_entry, entry, entry | SOMEBODY_WAITS);
                        continue;
                }
                if (hf_spin(&barrier->private_entry, entry, &barrier->private_spin))
                        continue;
                slept = hf_slice_after(slept, HF_SLICE_OWNED);
                hf_park(&barrier->private_entry, entry, deadline, slept);
        }
}

/* Go: the slot is free for the next generation. */
static void leave(struct hf_visit *visit)
{
        uint32_t *entry = &visit->barrier->private_entry;
        atomic_swap(&visit->slots[visit->index], hf_slot_of(visit->generation, 0));
        /* [B2] The slot is free before the sequence is read; who waits for one reads them the other
         * way round, so one of both sees the other. */
        uint32_t seen = atomic_load_full(entry);
        while (seen & SOMEBODY_WAITS) {
                if (atomic_cas(entry, seen, seen + 1)) {
                        hf_unpark(entry, INT32_MAX);
                        return;
                }
                seen = atomic_load_full(entry);
        }
}

/* All have come: end the generation, or run the action first, unless somebody is faster. */
static void meet(const struct hf_visit *visit, uint64_t seen)
{
        hay_barrier *barrier = visit->barrier;
        struct hf_meeting state = hf_meeting_unpack(seen);
        struct hf_meeting next = { state.generation + 1, HF_FILLING, 0, state.generation };
        if (!barrier->private_action) {
                hf_meeting_change(barrier, seen, next);
                return;
        }
        struct hf_meeting acting = { state.generation, HF_ACTING, visit->index, state.met };
        if (!atomic_cas(&barrier->private_state, seen,
                        hf_meeting_pack(acting) | (seen & HF_MEETING_SLEEPERS)))
                return;
        bool failed = barrier->private_action(barrier->private_arg) != 0;
        do {
                seen = atomic_load_full(&barrier->private_state);
                if ((seen & ~HF_MEETING_SLEEPERS) != hf_meeting_pack(acting))
                        return;
        } while (!(failed ? hf_meeting_break(barrier, seen, 0)
                          : hf_meeting_change(barrier, seen, next)));
}

static uint32_t pid_at(const struct hf_visit *visit, uint32_t at, uint64_t slot)
{
        uint32_t pid = atomic_load_relaxed(&visit->pids[at]);
        if (pid >> 22 == (hf_slot_generation(slot) & 0x3ff))
                return pid & HF_MEETING_INFO_MASK;
        return (uint32_t)hf_member_pid(hf_slot_member(slot));
}

/* Look at the life of a party that has come to this generation; its death breaks the barrier. 1:
 * dead, 0: alive, -1: none has come here. */
static int look_at(const struct hf_visit *visit, uint32_t at, uint64_t seen)
{
        uint64_t slot = atomic_load_acquire(&visit->slots[at]);
        if (hf_slot_generation(slot) != visit->generation || !hf_slot_member(slot) ||
            hf_slot_member(slot) == visit->me)
                return -1;
        if (!hf_member_is_dead(hf_slot_member(slot)))
                return 0;
        hf_meeting_break(visit->barrier, seen, pid_at(visit, at, slot));
        return 1;
}

/* Look at one other party, so that each is looked at by one: at who runs the action, else at the
 * next that has come. */
static void look_after_one(const struct hf_visit *visit, uint64_t seen)
{
        struct hf_meeting state = hf_meeting_unpack(seen);
        uint32_t at = state.phase == HF_ACTING ? state.info : visit->index + 1;
        for (uint32_t i = 0; i < visit->parties; i++, at++) {
                if (at >= visit->parties)
                        at = 0;
                if (look_at(visit, at, seen) >= 0)
                        return;
        }
}

/* All have come. Who died while nobody else was there to see it is found here: unless all came in
 * so short a time that looking would cost more than a hundredth of it. True also when somebody else
 * was faster. */
static bool is_anyone_dead(const struct hf_visit *visit, uint64_t seen)
{
        uint32_t since = atomic_load_relaxed(&visit->barrier->private_since);
        if (now_ms() - since < hf_max(visit->parties, LOOK_MS))
                return false;
        for (uint32_t i = 0; i < visit->parties; i++)
                if (look_at(visit, i, seen) > 0 ||
                    atomic_load_relaxed(&visit->barrier->private_state) != seen)
                        return true;
        return false;
}

/* Having come, wait until the generation is over. */
static int stay(const struct hf_visit *visit, hay_time deadline)
{
        hay_barrier *barrier = visit->barrier;
        const uint32_t *half = low_half(barrier);
        bool many = visit->parties > MANY_PARTIES;
        hay_time slice = 0;
        for (;;) {
                uint64_t seen = atomic_load_full(&barrier->private_state); /* [B1] */
                struct hf_meeting state = hf_meeting_unpack(seen);
                if (state.met == visit->generation)
                        return 0;
                if (state.generation != visit->generation || state.phase == HF_BROKEN)
                        return -EPIPE;
                if (state.phase == HF_FILLING && is_full(visit)) {
                        if (!is_anyone_dead(visit, seen))
                                meet(visit, seen);
                        continue;
                }
                if (hf_is_past(deadline)) {
                        if (hf_meeting_break(barrier, seen, 0))
                                return -ETIMEDOUT;
                        continue;
                }
                if (hf_spin(half, (uint32_t)seen, &barrier->private_spin))
                        continue;
                if (!(seen & HF_MEETING_SLEEPERS)) {
                        if (!atomic_cas(&barrier->private_state, seen, seen | HF_MEETING_SLEEPERS))
                                continue;
                        seen |= HF_MEETING_SLEEPERS;
                }
                slice = many ? HF_SLICE_IDLE : hf_slice_after(slice, HF_SLICE_OWNED);
                hf_park(half, (uint32_t)seen, deadline, slice);
                if (atomic_load_full(&barrier->private_state) == seen)
                        look_after_one(visit, seen);
        }
}

int hf_visit_make(struct hf_visit *visit, hay_time deadline)
{
        int r = enter(visit, deadline);
        if (r < 0)
                return r;
        r = stay(visit, deadline);
        leave(visit);
        return r;
}
