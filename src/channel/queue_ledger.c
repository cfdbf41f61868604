/* The ledger: who has which message by reference. A queue's get side has one, for what is lent and
 * for what a joinable queue keeps until task_done; the region has one for messages that belong to
 * no queue.
 *
 * The words, all under the ledger's guard
 *   table           a block; replaced by one store when it is full of entries or of holes.
 *   entry->block    the truth: an entry is there while it is not 0. Its low bits say that somebody
 *                   reads it, and that it is dealt with: one store moves it on.
 *   entry->owner    one store: a dead owner's entry becomes an orphan, an orphan becomes the next
 *                   taker's.
 *   table.head      all entries before it are empty; a hint that only rises.
 *   table.tail, next_seq  rise before the entry counts; a hole is left if it never does.
 *   undone, orphans derived from the entries by recount.
 *   lost            see hf_ledger_drop().
 *
 * The order of entries is that of taking, so the oldest of an owner is the first of it from head
 * on. A table that is full is copied without its holes; that costs as much as the takes before it.
 *
 * The crash table
 *   append   the caller's note names entry->block; without its commit the repair empties it.
 *   drop     before entry->block = 0: the repair takes the block's note back. After: the block is
 *            the member's, burial frees it; ledger.lost is stored again by the repair.
 *   room     before ledger.table: the new table is freed by burial. After: the old one is.
 *   counts   recounted by every repair. */
#include "channel/queue_ledger.h"

#include "channel/queue_ring.h"

#define TABLE_MAGIC 0x7461626cu
#define FIRST_CAPACITY 16u
#define MOST_CAPACITY (1u << 26)
#define SEQ_BITS 21u
#define SEQ_MASK ((1ull << SEQ_BITS) - 1)

uint64_t hf_hold_of(const struct hf_ledger *ledger, const struct hf_entry *entry)
{
        return hf_offset_of(ledger) / HF_CACHE_LINE << SEQ_BITS | (entry->seq & SEQ_MASK);
}

struct hf_ledger *hf_hold_ledger(uint64_t hold)
{
        struct hf_ledger *ledger =
                hf_checked_at((hold >> SEQ_BITS) * HF_CACHE_LINE, sizeof(*ledger), HF_CACHE_LINE);
        if (!ledger || (ledger->side.role != HF_SIDE_GET && ledger->side.role != HF_SIDE_HOLD))
                return NULL;
        return ledger;
}

struct hf_table *hf_ledger_table(const struct hf_ledger *ledger)
{
        hf_offset offset = atomic_load_relaxed(&ledger->table);
        struct hf_table *table = hf_checked_at(offset, sizeof(*table), 16);
        if (!table)
                return NULL;
        uint32_t capacity = table->capacity;
        if (table->magic != TABLE_MAGIC || !hf_is_power_of_two(capacity) ||
            capacity > MOST_CAPACITY || table->tail - table->head > capacity ||
            capacity * sizeof(struct hf_entry) > hf_region_size - sizeof(*table) - offset)
                return NULL;
        return table;
}

struct hf_entry *hf_ledger_next(struct hf_ledger *ledger)
{
        struct hf_table *table = hf_ledger_table(ledger);
        if (!table || table->tail - table->head >= table->capacity)
                return NULL;
        return hf_table_entry(table, table->tail);
}

void hf_ledger_append(struct hf_ledger *ledger, struct hf_member *self, uint64_t block,
                      uint64_t size)
{
        struct hf_table *table = hf_ledger_table(ledger);
        struct hf_entry *entry = hf_ledger_next(ledger);
        entry->owner = self->word;
        entry->size = size;
        entry->seq = table->next_seq;
        /* The place is part of the table while its block is 0 still: a hole, whose seq rises. */
        atomic_store_release(&table->next_seq, table->next_seq + 1);
        atomic_store_release(&table->tail, table->tail + 1);
        atomic_store_release(&entry->block, block);
        atomic_store_relaxed(&ledger->undone, ledger->undone + 1);
}

/* The first number in [head, tail) whose seq is not below `seq`. */
static uint64_t lower_bound(struct hf_table *table, uint64_t seq)
{
        uint64_t low = table->head;
        uint64_t high = table->tail;
        while (low < high) {
                uint64_t middle = low + (high - low) / 2;
                if (hf_table_entry(table, middle)->seq < seq)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static bool is_meant(const struct hf_entry *entry, uint64_t seq, hf_offset block,
                     hf_member_id owner)
{
        if (entry->seq != seq || !entry->block)
                return false;
        return block ? hf_entry_block(entry) == block : (hf_member_id)entry->owner == owner;
}

struct hf_entry *hf_ledger_find(struct hf_ledger *ledger, uint64_t hold, hf_offset block,
                                hf_member_id owner)
{
        struct hf_table *table = hf_ledger_table(ledger);
        if (!table || table->head == table->tail)
                return NULL;
        /* A hold has the low end of the seq; the block or the owner tells which one it is. */
        uint64_t seq = hf_table_entry(table, table->head)->seq;
        for (uint32_t tries = table->capacity; tries; tries--) {
                seq += ((hold & SEQ_MASK) - seq) & SEQ_MASK;
                uint64_t at = lower_bound(table, seq);
                if (at == table->tail)
                        return NULL;
                struct hf_entry *entry = hf_table_entry(table, at);
                if (is_meant(entry, seq, block, owner))
                        return entry;
                seq = entry->seq == seq ? seq + 1 : entry->seq;
        }
        return NULL;
}

/* The count of messages that the owner of an entry keeps in the region's ledger, in its intents:
 * it keeps the slot from being given away without a burial. */
static void unhold(struct hf_ledger *ledger, const struct hf_entry *entry)
{
        struct hf_member *owner = hf_member_slot((hf_member_id)entry->owner);
        if (ledger->side.role == HF_SIDE_HOLD && atomic_load_relaxed(&owner->word) == entry->owner)
                atomic_add(hf_intent_held(&owner->intents), (uint64_t)-1);
}

void hf_ledger_drop(struct hf_ledger *ledger, struct hf_member *self, struct hf_entry *entry,
                    bool is_sent, unsigned lost)
{
        uint64_t before = entry->block;
        hf_offset block = is_sent ? 0 : hf_entry_block(entry);
        bool was_undone = !(before & HF_ENTRY_DONE);
        bool was_orphan = was_undone && !entry->owner;
        hf_note_begin(&ledger->side, self,
                      &(struct hf_note){ .kind = HF_NOTE_DROP,
                                         .word = hf_offset_of(&entry->block),
                                         .before = before,
                                         .out = block,
                                         .kept = ledger->lost + lost });
        if (block)
                atomic_store_release(&self->intents.block, block);
        atomic_store_release(&entry->block, 0ull);
        atomic_store_release(&ledger->lost, ledger->lost + lost);
        atomic_store_relaxed(&ledger->undone, ledger->undone - was_undone);
        atomic_store_relaxed(&ledger->orphans, ledger->orphans - was_orphan);
        unhold(ledger, entry);
        struct hf_table *table = hf_ledger_table(ledger);
        while (table && table->head != table->tail && !hf_table_entry(table, table->head)->block)
                atomic_store_release(&table->head, table->head + 1);
        hf_note_close(&ledger->side, self);
}

void hf_ledger_recount(struct hf_ledger *ledger)
{
        struct hf_table *table = hf_ledger_table(ledger);
        uint32_t undone = 0;
        uint32_t orphans = 0;
        for (uint64_t i = table ? table->head : 0; table && i != table->tail; i++) {
                const struct hf_entry *entry = hf_table_entry(table, i);
                if (!entry->block || (entry->block & HF_ENTRY_DONE))
                        continue;
                undone++;
                orphans += !entry->owner;
        }
        atomic_store_relaxed(&ledger->undone, undone);
        atomic_store_relaxed(&ledger->orphans, orphans);
}

/* Under the guard: the capacity of a table with room for as much again as is in this one. */
static uint64_t wanted_capacity(struct hf_table *table)
{
        uint64_t live = 1;
        for (uint64_t i = table ? table->head : 0; table && i != table->tail; i++)
                live += hf_table_entry(table, i)->block != 0;
        uint64_t capacity = FIRST_CAPACITY;
        while (capacity < 2 * live)
                capacity *= 2;
        return capacity;
}

/* Copy what lives; false when there is no room left for one more. */
static bool fill(struct hf_table *table, struct hf_table *old)
{
        for (uint64_t i = old ? old->head : 0; old && i != old->tail; i++) {
                const struct hf_entry *entry = hf_table_entry(old, i);
                if (!entry->block)
                        continue;
                if (table->tail + 1 >= table->capacity)
                        return false;
                table->entries[table->tail++] = *entry;
        }
        table->next_seq = old ? old->next_seq : 1;
        return true;
}

/* Under the guard: put a new table in the place of the old one, which is noted then as spare. */
static bool replace(struct hf_ledger *ledger, struct hf_member *self, struct hf_table *table)
{
        if (hf_ledger_next(ledger) || !fill(table, hf_ledger_table(ledger)))
                return false;
        hf_offset old = ledger->table;
        hf_note_begin(&ledger->side, self,
                      &(struct hf_note){ .kind = HF_NOTE_STEP,
                                         .word = hf_offset_of(&ledger->table),
                                         .before = old,
                                         .out = old,
                                         .in = hf_offset_of(table) });
        atomic_store_release(&self->intents.spare_block, old);
        atomic_store_release(&ledger->table, hf_offset_of(table));
        hf_heap_linked(self);
        hf_note_close(&ledger->side, self);
        return true;
}

static int new_table(struct hf_member *self, uint64_t capacity, struct hf_table **ret_table)
{
        void *block;
        if (capacity > MOST_CAPACITY)
                return -ENOMEM;
        int r = hf_heap_alloc(self, sizeof(struct hf_table) + capacity * sizeof(struct hf_entry), 0,
                              true, &block);
        if (r < 0)
                return r;
        *ret_table = block;
        (*ret_table)->magic = TABLE_MAGIC;
        (*ret_table)->capacity = (uint32_t)capacity;
        return 0;
}

int hf_ledger_make_room(struct hf_ledger *ledger, struct hf_member *self)
{
        for (;;) {
                hf_side_lock(&ledger->side);
                struct hf_table *old = hf_ledger_table(ledger);
                bool is_damaged = ledger->table && !old;
                bool has_room = hf_ledger_next(ledger) != NULL;
                uint64_t capacity = has_room ? 0 : wanted_capacity(old);
                hf_side_unlock(&ledger->side);
                if (has_room || is_damaged)
                        return has_room ? 0 : -EUCLEAN;
                struct hf_table *table;
                int r = new_table(self, capacity, &table);
                if (r < 0)
                        return r;
                hf_side_lock(&ledger->side);
                bool is_replaced = replace(ledger, self, table);
                hf_side_unlock(&ledger->side);
                hf_offset unused = is_replaced ? self->intents.spare_block : hf_offset_of(table);
                hf_queue_free_block(self, unused);
        }
}

struct hf_ledger *hf_region_ledger(struct hf_member *self, int *ret_error)
{
        hf_offset *root = &hf_region_root()->ledgers[0];
        hf_offset seen = atomic_load_acquire(root);
        if (!seen) {
                void *block;
                int r = hf_heap_alloc(self, sizeof(struct hf_ledger), HF_CACHE_LINE, true, &block);
                if (r < 0) {
                        *ret_error = r;
                        return NULL;
                }
                struct hf_ledger *ledger = block;
                ledger->side.role = HF_SIDE_HOLD;
                /* A death right after this leaves it in the root, and in the notes: see bury() in
                 * queue_note.c. */
                if (atomic_cas(root, (hf_offset)0, hf_offset_of(ledger)))
                        hf_heap_linked(self);
                else
                        hf_heap_free(self, ledger);
                seen = atomic_load_acquire(root);
        }
        struct hf_ledger *ledger = hf_checked_at(seen, sizeof(*ledger), HF_CACHE_LINE);
        if (!ledger || ledger->side.role != HF_SIDE_HOLD) {
                *ret_error = -EUCLEAN;
                return NULL;
        }
        return ledger;
}
