/* Getting a copy. A small message is copied out of the ring under the get guard; a large one is a
 * block that becomes the getter's by the commit, and is copied and freed outside of it.
 *
 * The crash table
 *   get     before head: the message stays the oldest. The note takes back what the intents say: the
 *           count of messages taken, the block as the getter's.
 *   return  from head to it the message counts as lost: burial adds the intent `taken` to the
 *           ledger's `lost`, and frees the block. A run of get_many is counted whole until the
 *           return. After `taken` = 0: returned; nothing to mend.
 *   wake    lost: a sleeping putter looks at its slice's end.
 * A joinable queue keeps the message in its ledger: queue_lend.c. */
#include "channel/queue_get.h"

#include "channel/queue_wait.h"
#include "member/park.h"

#include <limits.h>

/* [Q2] Commit: the putter that sees this head may overwrite what was copied out above. */
static inline void take_up_to(struct hay_queue *queue, struct hf_member *self, uint64_t head,
                              hf_offset block, size_t kept, size_t taken)
{
        struct hf_side *side = &queue->get.side;
        hf_note_begin(side, self,
                      &(struct hf_note){ .kind = HF_NOTE_GET,
                                         .word = hf_offset_of(&queue->head.place),
                                         .before = queue->head.place,
                                         .out = block,
                                         .kept = kept });
        if (HF_SAFE)
                atomic_store_release(hf_intent_taken(&self->intents), (uint64_t)(kept + taken));
        if (block)
                atomic_store_release(&self->intents.block, block);
        atomic_store_release(&queue->head.place, head);
        hf_note_end(side);
}

/* Under the get guard: copy small messages out, commit once: *ret_done. The result says why no more
 * were taken; 0 when all parts are full. A block that comes first is taken by HF_HAS_BLOCK and
 * *ret_record. `kept`: how many this call took before. */
static int get_run(struct hay_queue *queue, struct hf_member *self, struct hay_part *parts,
                   size_t count, size_t kept, size_t *ret_done, struct hf_record *ret_record)
{
        struct hf_span span;
        uint64_t head = queue->head.place;
        size_t done = 0;
        int r = hf_queue_open_head(queue, &span);
        if (r)
                return r;
        for (; done < count; done++) {
                struct hf_record record;
                r = hf_queue_read(&span, head, &record);
                if (r)
                        break;
                if (record.size > parts[done].size) {
                        if (!done && !kept)
                                parts[0].size = record.size;
                        r = -EMSGSIZE;
                        break;
                }
                if (record.block) {
                        *ret_record = record;
                        r = done ? HF_AGAIN : HF_HAS_BLOCK;
                        break;
                }
                hf_copy(parts[done].data, record.data, record.size);
                parts[done].size = record.size;
                head = hf_place_after(head, record.units);
        }
        if (done)
                take_up_to(queue, self, head, 0, kept, done);
        else if (r == HF_HAS_BLOCK)
                take_up_to(queue, self, hf_place_after(head, ret_record->units), ret_record->block,
                           kept, 1);
        *ret_done = done;
        return r;
}

/* One pass over a queue of copies. */
static int get_pass(struct hay_queue *queue, struct hf_member *self, struct hay_part *parts,
                    size_t count, size_t kept, hay_time deadline, size_t *ret_done)
{
        struct hf_record record;
        size_t done = 0;
        int r = hf_side_lock_by(&queue->get.side, deadline);
        if (hf_unlikely(r < 0))
                return r;
        int why = get_run(queue, self, parts, count, kept, &done, &record);
        hf_side_unlock(&queue->get.side);
        if (hf_unlikely(why == HF_HAS_BLOCK)) {
                hf_copy(parts[0].data, record.data, record.size);
                parts[0].size = record.size;
                hf_queue_free_block(self, record.block);
                done = 1;
                why = 0;
        }
        if (done && queue->max_messages)
                hf_queue_notify_putters(queue);
        *ret_done = done;
        return why == HF_AGAIN ? 0 : why;
}

int hf_queue_clear_get(struct hay_queue *queue, struct hf_member *self, int why, hay_time deadline,
                       hay_time *slept)
{
        switch (why) {
        case HF_EMPTY:
                /* Closed is looked at first: after it nothing comes. */
                if (atomic_load_acquire(&queue->closed) &&
                    atomic_load_acquire(&queue->tail.place) ==
                            atomic_load_acquire(&queue->head.place) &&
                    !atomic_load_relaxed(&queue->get.orphans))
                        return -EPIPE;
                return hf_queue_wait_message(queue, self, deadline, slept);
        case HF_MOVE:
                return hf_queue_move_on(queue, self);
        case HF_NO_ENTRY:
                return hf_ledger_make_room(&queue->get, self);
        default:
                return why == HF_AGAIN ? 0 : why;
        }
}

static ssize_t get_parts(struct hay_queue *queue, struct hf_member *self, struct hay_part *parts,
                         size_t count, hay_time deadline, int *ret_news)
{
        hay_time slept = 0;
        size_t done = 0;
        int r = 0;
        while (r == 0 && done < count) {
                size_t now = 0;
                if (queue->joinable) {
                        struct hay_part part = parts[done];
                        r = hf_queue_get_kept(queue, self, &part, deadline);
                        now = r == 0 || r == HAY_REDELIVERED;
                        *ret_news = now ? r : 0;
                        if (now || !done)
                                parts[done].size = part.size;
                } else {
                        r = get_pass(queue, self, parts + done, count - done, done, deadline, &now);
                }
                done += now;
                if (hf_likely(done == count))
                        break;
                if (r == HF_EMPTY && done)
                        break;
                if (r > HF_AGAIN || r < 0)
                        r = hf_queue_clear_get(queue, self, r, deadline, &slept);
                else
                        r = 0;
        }
        if (hf_unlikely(slept))
                hf_queue_pass_on_get(queue);
        /* The last thing: from here on the messages are the caller's. */
        if (HF_SAFE) {
                atomic_store_release(hf_intent_taken(&self->intents), 0ull);
                atomic_store_release(&self->intents.queue, (hf_offset)0);
        }
        return done ? (ssize_t)done : r;
}

int hay_queue_get(hay_queue *queue, void *ret_data, size_t capacity, size_t *ret_size,
                  hay_time deadline)
{
        int r;
        int news = 0;
        queue = hf_queue_check(queue);
        if (hf_unlikely(!queue || (!ret_data && capacity)))
                return -EINVAL;
        struct hf_member *self = hf_self(&r);
        if (hf_unlikely(!self))
                return r;
        struct hay_part part = { ret_data, capacity };
        ssize_t n = get_parts(queue, self, &part, 1, deadline, &news);
        if (ret_size && (n > 0 || n == -EMSGSIZE))
                *ret_size = part.size;
        return n < 0 ? (int)n : news;
}

ssize_t hay_queue_get_many(hay_queue *queue, struct hay_part *parts, size_t count,
                           hay_time deadline)
{
        int r;
        int news;
        queue = hf_queue_check(queue);
        if (!queue || (!parts && count) || count > SSIZE_MAX)
                return -EINVAL;
        for (size_t i = 0; i < count; i++)
                if (!parts[i].data && parts[i].size)
                        return -EINVAL;
        struct hf_member *self = hf_self(&r);
        if (!self)
                return r;
        return get_parts(queue, self, parts, count, deadline, &news);
}
