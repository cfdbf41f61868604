/* Getting, as the other files of the queue need it. */
#ifndef HF_CHANNEL_QUEUE_GET_H
#define HF_CHANNEL_QUEUE_GET_H

#include "channel/queue_ledger.h"
#include "channel/queue_ring.h"

/* What stood in the way of a get or a take: wait for a message, move on, make room in the ledger.
 * 0: try again; else the result of the call. The caller holds no guard. */
int hf_queue_clear_get(struct hay_queue *queue, struct hf_member *self, int why, hay_time deadline,
                       hay_time *slept);

/* The messages that the getter may read in one ring. */
struct hf_span {
        struct hf_ring ring;
        uint64_t tail;  /* as seen; perhaps in a later ring */
        uint32_t limit; /* the position at which this ring's messages end */
};

/* Under the get guard: open the ring that the oldest message is in. 0, HF_EMPTY, HF_MOVE, -EUCLEAN.
 */
static inline int hf_queue_open_head(struct hay_queue *queue, struct hf_span *ret_span)
{
        uint64_t head = queue->head.place;
        uint64_t tail = queue->get.side.seen;
        if (tail == head) {
                /* [Q1] What was put before this tail was stored is visible. */
                tail = atomic_load_acquire(&queue->tail.place);
                queue->get.side.seen = tail;
                if (tail == head)
                        return HF_EMPTY;
        }
        int r = hf_ring_open(queue->get.side.segment, &ret_span->ring);
        if (hf_unlikely(r < 0))
                return r;
        uint32_t limit = hf_position(tail);
        /* [Q4] next is read after tail: who sees a message of the next ring sees that there is one,
         * and where this one ends. */
        if (hf_unlikely(atomic_load_acquire(&ret_span->ring.segment->next))) {
                limit = atomic_load_relaxed(&ret_span->ring.segment->end);
                if (limit == hf_position(head))
                        return HF_MOVE;
        }
        if (hf_unlikely(limit - hf_position(head) > ret_span->ring.mask + 1))
                return -EUCLEAN;
        ret_span->tail = tail;
        ret_span->limit = limit;
        return 0;
}

/* Under the get guard: the message at `head`, a place in the span. 0, HF_EMPTY, HF_MOVE, -EUCLEAN. */
static inline int hf_queue_read(const struct hf_span *span, uint64_t head,
                                struct hf_record *ret_record)
{
        if (head == span->tail)
                return HF_EMPTY;
        if (hf_position(head) == span->limit)
                return hf_position(span->tail) == span->limit ? -EUCLEAN : HF_MOVE;
        return hf_ring_read(&span->ring, head, span->limit - hf_position(head), ret_record);
}

/* A message that is the caller's by reference. */
struct hf_handed {
        struct hf_entry *entry;
        hf_offset block;
        void *data;
        uint64_t size;
        uint64_t hold;
};

/* Under the get guard: the oldest message is the caller's by reference, with an entry in the
 * ledger. `bits` go to the entry. A message that lies in the ring is copied to `copy`, a block of
 * `copy_size` noted in self->intents.block. 0, HAY_REDELIVERED; -EMSGSIZE: over `capacity`, and
 * HF_NEEDS_COPY: with ret_handed->size; HF_EMPTY, HF_MOVE, HF_NO_ENTRY; -EUCLEAN. */
int hf_queue_hand_out(struct hay_queue *queue, struct hf_member *self, size_t capacity,
                      unsigned bits, void *copy, size_t copy_size, struct hf_handed *ret_handed);

/* Say that an entry's block is no longer read: it goes if it is done with, or of no joinable queue.
 * -EINVAL: the caller's process has no such entry. The caller holds no guard and no note. */
int hf_ledger_release(struct hf_ledger *ledger, struct hf_member *self, uint64_t hold,
                      hf_offset block);

/* Joinable: copy the oldest message out and keep it in the ledger. As hf_queue_hand_out(). */
int hf_queue_get_kept(struct hay_queue *queue, struct hf_member *self, struct hay_part *part,
                      hay_time deadline);

#endif
