/* A queue's life: new, free, close, and what can be asked of it. The model: queue_words.h.
 *
 * The crash table
 *   new    the intent HF_INTENT_FREE, from before it has a segment until the caller has the pointer:
 *          its end gives queue and segment to the caller by one store.
 *   free   the intent HF_INTENT_FREE: burial goes on with it. Each part of it is a step with a
 *          note; the queue's own block goes last, from the notes.
 *   close  one store; a lost wake-up is a slice. */
#include "channel/queue_get.h"
#include "channel/queue_wait.h"

#include "base/options.h"
#include "channel/queue.h"
#include "member/park.h"

static void init(struct hay_queue *queue, const struct hay_queue_options *options)
{
        queue->max_messages = (uint32_t)options->max_messages;
        queue->joinable = options->joinable;
        queue->get.joinable = options->joinable;
        queue->put.role = HF_SIDE_PUT;
        queue->get.side.role = HF_SIDE_GET;
}

static int add_first_segment(struct hay_queue *queue)
{
        int r = hf_segment_new_at(&queue->get.side.segment, HF_RING_FIRST);
        if (r < 0)
                return r;
        queue->put.segment = queue->get.side.segment;
        atomic_store_release(&queue->magic, HF_QUEUE_MAGIC);
        return 0;
}

/* The queue is without parts, and marked to be freed: free it. */
static void free_bare(struct hay_queue *queue, struct hf_member *self)
{
        atomic_store_release(&self->intents.block, hf_offset_of(queue));
        atomic_store_release(hf_intent_sent(&self->intents), (hf_offset)0);
        hf_heap_free(self, queue);
}

int hay_queue_new_sized(hay_queue **ret_queue, const struct hay_queue_options *options,
                        size_t options_size)
{
        struct hay_queue_options mine;
        int r = hf_options_take(&mine, sizeof(mine), options, options_size);
        if (r < 0)
                return r;
        if (!ret_queue || mine.max_messages > HF_QUEUE_MOST)
                return -EINVAL;
        struct hf_member *self = hf_self(&r);
        if (!self)
                return r;
        void *block;
        r = hf_heap_alloc(self, sizeof(struct hay_queue), HF_CACHE_LINE, true, &block);
        if (r < 0)
                return r;
        init(block, &mine);
        atomic_store_release(hf_intent_sent(&self->intents), hf_offset_of(block) | HF_INTENT_FREE);
        hf_heap_linked(self);
        r = add_first_segment(block);
        if (r < 0) {
                free_bare(block, self);
                return r;
        }
        *ret_queue = block;
        atomic_store_release(hf_intent_sent(&self->intents), (hf_offset)0);
        return 0;
}

/* Under the get guard: take one word's block out of the object: it is noted in intents.block. */
static hf_offset unlink_word(struct hay_queue *queue, struct hf_member *self, hf_offset *word)
{
        hf_offset block = *word;
        if (!block)
                return 0;
        hf_note_begin(&queue->get.side, self,
                      &(struct hf_note){ .kind = HF_NOTE_STEP,
                                         .word = hf_offset_of(word),
                                         .before = block,
                                         .out = block });
        atomic_store_release(&self->intents.block, block);
        atomic_store_release(word, (hf_offset)0);
        hf_note_close(&queue->get.side, self);
        return block;
}

/* Under the get guard: drop the oldest message. Its block, or 0, goes to ret_block. */
static int drop_message(struct hay_queue *queue, struct hf_member *self, hf_offset *ret_block)
{
        struct hf_span span;
        struct hf_record record;
        uint64_t head = queue->head.place;
        int r = hf_queue_open_head(queue, &span);
        if (r == 0)
                r = hf_queue_read(&span, head, &record);
        if (r)
                return r;
        hf_note_begin(&queue->get.side, self,
                      &(struct hf_note){ .kind = HF_NOTE_STEP,
                                         .word = hf_offset_of(&queue->head.place),
                                         .before = head,
                                         .out = record.block });
        if (record.block)
                atomic_store_release(&self->intents.block, record.block);
        atomic_store_release(&queue->head.place, hf_place_after(head, record.units));
        hf_note_close(&queue->get.side, self);
        *ret_block = record.block;
        return 0;
}

static void drop_messages(struct hay_queue *queue, struct hf_member *self)
{
        int r = 0;
        while (queue->get.side.segment && r == 0) {
                hf_offset block = 0;
                hf_side_lock(&queue->get.side);
                r = drop_message(queue, self, &block);
                hf_side_unlock(&queue->get.side);
                hf_queue_free_block(self, block);
                if (r == HF_MOVE)
                        r = hf_queue_move_on(queue, self);
        }
}

static void drop_entries(struct hay_queue *queue, struct hf_member *self)
{
        for (hf_offset block = 1; block;) {
                block = 0;
                hf_side_lock(&queue->get.side);
                struct hf_table *table = hf_ledger_table(&queue->get);
                for (uint64_t i = table ? table->head : 0; table && !block && i < table->tail;
                     i++) {
                        struct hf_entry *entry = hf_table_entry(table, i);
                        block = hf_entry_block(entry);
                        if (block)
                                hf_ledger_drop(&queue->get, self, entry, false, 0);
                }
                hf_side_unlock(&queue->get.side);
                hf_queue_free_block(self, block);
        }
}

/* Free all but the queue's own block. Begins again wherever somebody died in it. */
static void tear_down(struct hay_queue *queue, struct hf_member *self)
{
        drop_messages(queue, self);
        if (queue->get.side.segment)
                hf_queue_move_on(queue, self);
        drop_entries(queue, self);
        hf_offset *words[] = { &queue->get.table, &queue->get.side.segment };
        for (int i = 0; i < 2; i++) {
                hf_side_lock(&queue->get.side);
                hf_offset block = unlink_word(queue, self, words[i]);
                hf_side_unlock(&queue->get.side);
                hf_queue_free_block(self, block);
        }
        atomic_store_release(&queue->magic, 0u);
}

hay_queue *hay_queue_free(hay_queue *queue)
{
        int r;
        queue = hf_queue_check(queue);
        struct hf_member *self = hf_self(&r);
        if (!queue || !self)
                return NULL;
        /* What dead members were in the middle of here is settled while it is a queue. */
        hf_bury(0);
        atomic_store_release(hf_intent_sent(&self->intents), hf_offset_of(queue) | HF_INTENT_FREE);
        tear_down(queue, self);
        free_bare(queue, self);
        return NULL;
}

void hf_queue_bury_freed(struct hf_member *me, struct hf_intents *intents, hf_offset offset)
{
        struct hay_queue *queue = hf_checked_at(offset, sizeof(*queue), HF_CACHE_LINE);
        if (!queue)
                return;
        if (queue->get.side.role == HF_SIDE_GET)
                tear_down(queue, me);
        /* The other note may name a part of it that was being freed. */
        atomic_store_release(&intents->spare_block, offset);
        atomic_store_release(hf_intent_sent(intents), (hf_offset)0);
}

int hay_queue_close(hay_queue *queue)
{
        int r;
        queue = hf_queue_check(queue);
        if (!queue)
                return -EINVAL;
        struct hf_member *self = hf_self(&r);
        if (!self)
                return r;
        hf_side_lock(&queue->put);
        atomic_store_release(&queue->closed, 1u);
        hf_side_unlock(&queue->put);
        hf_queue_wake_all(queue);
        return 0;
}

static uint32_t in_ring(const struct hay_queue *queue)
{
        /* Head first: it is never ahead of a later tail. */
        uint32_t head = hf_count(atomic_load_acquire(&queue->head.place));
        return hf_count(atomic_load_acquire(&queue->tail.place)) - head;
}

ssize_t hay_queue_size(const hay_queue *queue)
{
        queue = hf_queue_check(queue);
        if (!queue)
                return -EINVAL;
        return (ssize_t)in_ring(queue) + atomic_load_relaxed(&queue->get.orphans);
}

int hay_queue_empty(const hay_queue *queue)
{
        ssize_t size = hay_queue_size(queue);
        return size < 0 ? (int)size : size == 0;
}

int hay_queue_full(const hay_queue *queue)
{
        queue = hf_queue_check(queue);
        if (!queue)
                return -EINVAL;
        /* What is to be delivered again takes no room. */
        return queue->max_messages && in_ring(queue) >= queue->max_messages;
}

uint64_t hay_queue_lost(hay_queue *queue)
{
        int r;
        queue = hf_queue_check(queue);
        struct hf_member *self = hf_self(&r);
        if (!queue || !self)
                return 0;
        hf_bury(0);
        hf_ledger_sweep(&queue->get, self, HAY_FOREVER);
        hf_side_lock(&queue->get.side);
        uint64_t lost = queue->get.lost;
        hf_side_unlock(&queue->get.side);
        return lost;
}

bool hf_queue_ready(const hay_queue *asked)
{
        int r;
        struct hay_queue *queue = hf_queue_check(asked);
        struct hf_member *self = hf_self(&r);
        if (!queue || !self)
                return true;
        hf_ledger_look(&queue->get, self, HF_SLICE_IDLE, HAY_NOWAIT);
        return hay_queue_size(queue) != 0 || atomic_load_relaxed(&queue->closed);
}

void hf_queue_watch(hay_queue *queue)
{
        queue = hf_queue_check(queue);
        /* [Q3] A full fence before the caller's look. */
        if (queue)
                atomic_or(&queue->get_attention, HF_ATTENTION_WATCHED);
}
