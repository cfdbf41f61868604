/* Getting, as the other files of the queue need it. */
#ifndef HF_CHANNEL_QUEUE_GET_H
#define HF_CHANNEL_QUEUE_GET_H

#include "channel/queue_ledger.h"
#include "channel/queue_ring.h"

/* What stood in the way of a get or a take: wait for a message, move on, make room in the ledger.
 * 0: try again; else the result of the call. The caller holds no guard. */
int hf_queue_clear_get(struct hay_queue *queue, struct hf_member *self, int why, hay_time deadline,
                       bool *slept);

/* Under the get guard: open the ring that the oldest message is in. 0, HF_EMPTY, HF_MOVE, -EUCLEAN.
 */
static inline int hf_queue_open_head(struct hay_queue *queue, struct hf_ring *ret_ring,
                                     uint64_t *ret_tail)
{
        uint64_t head = queue->head.place;
        if (queue->get.side.seen == head) {
                /* [Q1] What was put before this tail was stored is visible. */
                queue->get.side.seen = atomic_load_acquire(&queue->tail.place);
                if (queue->get.side.seen == head)
                        return HF_EMPTY;
        }
        int r = hf_ring_open(queue->get.side.segment, ret_ring);
        if (hf_unlikely(r < 0))
                return r;
        if (hf_ring_is_drained(ret_ring, head))
                return HF_MOVE;
        *ret_tail = queue->get.side.seen;
        return 0;
}

/* Under the get guard: the oldest message is the caller's by reference, with an entry in the
 * ledger. `bits` go to the entry. A message that lies in the ring is copied to `copy`, a block of
 * `copy_size` noted in self->intents.block. 0, HAY_REDELIVERED; -EMSGSIZE: over `capacity`, and
 * HF_NEEDS_COPY: with *ret_size; HF_EMPTY, HF_MOVE, HF_NO_ENTRY; -EUCLEAN. */
int hf_queue_hand_out(struct hay_queue *queue, struct hf_member *self, size_t capacity,
                      unsigned bits, void *copy, size_t copy_size, struct hf_entry **ret_entry,
                      uint64_t *ret_size);

/* Say that an entry's block is no longer read: it goes if it is done with, or of no joinable queue.
 * -EINVAL: the caller's process has no such entry. The caller holds no guard and no note. */
int hf_ledger_release(struct hf_ledger *ledger, struct hf_member *self, uint64_t hold,
                      hf_offset block);

/* Joinable: copy the oldest message out and keep it in the ledger. As hf_queue_hand_out(). */
int hf_queue_get_kept(struct hay_queue *queue, struct hf_member *self, struct hay_part *part);

#endif
