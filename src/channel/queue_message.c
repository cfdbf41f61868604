/* Messages that belong to no queue: made in place, sent, released. Model and crash table: see
 * queue_lend.c. */
#include "channel/queue_get.h"
#include "channel/queue_put.h"
#include "channel/queue_wait.h"

/* Under the region's ledger's guard: enter a block that is noted in intents.block. */
static uint64_t hold_block(struct hf_ledger *ledger, struct hf_member *self, hf_offset block,
                           size_t size)
{
        struct hf_entry *entry = hf_ledger_next(ledger);
        if (!entry)
                return 0;
        hf_note_begin(&ledger->side, self,
                      &(struct hf_note){ .kind = HF_NOTE_STEP,
                                         .word = hf_offset_of(&entry->block),
                                         .in = block });
        /* Before the commit: a member with entries has intents, so that it is buried. */
        atomic_add(hf_intent_held(&self->intents), 1ull);
        hf_ledger_append(ledger, self, block | HF_ENTRY_LENT, size);
        hf_heap_linked(self);
        hf_note_close(&ledger->side, self);
        return hf_hold_of(ledger, entry);
}

int hay_message_new(struct hay_message *ret_message, size_t size)
{
        int r;
        if (!ret_message)
                return -EINVAL;
        struct hf_member *self = hf_self(&r);
        if (!self)
                return r;
        struct hf_ledger *ledger = hf_region_ledger(self, &r);
        if (!ledger)
                return r;
        for (;;) {
                void *block;
                r = hf_ledger_make_room(ledger, self);
                if (r < 0)
                        return r;
                r = hf_heap_alloc(self, size, 0, false, &block);
                if (r < 0)
                        return r;
                hf_side_lock(&ledger->side);
                uint64_t hold = hold_block(ledger, self, hf_offset_of(block), size);
                hf_side_unlock(&ledger->side);
                if (hold) {
                        *ret_message = (struct hay_message){ block, size, hold };
                        return 0;
                }
                hf_heap_free(self, block);
        }
}

int hay_message_release(struct hay_message *message)
{
        int r;
        if (!message)
                return -EINVAL;
        if (!message->private_hold) {
                if (message->data || message->size)
                        return -EINVAL;
                return 0;
        }
        struct hf_member *self = hf_self(&r);
        if (!self)
                return r;
        struct hf_ledger *ledger = hf_hold_ledger(message->private_hold);
        if (!ledger || !hay_is_shared(message->data))
                return -EINVAL;
        r = hf_ledger_release(ledger, self, message->private_hold, hf_offset_of(message->data));
        if (r == 0)
                *message = (struct hay_message){ 0 };
        return r;
}

/* Make the sending thread the owner of the entry: its burial must be the one that settles it. */
static int adopt(struct hf_ledger *ledger, struct hf_member *self,
                 const struct hay_message *message)
{
        int r = -EINVAL;
        hf_side_lock(&ledger->side);
        struct hf_entry *entry =
                hf_ledger_find(ledger, message->private_hold, hf_offset_of(message->data), 0);
        if (entry && (entry->block & HF_ENTRY_LENT) &&
            hf_process_of(entry->owner) == hf_process_of(self->word)) {
                r = 0;
                struct hf_member *before = hf_member_slot((hf_member_id)entry->owner);
                if (before != self && ledger->side.role == HF_SIDE_HOLD) {
                        atomic_add(hf_intent_held(&self->intents), 1ull);
                        atomic_store_release(&entry->owner, self->word);
                        atomic_add(hf_intent_held(&before->intents), (uint64_t)-1);
                } else {
                        atomic_store_release(&entry->owner, self->word);
                }
        }
        hf_side_unlock(&ledger->side);
        return r;
}

/* It was sent: take its entry out. */
static void leave_ledger(struct hf_ledger *ledger, struct hf_member *self,
                         const struct hay_message *message)
{
        hf_side_lock(&ledger->side);
        struct hf_entry *entry = hf_ledger_find(ledger, message->private_hold, 0, hf_thread.id);
        if (entry)
                hf_ledger_drop(ledger, self, entry, true, 0);
        hf_side_unlock(&ledger->side);
        atomic_store_release(hf_intent_sent(&self->intents), (hf_offset)0);
        if (ledger->side.role == HF_SIDE_GET)
                hf_queue_wake_joiners(hf_container(ledger, struct hay_queue, get));
}

int hay_queue_send(hay_queue *queue, struct hay_message *message, hay_time deadline)
{
        int r;
        queue = hf_queue_check(queue);
        if (!queue || !message || !message->private_hold || !hay_is_shared(message->data))
                return -EINVAL;
        struct hf_member *self = hf_self(&r);
        if (!self)
                return r;
        struct hf_ledger *ledger = hf_hold_ledger(message->private_hold);
        if (!ledger)
                return -EINVAL;
        r = adopt(ledger, self, message);
        if (r < 0)
                return r;
        if (message->size > hf_heap_block_size(self, message->data))
                return -EMSGSIZE;
        r = hf_queue_put_block(queue, self, hf_offset_of(message->data), message->size,
                               message->private_hold, deadline);
        if (r < 0)
                return r;
        leave_ledger(ledger, self, message);
        *message = (struct hay_message){ 0 };
        return 0;
}
