/* Putting. A small message is copied into the ring under the put guard; a large one, and each of a
 * joinable queue, is copied into a block before, outside of it.
 *
 * The crash table
 *   small   before tail: nothing is visible. After: the message is whole; its wake-up is lost, a
 *           sleeping getter looks at its slice's end.
 *   block   before the guard, and until tail: noted in intents.block, burial frees it. After tail,
 *           before the note is cleared: repair or burial clears it (queue_note.c).
 *   sent    before tail: the sender's ledger has it, the intent `sent` is taken back by the note.
 *           After: it is the queue's, and burial takes the entry out of the ledger.
 *   run     put_many commits once for all that fit: as small. */
#include "channel/queue_put.h"

#include "channel/queue_ring.h"
#include "channel/queue_wait.h"
#include "member/park.h"

#include <limits.h>

/* Under the put guard: may one more message go in by the count? `head` is refreshed when it seems
 * full. */
static inline bool has_count(struct hay_queue *queue, uint64_t tail)
{
        uint32_t most = queue->max_messages;
        if (!most || hf_count(tail) - hf_count(queue->put.seen) < most)
                return true;
        queue->put.seen = atomic_load_acquire(&queue->head.place);
        return hf_count(tail) - hf_count(queue->put.seen) < most;
}

/* Under the put guard: units for a record, with the filler; 0 when there is no room. */
static inline uint32_t has_room(struct hay_queue *queue, const struct hf_ring *ring, uint64_t tail,
                                uint32_t units, uint32_t *ret_skip)
{
        uint32_t all = hf_ring_room(ring, tail, queue->put.seen, units, ret_skip);
        if (hf_likely(all))
                return all;
        /* [Q2] The bytes that were copied out before this head was stored may be overwritten. */
        queue->put.seen = atomic_load_acquire(&queue->head.place);
        return hf_ring_room(ring, tail, queue->put.seen, units, ret_skip);
}

static inline bool is_inline(const struct hay_queue *queue, size_t size)
{
        return size <= HF_INLINE_MOST && !queue->joinable;
}

/* Under the put guard: put small messages as long as they fit, and commit once. */
static int put_run(struct hay_queue *queue, const struct hay_part *parts, size_t count,
                   size_t *ret_done)
{
        struct hf_ring ring;
        size_t done = 0;
        int r = hf_ring_open(queue->put.segment, &ring);
        uint64_t begun = queue->tail.place;
        uint64_t tail = begun;
        if (hf_unlikely(atomic_load_relaxed(&queue->closed)))
                r = -EPIPE;
        while (r == 0 && done < count && is_inline(queue, parts[done].size)) {
                uint32_t skip;
                uint32_t units = hf_units_of(parts[done].size);
                if (hf_unlikely(!has_count(queue, tail))) {
                        r = HF_FULL;
                        break;
                }
                units = has_room(queue, &ring, tail, units, &skip);
                if (hf_unlikely(!units)) {
                        r = HF_GROW;
                        break;
                }
                hf_ring_write_data(hf_ring_begin(&ring, tail, skip), parts[done].data,
                                   parts[done].size);
                tail = hf_place_after(tail, units);
                done++;
        }
        /* [Q1] Commit. The bytes above are visible to the getter whose acquire load of tail sees
         * this. Weaker, it could read the previous lap's. */
        if (tail != begun)
                atomic_store_release(&queue->tail.place, tail);
        *ret_done = done;
        return r;
}

/* Under the put guard: put one block and commit, with a note. */
static int put_block_record(struct hay_queue *queue, struct hf_member *self, hf_offset block,
                            uint64_t size, uint64_t hold)
{
        struct hf_ring ring;
        uint32_t skip;
        uint64_t tail = queue->tail.place;
        int r = hf_ring_open(queue->put.segment, &ring);
        if (r < 0)
                return r;
        if (atomic_load_relaxed(&queue->closed))
                return -EPIPE;
        if (!has_count(queue, tail))
                return HF_FULL;
        uint32_t units = has_room(queue, &ring, tail, HF_BLOCK_UNITS, &skip);
        if (!units)
                return HF_GROW;
        hf_ring_write_block(hf_ring_begin(&ring, tail, skip), block, size);
        hf_note_begin(&queue->put, self,
                      &(struct hf_note){ .kind = hold ? HF_NOTE_SEND : HF_NOTE_STEP,
                                         .word = hf_offset_of(&queue->tail.place),
                                         .before = tail,
                                         .in = hold ? 0 : block });
        if (hold)
                atomic_store_release(hf_intent_sent(&self->intents), hold);
        /* [Q1] */
        atomic_store_release(&queue->tail.place, hf_place_after(tail, units));
        if (!hold)
                hf_heap_linked(self);
        hf_note_close(&queue->put, self);
        return 0;
}

/* What stood in the way of a put: wait for room, or make it. 0: try again. */
static int clear_way(struct hay_queue *queue, struct hf_member *self, int why, hf_offset segment,
                     hay_time deadline, bool *slept)
{
        struct hf_ring ring;
        if (why == HF_FULL)
                return hf_queue_wait_room(queue, deadline, slept);
        if (why != HF_GROW)
                return why;
        int r = hf_ring_open(segment, &ring);
        if (r < 0)
                return r;
        return hf_queue_grow(queue, self, segment,
                             hf_min((ring.mask + 1) * 2, (uint32_t)HF_RING_MOST));
}

int hf_queue_put_block(struct hay_queue *queue, struct hf_member *self, hf_offset block,
                       uint64_t size, uint64_t hold, hay_time deadline)
{
        bool slept = false;
        int r;
        do {
                r = hf_side_lock_by(&queue->put, deadline);
                if (r < 0)
                        break;
                int why = put_block_record(queue, self, block, size, hold);
                hf_offset segment = queue->put.segment;
                hf_side_unlock(&queue->put);
                if (why == 0) {
                        hf_queue_notify_getters(queue);
                        r = 0;
                        break;
                }
                r = clear_way(queue, self, why, segment, deadline, &slept);
        } while (r == 0);
        if (slept)
                hf_queue_pass_on_put(queue);
        return r;
}

/* Put a message by way of a block. */
static int put_copied(struct hay_queue *queue, struct hf_member *self, const struct hay_part *part,
                      hay_time deadline)
{
        void *block;
        if (part->size > hf_region_layout.unit_count * HF_UNIT_SIZE)
                return -EMSGSIZE;
        if (atomic_load_relaxed(&queue->closed))
                return -EPIPE;
        int r = hf_heap_alloc(self, part->size, 0, false, &block);
        if (r < 0)
                return r;
        hf_copy(block, part->data, part->size);
        r = hf_queue_put_block(queue, self, hf_offset_of(block), part->size, 0, deadline);
        if (r < 0)
                hf_heap_free(self, block);
        return r;
}

/* One pass under the guard. 0, or why it stopped. */
static inline int put_pass(struct hay_queue *queue, const struct hay_part *parts, size_t count,
                           hay_time deadline, size_t *ret_done, hf_offset *ret_segment)
{
        int r = hf_side_lock_by(&queue->put, deadline);
        if (hf_unlikely(r < 0))
                return r;
        int why = put_run(queue, parts, count, ret_done);
        *ret_segment = queue->put.segment;
        hf_side_unlock(&queue->put);
        if (*ret_done)
                hf_queue_notify_getters(queue);
        return why;
}

static ssize_t put_parts(struct hay_queue *queue, struct hf_member *self,
                         const struct hay_part *parts, size_t count, hay_time deadline)
{
        bool slept = false;
        size_t done = 0;
        int r = 0;
        while (r == 0 && done < count) {
                size_t now = 0;
                if (!is_inline(queue, parts[done].size)) {
                        r = put_copied(queue, self, &parts[done], deadline);
                        done += r == 0;
                        continue;
                }
                hf_offset segment = 0;
                int why = put_pass(queue, parts + done, count - done, deadline, &now, &segment);
                done += now;
                if (hf_unlikely(why))
                        r = clear_way(queue, self, why, segment, deadline, &slept);
        }
        if (hf_unlikely(slept))
                hf_queue_pass_on_put(queue);
        return done ? (ssize_t)done : r;
}

int hay_queue_put(hay_queue *queue, const void *data, size_t size, hay_time deadline)
{
        int r;
        queue = hf_queue_check(queue);
        if (hf_unlikely(!queue || (!data && size)))
                return -EINVAL;
        struct hf_member *self = hf_self(&r);
        if (hf_unlikely(!self))
                return r;
        struct hay_part part = { (void *)(uintptr_t)data, size };
        ssize_t n = put_parts(queue, self, &part, 1, deadline);
        return n < 0 ? (int)n : 0;
}

ssize_t hay_queue_put_many(hay_queue *queue, const struct hay_part *parts, size_t count,
                           hay_time deadline)
{
        int r;
        queue = hf_queue_check(queue);
        if (!queue || (!parts && count) || count > SSIZE_MAX)
                return -EINVAL;
        for (size_t i = 0; i < count; i++)
                if (!parts[i].data && parts[i].size)
                        return -EINVAL;
        struct hf_member *self = hf_self(&r);
        if (!self)
                return r;
        return put_parts(queue, self, parts, count, deadline);
}
