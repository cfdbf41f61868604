/* Joinable queues: each message stays in the ledger until task_done.
 *
 * The crash table
 *   task_done  one store (DONE, while somebody reads the block), or hf_ledger_drop().
 *   wake       lost by a death: join looks at its slice's end. */
#include "channel/queue_ledger.h"
#include "channel/queue_wait.h"
#include "member/park.h"

#include <errno.h>

/* Under the guard: this thread's oldest entry, else this process's, else anybody's, else an
 * orphan. */
static struct hf_entry *oldest(struct hf_ledger *ledger, const struct hf_member *self)
{
        struct hf_table *table = hf_ledger_table(ledger);
        struct hf_entry *ours = NULL;
        struct hf_entry *theirs = NULL;
        struct hf_entry *orphan = NULL;
        for (uint64_t i = table ? table->head : 0; table && i != table->tail; i++) {
                struct hf_entry *entry = hf_table_entry(table, i);
                if (!entry->block || (entry->block & HF_ENTRY_DONE))
                        continue;
                if (entry->owner == self->word)
                        return entry;
                bool is_ours = hf_process_of(entry->owner) == hf_process_of(self->word);
                struct hf_entry **kind = !entry->owner ? &orphan : is_ours ? &ours : &theirs;
                if (!*kind)
                        *kind = entry;
        }
        return ours ? ours : theirs ? theirs : orphan;
}

int hay_queue_task_done(hay_queue *queue)
{
        int r;
        queue = hf_queue_check(queue);
        if (!queue || !queue->joinable)
                return -EINVAL;
        struct hf_member *self = hf_self(&r);
        if (!self)
                return r;
        struct hf_ledger *ledger = &queue->get;
        hf_offset block = 0;
        hf_side_lock(&ledger->side);
        struct hf_entry *entry = oldest(ledger, self);
        if (entry && (entry->block & HF_ENTRY_LENT)) {
                atomic_store_release(&entry->block, entry->block | HF_ENTRY_DONE);
                atomic_store_relaxed(&ledger->undone, ledger->undone - 1);
        } else if (entry) {
                block = hf_entry_block(entry);
                hf_ledger_drop(ledger, self, entry, false, 0);
        }
        hf_side_unlock(&ledger->side);
        hf_queue_free_block(self, block);
        if (!entry)
                return -EPERM;
        /* [Q5] After the guard's swap, a full fence: join sets its flag, then looks. */
        if (!atomic_load_relaxed(&ledger->undone))
                hf_queue_wake_joiners(queue);
        return 0;
}

/* Whether all that was put is dealt with: 1, 0, -ETIMEDOUT. Under the guard a message is in the
 * queue or in the ledger, never between. */
static int is_dealt_with(struct hay_queue *queue, hay_time deadline)
{
        int r = hf_side_lock_by(&queue->get.side, deadline);
        if (r < 0)
                return r;
        bool all = atomic_load_full(&queue->tail.place) == queue->head.place && !queue->get.undone;
        hf_side_unlock(&queue->get.side);
        return all;
}

int hay_queue_join(hay_queue *queue, hay_time deadline)
{
        int r;
        queue = hf_queue_check(queue);
        if (!queue || !queue->joinable)
                return -EINVAL;
        struct hf_member *self = hf_self(&r);
        if (!self)
                return r;
        for (;;) {
                uint32_t signal = atomic_load_acquire(&queue->join_signal);
                r = is_dealt_with(queue, deadline);
                if (r)
                        return hf_min(r, 0);
                /* [Q5] */
                atomic_or(&queue->join_attention, HF_ATTENTION_SLEEPERS);
                r = is_dealt_with(queue, deadline);
                if (r)
                        return hf_min(r, 0);
                r = hf_park(&queue->join_signal, signal, deadline, HF_SLICE_IDLE);
                if (r < 0)
                        return r;
                hf_ledger_look(&queue->get, self, HF_SLICE_IDLE, deadline);
        }
}
