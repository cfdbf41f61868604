/* Messages by reference: taken without a copy, kept by a joinable queue, made in place, sent on.
 *
 * The model. A message that somebody has by reference is an entry in a ledger: its queue's, or the
 * region's if it belongs to none. Taking writes the entry, then commits by head; sending commits by
 * the other queue's tail, then takes the entry out. So at every instant either a queue has the
 * message or a ledger has it, or both for a moment, and then the queue does.
 *
 * The crash table
 *   take     before head: the message is the queue's, the repair empties the entry; a copy of it is
 *            freed by burial. After: the entry names a dead owner, see queue_sweep.c.
 *   orphan   before entry->owner: an orphan still. After: its owner's.
 *   new      before entry->block: the block is noted, burial frees it. After: the ledger's burial.
 *   send     before tail: the sender's still. After, before its entry goes: the intent `sent`; its
 *            burial takes the entry out, and nobody touches the entry before.
 *   release  hf_ledger_drop().
 *   kept     a large message of a joinable queue is read outside the guard, marked LENT, so that
 *            somebody else's task_done does not free it. Dead there: the sweep makes it an orphan.
 */
#include "channel/queue_get.h"
#include "channel/queue_put.h"
#include "channel/queue_wait.h"

/* What a joinable get copies under the guard. */
#define COPY_INSIDE 4096u

static struct hf_entry *first_orphan(struct hf_ledger *ledger)
{
        struct hf_table *table = hf_ledger_table(ledger);
        for (uint64_t i = table ? table->head : 0; table && i != table->tail; i++) {
                struct hf_entry *entry = hf_table_entry(table, i);
                if (entry->block && !entry->owner && !(entry->block & HF_ENTRY_DONE))
                        return entry;
        }
        return NULL;
}

/* Fill the form; false when the entry names what is no block. */
static bool describe(struct hf_ledger *ledger, struct hf_entry *entry, struct hf_handed *ret_handed)
{
        struct hf_handed handed = { .entry = entry,
                                    .block = hf_entry_block(entry),
                                    .size = entry->size,
                                    .hold = hf_hold_of(ledger, entry) };
        handed.data = hf_checked_at(handed.block, handed.size, 16);
        *ret_handed = handed;
        return handed.data;
}

static int hand_orphan(struct hf_ledger *ledger, struct hf_member *self, struct hf_entry *entry,
                       size_t capacity, unsigned bits, struct hf_handed *ret_handed)
{
        if (!describe(ledger, entry, ret_handed))
                return -EUCLEAN;
        if (ret_handed->size > capacity)
                return -EMSGSIZE;
        atomic_store_release(&entry->owner, self->word);
        atomic_store_release(&entry->block, ret_handed->block | bits);
        atomic_store_relaxed(&ledger->orphans, ledger->orphans - 1);
        return HAY_REDELIVERED;
}

static int hand_new(struct hay_queue *queue, struct hf_member *self, const struct hf_record *record,
                    unsigned bits, void *copy, struct hf_handed *ret_handed)
{
        struct hf_entry *entry = hf_ledger_next(&queue->get);
        if (!entry)
                return HF_NO_ENTRY;
        hf_offset in = record->block ? 0 : hf_offset_of(copy);
        if (in)
                hf_copy(copy, record->data, record->size);
        hf_note_begin(&queue->get.side, self,
                      &(struct hf_note){ .kind = HF_NOTE_STEP,
                                         .word = hf_offset_of(&queue->head.place),
                                         .before = queue->head.place,
                                         .in = in,
                                         .entry = hf_offset_of(&entry->block) });
        hf_ledger_append(&queue->get, self, (in ? in : record->block) | bits, record->size);
        /* [Q2] Commit. */
        atomic_store_release(&queue->head.place, hf_place_after(queue->head.place, record->units));
        if (in)
                hf_heap_linked(self);
        hf_note_close(&queue->get.side, self);
        return describe(&queue->get, entry, ret_handed) ? 0 : -EUCLEAN;
}

int hf_queue_hand_out(struct hay_queue *queue, struct hf_member *self, size_t capacity,
                      unsigned bits, void *copy, size_t copy_size, struct hf_handed *ret_handed)
{
        struct hf_span span;
        struct hf_record record;
        struct hf_entry *orphan = queue->get.orphans ? first_orphan(&queue->get) : NULL;
        if (orphan)
                return hand_orphan(&queue->get, self, orphan, capacity, bits, ret_handed);
        if (queue->get.orphans)
                hf_ledger_recount(&queue->get);
        int r = hf_queue_open_head(queue, &span);
        if (r == 0)
                r = hf_queue_read(&span, queue->head.place, &record);
        if (r)
                return r;
        ret_handed->size = record.size;
        if (record.size > capacity)
                return -EMSGSIZE;
        if (!record.block && (!copy || copy_size < record.size))
                return HF_NEEDS_COPY;
        return hand_new(queue, self, &record, bits, copy, ret_handed);
}

/* Burials since the last look may have left orphans, which are older than all in the queue. */
static void look_for_orphans(struct hay_queue *queue, struct hf_member *self, hay_time deadline)
{
        if (atomic_load_relaxed(&queue->get.table) &&
            hf_deaths() != atomic_load_relaxed(&queue->get.deaths))
                hf_ledger_sweep(&queue->get, self, deadline);
}

int hf_queue_get_kept(struct hay_queue *queue, struct hf_member *self, struct hay_part *part,
                      hay_time deadline)
{
        struct hf_handed handed;
        look_for_orphans(queue, self, deadline);
        int r = hf_side_lock_by(&queue->get.side, deadline);
        if (r < 0)
                return r;
        r = hf_queue_hand_out(queue, self, part->size, HF_ENTRY_LENT, NULL, 0, &handed);
        bool is_mine = r == 0 || r == HAY_REDELIVERED;
        bool is_inside = is_mine && handed.size <= COPY_INSIDE;
        if (is_inside) {
                hf_copy(part->data, handed.data, handed.size);
                atomic_store_release(&handed.entry->block, handed.block);
        }
        hf_side_unlock(&queue->get.side);
        if (is_mine && !is_inside) {
                memcpy(part->data, handed.data, handed.size);
                hf_ledger_release(&queue->get, self, handed.hold, handed.block);
        }
        if (is_mine || r == -EMSGSIZE)
                part->size = handed.size;
        if (is_mine && queue->max_messages)
                hf_queue_notify_putters(queue);
        return r;
}

int hf_ledger_release(struct hf_ledger *ledger, struct hf_member *self, uint64_t hold,
                      hf_offset block)
{
        bool is_freed = false;
        int r = -EINVAL;
        hf_side_lock(&ledger->side);
        struct hf_entry *entry = hf_ledger_find(ledger, hold, block, 0);
        if (entry && (entry->block & HF_ENTRY_LENT) &&
            hf_process_of(entry->owner) == hf_process_of(self->word)) {
                r = 0;
                is_freed = !ledger->joinable || (entry->block & HF_ENTRY_DONE);
                if (is_freed)
                        hf_ledger_drop(ledger, self, entry, false, 0);
                else
                        atomic_store_release(&entry->block, block);
        }
        hf_side_unlock(&ledger->side);
        if (is_freed)
                hf_queue_free_block(self, block);
        return r;
}

/* One attempt to take. What lies in the ring needs a block to be copied to. */
static int take_once(struct hay_queue *queue, struct hf_member *self, hay_time deadline,
                     struct hf_handed *ret_handed)
{
        void *copy = NULL;
        size_t copy_size = 0;
        look_for_orphans(queue, self, deadline);
        for (;;) {
                int r = hf_side_lock_by(&queue->get.side, deadline);
                if (r < 0) {
                        hf_queue_free_block(self, self->intents.block);
                        return r;
                }
                r = hf_queue_hand_out(queue, self, SIZE_MAX, HF_ENTRY_LENT, copy, copy_size,
                                      ret_handed);
                hf_side_unlock(&queue->get.side);
                hf_queue_free_block(self, self->intents.block);
                if (r != HF_NEEDS_COPY)
                        return r;
                copy_size = ret_handed->size;
                r = hf_heap_alloc(self, copy_size, 0, false, &copy);
                if (r < 0)
                        return r;
        }
}

int hay_queue_take(hay_queue *queue, struct hay_message *ret_message, hay_time deadline)
{
        hay_time slept = 0;
        int r;
        queue = hf_queue_check(queue);
        if (!queue || !ret_message)
                return -EINVAL;
        struct hf_member *self = hf_self(&r);
        if (!self)
                return r;
        struct hf_handed handed;
        do {
                r = take_once(queue, self, deadline, &handed);
                if (r == 0 || r == HAY_REDELIVERED)
                        break;
                r = hf_queue_clear_get(queue, self, r, deadline, &slept);
        } while (r == 0);
        if (slept)
                hf_queue_pass_on_get(queue);
        if (r < 0)
                return r;
        if (queue->max_messages)
                hf_queue_notify_putters(queue);
        *ret_message = (struct hay_message){ handed.data, handed.size, handed.hold };
        return r;
}
