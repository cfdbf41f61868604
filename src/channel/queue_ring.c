/* The chain of segments: it grows at the put side and shrinks at the get side.
 *
 * Growing and moving on are steps of their own, with one commit each, so that put and get stay one
 * store. Memory is taken and given back outside of the guards: a freed span costs system calls.
 *
 * The crash table
 *   grow     before next: the segment is noted in intents.block, its burial frees it. After next,
 *            before put.segment: the repair follows next. In between `end` is set without meaning.
 *            The new ring is empty then: its base is the place of tail.
 *   move on  before get.segment: the repair takes the note of the old one back. After: burial frees
 *            it. */
#include "channel/queue_ring.h"

#include "channel/queue.h"

#define SHRINK_FROM 8192u /* units: 64 KiB */

int hf_segment_new_at(hf_offset *place, uint32_t units)
{
        int r = hf_heap_alloc_at(place, sizeof(struct hf_segment) + (size_t)units * HF_UNIT,
                                 HF_CACHE_LINE, false);
        if (r < 0)
                return r;
        struct hf_segment *segment = hf_at(*place);
        segment->magic = HF_SEGMENT_MAGIC;
        segment->units = units;
        segment->base = 0;
        segment->end = 0;
        segment->next = 0;
        return 0;
}

/* Make intents.block free for another block, and back. In between both may name it: see bury() in
 * queue_note.c. */
static bool set_aside(struct hf_member *self)
{
        if (!self->intents.block)
                return false;
        atomic_store_release(&self->intents.spare_block, self->intents.block);
        atomic_store_release(&self->intents.block, (hf_offset)0);
        return true;
}

static void bring_back(struct hf_member *self)
{
        atomic_store_release(&self->intents.block, self->intents.spare_block);
        atomic_store_release(&self->intents.spare_block, (hf_offset)0);
}

/* Under the put guard: put.segment is `seen` still, and positions stay comparable. */
static int link_segment(struct hay_queue *queue, struct hf_member *self, hf_offset seen,
                        struct hf_segment *segment)
{
        struct hf_ring old;
        uint32_t tail = hf_position(queue->tail.place);
        uint32_t head = hf_position(atomic_load_acquire(&queue->head.place));
        if (queue->put.segment != seen)
                return HF_AGAIN;
        int r = hf_ring_open(seen, &old);
        if (r < 0)
                return r;
        if (tail - head > HF_QUEUE_MOST - HF_RING_MOST)
                return -ENOMEM;
        segment->base = tail;
        hf_note_begin(&queue->put, self,
                      &(struct hf_note){ .kind = HF_NOTE_STEP,
                                         .word = hf_offset_of(&old.segment->next),
                                         .in = hf_offset_of(segment) });
        atomic_store_release(&old.segment->end, tail);
        /* [Q4] Commit: the getter that reads next after a tail beyond `end` sees it, and `end`. */
        atomic_store_release(&old.segment->next, hf_offset_of(segment));
        hf_heap_linked(self);
        atomic_store_release(&queue->put.segment, hf_offset_of(segment));
        hf_note_close(&queue->put, self);
        return 0;
}

int hf_queue_grow(struct hay_queue *queue, struct hf_member *self, hf_offset seen, uint32_t units)
{
        bool aside = set_aside(self);
        int r = hf_segment_new_at(&self->intents.block, units);
        if (r == 0) {
                struct hf_segment *segment = hf_at(self->intents.block);
                hf_side_lock(&queue->put);
                r = link_segment(queue, self, seen, segment);
                hf_side_unlock(&queue->put);
                if (r != 0)
                        hf_heap_free(self, segment);
        }
        if (aside)
                bring_back(self);
        return r < 0 ? r : 0;
}

/* Under the get guard: take the drained segment out of the chain; it is noted in intents.block. */
static int unlink_segment(struct hay_queue *queue, struct hf_member *self, hf_offset *ret_old)
{
        struct hf_ring ring;
        hf_offset old = queue->get.side.segment;
        int r = hf_ring_open(old, &ring);
        if (r < 0)
                return r;
        hf_offset next = atomic_load_acquire(&ring.segment->next);
        if (!next || atomic_load_relaxed(&ring.segment->end) != hf_position(queue->head.place))
                return HF_AGAIN;
        r = hf_ring_open(next, &ring);
        if (r < 0)
                return r;
        hf_note_begin(&queue->get.side, self,
                      &(struct hf_note){ .kind = HF_NOTE_STEP,
                                         .word = hf_offset_of(&queue->get.side.segment),
                                         .before = old,
                                         .out = old });
        atomic_store_release(&self->intents.block, old);
        atomic_store_release(&queue->get.side.segment, next);
        hf_note_close(&queue->get.side, self);
        *ret_old = old;
        return 0;
}

int hf_queue_move_on(struct hay_queue *queue, struct hf_member *self)
{
        bool aside = set_aside(self);
        int r;
        do {
                hf_offset old;
                hf_side_lock(&queue->get.side);
                r = unlink_segment(queue, self, &old);
                hf_side_unlock(&queue->get.side);
                if (r == 0)
                        hf_queue_free_block(self, old);
        } while (r == 0);
        if (aside)
                bring_back(self);
        return r < 0 ? r : 0;
}

void hf_queue_shrink(struct hay_queue *queue, struct hf_member *self)
{
        struct hf_ring ring;
        hf_side_lock(&queue->put);
        hf_offset last = queue->put.segment;
        bool wanted = hf_ring_open(last, &ring) == 0 && ring.mask >= SHRINK_FROM &&
                      queue->tail.place == atomic_load_acquire(&queue->head.place);
        hf_side_unlock(&queue->put);
        if (wanted && hf_queue_grow(queue, self, last, HF_RING_FIRST) == 0)
                hf_queue_move_on(queue, self);
}
