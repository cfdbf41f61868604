/* Sleeping at a queue.
 *
 * The words, for each of get, put and join
 *   attention  flags: SLEEPERS, somebody may sleep on signal; WATCHED, somebody waits for the
 *              region's bell. Set by who goes to sleep, cleared by who wakes. May be set without a
 *              sleeper (a wake of nobody), or by a death be clear with one (its slice heals it).
 *   signal     a sequence; moves with each wake, so that a wake between the look and the sleep is
 *              not lost.
 *
 * The matrix: who sleeps sets the flag, then looks at the queue; who puts stores tail, then looks
 * at the flag [Q3]. One wake in flight: the flag is clear from the wake until the woken one comes
 * out and has taken what it found: it sets the flag again (others may still sleep), looks, and if
 * there is more, it wakes the next. So a burst of puts costs one system call.
 *
 * The crash table
 *   waker    dead after it cleared the flag: sleepers look at their slice's end.
 *   sleeper  dead after it set the flag: one wake of nobody.
 *   woken    dead before it passed the wake on: the others look at their slice's end. */
#include "channel/queue_wait.h"

#include "channel/queue_ledger.h"
#include "channel/queue_ring.h"
#include "member/park.h"

static bool is_empty(struct hay_queue *queue)
{
        return atomic_load_full(&queue->tail.place) == atomic_load_full(&queue->head.place);
}

static bool is_full(struct hay_queue *queue)
{
        uint32_t head = hf_count(atomic_load_full(&queue->head.place));
        return queue->max_messages &&
               hf_count(atomic_load_full(&queue->tail.place)) - head >= queue->max_messages;
}

static bool has_message(struct hay_queue *queue)
{
        return !is_empty(queue) || atomic_load_relaxed(&queue->closed) ||
               atomic_load_relaxed(&queue->get.orphans);
}

/* Only the death of who has a task brings something that no wake-up tells of. */
static hay_time next_slice(struct hay_queue *queue, hay_time slept)
{
        bool has_tasks = queue->joinable && atomic_load_relaxed(&queue->get.undone);
        return has_tasks ? hf_slice_after(slept, HF_SLICE_IDLE) : HF_SLICE_IDLE;
}

int hf_queue_wait_message(struct hay_queue *queue, struct hf_member *self, hay_time deadline,
                          hay_time *slept)
{
        uint32_t before = atomic_load_relaxed(&queue->get.orphans);
        hf_ledger_look(&queue->get, self, *slept ? *slept : HF_SLICE_IDLE, deadline);
        uint32_t orphans = atomic_load_relaxed(&queue->get.orphans);
        if (!is_empty(queue) || orphans != before ||
            (atomic_load_relaxed(&queue->closed) && !orphans))
                return 0;
        /* Orphans that were there before, and that the caller has not found, are others' by now; or
         * their count is damaged: no reason to miss the deadline. */
        if (hf_is_past(deadline))
                return -ETIMEDOUT;
        if (orphans)
                return 0;
        union hf_place_word seen = { atomic_load_relaxed(&queue->tail.place) };
        if (!is_empty(queue) || hf_spin(&queue->tail.half[0], seen.half[0], &queue->get_hint))
                return 0;
        uint32_t signal = atomic_load_acquire(&queue->get_signal);
        /* [Q3] The flag, a full fence, then the look. */
        atomic_or(&queue->get_attention, HF_ATTENTION_SLEEPERS);
        if (has_message(queue))
                return 0;
        *slept = next_slice(queue, *slept);
        hay_time begun = hay_now();
        hf_park(&queue->get_signal, signal, deadline, *slept);
        if (hay_now() - begun >= HF_SLICE_IDLE)
                hf_queue_shrink(queue, self);
        return 0;
}

int hf_queue_wait_room(struct hay_queue *queue, hay_time deadline, bool *slept)
{
        if (!is_full(queue))
                return 0;
        if (hf_is_past(deadline))
                return -ETIMEDOUT;
        union hf_place_word seen = { atomic_load_relaxed(&queue->head.place) };
        if (!is_full(queue) || hf_spin(&queue->head.half[0], seen.half[0], &queue->put_hint))
                return 0;
        uint32_t signal = atomic_load_acquire(&queue->put_signal);
        /* [Q3] */
        atomic_or(&queue->put_attention, HF_ATTENTION_SLEEPERS);
        if (!is_full(queue) || atomic_load_relaxed(&queue->closed))
                return 0;
        *slept = true;
        hf_park(&queue->put_signal, signal, deadline, HF_SLICE_IDLE);
        return 0;
}

static void wake(uint32_t *signal, int count)
{
        atomic_add(signal, 1u);
        hf_unpark(signal, count);
}

void hf_queue_wake_getter(struct hay_queue *queue)
{
        uint32_t attention = atomic_swap(&queue->get_attention, 0u);
        if (attention & HF_ATTENTION_SLEEPERS)
                wake(&queue->get_signal, 1);
        if (attention & HF_ATTENTION_WATCHED)
                hf_region_ring();
}

void hf_queue_wake_putter(struct hay_queue *queue)
{
        if (atomic_swap(&queue->put_attention, 0u))
                wake(&queue->put_signal, 1);
}

void hf_queue_wake_joiners(struct hay_queue *queue)
{
        if (atomic_load_full(&queue->join_attention) && atomic_swap(&queue->join_attention, 0u))
                wake(&queue->join_signal, INT32_MAX);
}

void hf_queue_wake_all(struct hay_queue *queue)
{
        uint32_t attention = atomic_swap(&queue->get_attention, 0u);
        wake(&queue->get_signal, INT32_MAX);
        wake(&queue->put_signal, INT32_MAX);
        wake(&queue->join_signal, INT32_MAX);
        if (attention & HF_ATTENTION_WATCHED)
                hf_region_ring();
}

/* [Q3] As who goes to sleep: the flag first. The other way round, what is put between the look and
 * the flag would wake nobody. */
void hf_queue_pass_on_get(struct hay_queue *queue)
{
        atomic_or(&queue->get_attention, HF_ATTENTION_SLEEPERS);
        if (has_message(queue))
                hf_queue_wake_getter(queue);
}

void hf_queue_pass_on_put(struct hay_queue *queue)
{
        atomic_or(&queue->put_attention, HF_ATTENTION_SLEEPERS);
        if (!is_full(queue))
                hf_queue_wake_putter(queue);
}
