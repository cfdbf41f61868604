/* The public face of meetings, whose model stands in meeting.c. */
#include <hayfork/barrier.h>

#include "base/checked.h"
#include "base/options.h"
#include "memory/heap.h"
#include "sync/meeting.h"
#include "sync/place.h"

#include <errno.h>
#include <string.h>

int hay_barrier_wait(hay_barrier *barrier, hay_time deadline, unsigned *ret_index)
{
        struct hf_visit visit;
        int r = 0;
        if (!hf_is_placed(barrier))
                return -EINVAL;
        hf_member_id me = hf_self_id(&r);
        if (!me)
                return r;
        r = hf_visit_open(barrier, &visit);
        if (r < 0)
                return r;
        visit.me = me;
        r = hf_visit_make(&visit, deadline);
        if (r == 0 && ret_index)
                *ret_index = visit.index;
        return r;
}

int hay_barrier_abort(hay_barrier *barrier)
{
        struct hf_visit visit;
        int r = hf_visit_open(barrier, &visit);
        if (r < 0)
                return r;
        uint64_t seen;
        do
                seen = atomic_load_full(&barrier->private_state);
        while (hf_meeting_unpack(seen).phase != HF_BROKEN && !hf_meeting_break(barrier, seen, 0));
        return 0;
}

static bool is_marked(const struct hf_visit *visit, uint32_t generation)
{
        for (uint32_t i = 0; i < visit->parties; i++)
                if (hf_slot_generation(atomic_load_acquire(&visit->slots[i])) == generation)
                        return true;
        return false;
}

int hay_barrier_reset(hay_barrier *barrier)
{
        struct hf_visit visit;
        int r = hf_visit_open(barrier, &visit);
        if (r < 0)
                return r;
        uint64_t seen;
        struct hf_meeting state;
        do {
                seen = atomic_load_full(&barrier->private_state);
                state = hf_meeting_unpack(seen);
                do
                        state.generation = (state.generation + 1) & HF_MEETING_GENERATION_MASK;
                while (state.generation == state.met || is_marked(&visit, state.generation));
                state.phase = HF_FILLING;
                state.info = 0;
        } while (!hf_meeting_change(barrier, seen, state));
        return 0;
}

int hay_barrier_parties(const hay_barrier *barrier)
{
        struct hf_visit visit;
        int r = hf_visit_open(barrier, &visit);
        return r < 0 ? r : (int)visit.parties;
}

int hay_barrier_waiting(const hay_barrier *barrier)
{
        struct hf_visit visit;
        int r = hf_visit_open(barrier, &visit);
        if (r < 0)
                return r;
        struct hf_meeting state = hf_meeting_unpack(atomic_load_acquire(&barrier->private_state));
        int waiting = 0;
        for (uint32_t i = 0; state.phase != HF_BROKEN && i < visit.parties; i++) {
                uint64_t slot = atomic_load_acquire(&visit.slots[i]);
                waiting += hf_slot_generation(slot) == state.generation && hf_slot_member(slot) &&
                           !hf_member_is_dead(hf_slot_member(slot));
        }
        return waiting;
}

int hay_barrier_broken(const hay_barrier *barrier, pid_t *ret_pid)
{
        struct hf_visit visit;
        int r = hf_visit_open(barrier, &visit);
        if (r < 0)
                return r;
        struct hf_meeting state = hf_meeting_unpack(atomic_load_acquire(&barrier->private_state));
        bool broken = state.phase == HF_BROKEN;
        if (ret_pid)
                *ret_pid = broken ? (pid_t)state.info : 0;
        return broken;
}

int hay_barrier_init_sized(hay_barrier *barrier, const struct hay_barrier_options *options,
                           size_t options_size)
{
        struct hay_barrier_options wanted;
        int r = hf_options_take(&wanted, sizeof(wanted), options, options_size);
        if (r < 0)
                return r;
        if (!hf_is_placed(barrier) || !wanted.parties || wanted.parties > HAY_BARRIER_PARTIES)
                return -EINVAL;
        bool has_block = wanted.parties > HF_BARRIER_INLINE;
        if (has_block && !hf_self(&r))
                return r;
        if (has_block && !hf_in_region(barrier, sizeof(*barrier)))
                return -EINVAL;
        memset(barrier, 0, sizeof(*barrier));
        if (has_block) {
                size_t size = wanted.parties * (sizeof(uint64_t) + sizeof(uint32_t));
                r = hf_heap_alloc_at(&barrier->private_slots, size, 64, true);
                if (r < 0)
                        return r;
        }
        barrier->private_state = hf_meeting_pack((struct hf_meeting){ .generation = 1 });
        barrier->private_action = wanted.action;
        barrier->private_arg = wanted.arg;
        barrier->private_since = (uint32_t)(hay_now() / 1000000);
        atomic_store_release(&barrier->private_parties, wanted.parties);
        return 0;
}

hay_barrier *hay_barrier_fini(hay_barrier *barrier)
{
        int r;
        if (!hf_is_placed(barrier))
                return NULL;
        atomic_store_release(&barrier->private_parties, 0u);
        atomic_keep_order();
        if (barrier->private_slots && hf_in_region(barrier, sizeof(*barrier)) && hf_self(&r))
                hf_heap_free_at(&barrier->private_slots);
        memset(barrier, 0, sizeof(*barrier));
        return NULL;
}
