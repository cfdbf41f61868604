/* What dead owners left in a ledger. A joinable queue's messages become orphans, which the next get
 * takes over; other ones are freed and counted as lost.
 *
 * Nobody tells a queue of a death: who waits there looks at the owners' lives at the end of its
 * slice, who takes looks when there were burials. Lives are asked outside of the guard, for that
 * costs system calls.
 *
 * The entries of a process are touched only after all of its members were buried: a thread of it
 * may have sent a message on and died before it could take the entry out, and its burial does that
 * (hf_ledger_forget_sent()). Until then the block may be another queue's.
 *
 * The crash table
 *   sweep  every step is one store (an orphan's owner) or one hf_ledger_drop(); the sweeper's death
 *          leaves the rest to the next one. */
#include "channel/queue_ledger.h"
#include "channel/queue_wait.h"
#include "os/process.h"

#define SUSPECTS 16

static bool process_runs(uint32_t process)
{
        uint32_t start = process >> 22;
        return hf_process_runs((pid_t)(process & 0x3fffff), start, start ? 0x3ff : 0);
}

/* Collect the processes that have entries from `*seq` on; moves it on. Returns how many, or
 * -ETIMEDOUT. */
static int gather(struct hf_ledger *ledger, uint64_t *seq, uint32_t processes[SUSPECTS],
                  hay_time deadline)
{
        int count = 0;
        int r = hf_side_lock_by(&ledger->side, deadline);
        if (r < 0)
                return r;
        struct hf_table *table = hf_ledger_table(ledger);
        for (uint64_t i = table ? table->head : 0; table && i != table->tail; i++) {
                const struct hf_entry *entry = hf_table_entry(table, i);
                if (entry->seq < *seq || entry->seq == UINT64_MAX || !entry->block || !entry->owner)
                        continue;
                uint32_t process = hf_process_of(entry->owner);
                int known = 0;
                while (known < count && processes[known] != process)
                        known++;
                if (known == SUSPECTS)
                        break;
                processes[known] = process;
                count += known == count;
                *seq = entry->seq + 1;
        }
        hf_side_unlock(&ledger->side);
        return count;
}

/* Under the guard: settle one entry of a dead process. Returns the block that is to be freed. */
static hf_offset settle_entry(struct hf_ledger *ledger, struct hf_member *self,
                              struct hf_entry *entry)
{
        bool is_done = entry->block & HF_ENTRY_DONE;
        if (ledger->joinable && !is_done) {
                atomic_store_release(&entry->block, hf_entry_block(entry));
                atomic_store_release(&entry->owner, 0ull);
                atomic_store_relaxed(&ledger->orphans, ledger->orphans + 1);
                return 0;
        }
        hf_offset block = hf_entry_block(entry);
        hf_ledger_drop(ledger, self, entry, false, is_done ? 0 : 1);
        return block;
}

static bool belongs(const struct hf_entry *entry, uint64_t owner, uint64_t mask)
{
        return entry->block && entry->owner && (entry->owner & mask) == owner;
}

/* Settle all entries whose owner's word, under the mask, is this. 0, or -ETIMEDOUT. */
static int reap(struct hf_ledger *ledger, struct hf_member *self, uint64_t owner, uint64_t mask,
                hay_time deadline)
{
        for (hf_offset block = 1; block;) {
                block = 0;
                int r = hf_side_lock_by(&ledger->side, deadline);
                if (r < 0)
                        return r;
                struct hf_table *table = hf_ledger_table(ledger);
                for (uint64_t i = table ? table->head : 0; table && !block && i < table->tail; i++)
                        if (belongs(hf_table_entry(table, i), owner, mask))
                                block = settle_entry(ledger, self, hf_table_entry(table, i));
                hf_side_unlock(&ledger->side);
                hf_queue_free_block(self, block);
        }
        return 0;
}

/* Bury those of the processes that have ended, and settle their entries. */
static int reap_ended(struct hf_ledger *ledger, struct hf_member *self, const uint32_t *processes,
                      int count, hay_time deadline)
{
        int r = 0;
        for (int i = 0; i < count && r == 0; i++) {
                if (process_runs(processes[i]))
                        continue;
                hf_bury((pid_t)(processes[i] & 0x3fffff));
                r = reap(ledger, self, (uint64_t)processes[i] << 32, 0xffffffffull << 32, deadline);
        }
        return r;
}

void hf_ledger_sweep(struct hf_ledger *ledger, struct hf_member *self, hay_time deadline)
{
        uint32_t processes[SUSPECTS];
        uint64_t seq = 0;
        int r;
        if (!atomic_load_relaxed(&ledger->table))
                return;
        atomic_store_relaxed(&ledger->looked, (uint64_t)hay_now());
        atomic_store_relaxed(&ledger->deaths, hf_deaths());
        do {
                r = gather(ledger, &seq, processes, deadline);
                int s = reap_ended(ledger, self, processes, r, deadline);
                r = s < 0 ? s : r;
        } while (r > 0);
        if (r < 0)
                atomic_store_relaxed(&ledger->looked, 0ull);
        if (ledger->side.role != HF_SIDE_GET)
                return;
        struct hay_queue *queue = hf_container(ledger, struct hay_queue, get);
        if (atomic_load_relaxed(&ledger->orphans))
                hf_queue_notify_getters(queue);
        hf_queue_wake_joiners(queue);
}

void hf_ledger_look(struct hf_ledger *ledger, struct hf_member *self, hay_time slice,
                    hay_time deadline)
{
        if (!atomic_load_relaxed(&ledger->table))
                return;
        uint64_t now = (uint64_t)hay_now();
        if (hf_deaths() != atomic_load_relaxed(&ledger->deaths) ||
            now - atomic_load_relaxed(&ledger->looked) > (uint64_t)slice * 7 / 8)
                hf_ledger_sweep(ledger, self, deadline);
}

void hf_ledger_forget_sent(struct hf_member *me, hf_member_id dead, uint64_t hold)
{
        struct hf_ledger *ledger = hf_hold_ledger(hold);
        if (!ledger)
                return;
        hf_side_lock(&ledger->side);
        struct hf_entry *entry = hf_ledger_find(ledger, hold, 0, dead);
        if (entry)
                hf_ledger_drop(ledger, me, entry, true, 0);
        hf_side_unlock(&ledger->side);
        if (ledger->side.role == HF_SIDE_GET)
                hf_queue_wake_joiners(hf_container(ledger, struct hay_queue, get));
}

void hf_ledger_bury_held(struct hf_member *me, hf_member_id dead)
{
        struct hf_ledger *ledger =
                hf_checked_at(hf_region_root()->ledgers[0], sizeof(*ledger), HF_CACHE_LINE);
        if (ledger)
                reap(ledger, me, dead, 0xffffffffull, HAY_FOREVER);
}
