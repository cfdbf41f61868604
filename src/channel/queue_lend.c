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

static void hand_orphan(struct hf_ledger *ledger, struct hf_member *self, struct hf_entry *entry,
                        unsigned bits)
{
        atomic_store_release(&entry->owner, self->word);
        atomic_store_release(&entry->block, hf_entry_block(entry) | bits);
        atomic_store_relaxed(&ledger->orphans, ledger->orphans - 1);
}

static int hand_new(struct hay_queue *queue, struct hf_member *self, const struct hf_record *record,
                    unsigned bits, void *copy, struct hf_entry **ret_entry)
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
        *ret_entry = entry;
        return 0;
}

int hf_queue_hand_out(struct hay_queue *queue, struct hf_member *self, size_t capacity,
                      unsigned bits, void *copy, size_t copy_size, struct hf_entry **ret_entry,
                      uint64_t *ret_size)
{
        struct hf_ring ring;
        struct hf_record record;
        uint64_t tail;
        struct hf_entry *orphan = queue->get.orphans ? first_orphan(&queue->get) : NULL;
        if (orphan) {
                *ret_size = orphan->size;
                if (orphan->size > capacity)
                        return -EMSGSIZE;
                hand_orphan(&queue->get, self, orphan, bits);
                *ret_entry = orphan;
                return HAY_REDELIVERED;
        }
        int r = hf_queue_open_head(queue, &ring, &tail);
        if (r)
                return r;
        uint64_t head = queue->head.place;
        r = hf_ring_read(&ring, head, hf_position(tail) - hf_position(head), &record);
        if (r < 0)
                return r;
        *ret_size = record.size;
        if (record.size > capacity)
                return -EMSGSIZE;
        if (!record.block && (!copy || copy_size < record.size))
                return HF_NEEDS_COPY;
        return hand_new(queue, self, &record, bits, copy, ret_entry);
}

/* Burials since the last look may have left orphans, which are older than all in the queue. */
static void look_for_orphans(struct hay_queue *queue, struct hf_member *self)
{
        if (atomic_load_relaxed(&queue->get.table) &&
            hf_deaths() != atomic_load_relaxed(&queue->get.deaths))
                hf_ledger_sweep(&queue->get, self);
}

int hf_queue_get_kept(struct hay_queue *queue, struct hf_member *self, struct hay_part *part)
{
        struct hf_entry *entry;
        uint64_t size;
        look_for_orphans(queue, self);
        hf_side_lock(&queue->get.side);
        int r = hf_queue_hand_out(queue, self, part->size, HF_ENTRY_LENT, NULL, 0, &entry, &size);
        if (r != 0 && r != HAY_REDELIVERED) {
                hf_side_unlock(&queue->get.side);
                if (r == -EMSGSIZE)
                        part->size = size;
                return r;
        }
        hf_offset block = hf_entry_block(entry);
        uint64_t hold = hf_hold_of(&queue->get, entry);
        bool is_inside = size <= COPY_INSIDE;
        if (is_inside) {
                hf_copy(part->data, hf_at(block), size);
                atomic_store_release(&entry->block, block);
        }
        hf_side_unlock(&queue->get.side);
        if (!is_inside) {
                memcpy(part->data, hf_at(block), size);
                hf_ledger_release(&queue->get, self, hold, block);
        }
        part->size = size;
        if (queue->max_messages)
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
                hf_heap_free(self, hf_at(block));
        return r;
}

/* One attempt to take; *copy is a block for what lies in the ring, freed when it was not needed. */
static int take_once(struct hay_queue *queue, struct hf_member *self,
                     struct hay_message *ret_message)
{
        struct hf_entry *entry;
        uint64_t size = 0;
        uint64_t copy_size = 0;
        void *copy = NULL;
        int r;
        look_for_orphans(queue, self);
        for (;;) {
                hf_side_lock(&queue->get.side);
                r = hf_queue_hand_out(queue, self, SIZE_MAX, HF_ENTRY_LENT, copy, copy_size, &entry,
                                      &size);
                if (r == 0 || r == HAY_REDELIVERED)
                        *ret_message = (struct hay_message){ hf_at(hf_entry_block(entry)), size,
                                                             hf_hold_of(&queue->get, entry) };
                hf_side_unlock(&queue->get.side);
                hf_offset unused = self->intents.block;
                if (unused)
                        hf_heap_free(self, hf_at(unused));
                if (r != HF_NEEDS_COPY)
                        return r;
                copy_size = size;
                r = hf_heap_alloc(self, size, 0, false, &copy);
                if (r < 0)
                        return r;
        }
}

int hay_queue_take(hay_queue *queue, struct hay_message *ret_message, hay_time deadline)
{
        bool slept = false;
        int r;
        queue = hf_queue_check(queue);
        if (!queue || !ret_message)
                return -EINVAL;
        struct hf_member *self = hf_self(&r);
        if (!self)
                return r;
        int taken;
        do {
                taken = take_once(queue, self, ret_message);
                if (taken == 0 || taken == HAY_REDELIVERED) {
                        if (queue->max_messages)
                                hf_queue_notify_putters(queue);
                        break;
                }
                r = hf_queue_clear_get(queue, self, taken, deadline, &slept);
                taken = r;
        } while (r == 0);
        if (slept)
                hf_queue_pass_on_get(queue);
        return taken;
}
