/* The ledger of messages that were handed out by reference: see queue_ledger.c. */
#ifndef HF_CHANNEL_QUEUE_LEDGER_H
#define HF_CHANNEL_QUEUE_LEDGER_H

#include "channel/queue_words.h"

/* In the low bits of hf_entry.block, which is a multiple of 16. */
#define HF_ENTRY_LENT 1u /* somebody reads the block */
#define HF_ENTRY_DONE 2u /* dealt with; it goes when it is no longer lent */
#define HF_ENTRY_BITS 15u

struct hf_entry {
        uint64_t block; /* offset | bits; 0: no entry. Its store makes and ends the entry. */
        uint64_t seq;   /* rises along the table */
        uint64_t owner; /* the taker's slot word (id, process); 0: an orphan */
        uint64_t size;
};

/* Entries [head, tail) of a ring of `capacity`, in the order of their taking. */
struct hf_table {
        uint32_t magic;
        uint32_t capacity; /* a power of two */
        uint64_t head;
        uint64_t tail;
        uint64_t next_seq;
        struct hf_entry entries[];
};

static inline hf_offset hf_entry_block(const struct hf_entry *entry)
{
        return entry->block & ~(uint64_t)HF_ENTRY_BITS;
}

/* The process that stands behind a slot word. */
static inline uint32_t hf_process_of(uint64_t slot_word)
{
        return (uint32_t)(slot_word >> 32);
}

/* Names a ledger and an entry; 0 is none. Bit 63 is never set. */
uint64_t hf_hold_of(const struct hf_ledger *ledger, const struct hf_entry *entry);
struct hf_ledger *hf_hold_ledger(uint64_t hold);

/* The region's ledger, of messages that belong to no queue; made at the first call. NULL: -ENOMEM,
 * or -EUCLEAN in *ret_error. */
struct hf_ledger *hf_region_ledger(struct hf_member *self, int *ret_error);

/* The caller holds no guard and no note: let there be room for another entry. 0, -ENOMEM. */
int hf_ledger_make_room(struct hf_ledger *ledger, struct hf_member *self);

/* All under the ledger's guard from here on. */

/* NULL when there is none, or a damaged one. */
struct hf_table *hf_ledger_table(const struct hf_ledger *ledger);

/* Entry number `at` of [head, tail). */
static inline struct hf_entry *hf_table_entry(struct hf_table *table, uint64_t at)
{
        return &table->entries[at & (table->capacity - 1)];
}

/* The next entry's place, NULL when there is no room; nothing is changed. */
struct hf_entry *hf_ledger_next(struct hf_ledger *ledger);

/* Write the next entry, whose note was begun; `block` with its bits. The last store is that of
 * entry->block. */
void hf_ledger_append(struct hf_ledger *ledger, struct hf_member *self, uint64_t block,
                      uint64_t size);

/* The live entry that a hold names, with that block (or, block 0, of that owner); NULL when there
 * is none. */
struct hf_entry *hf_ledger_find(struct hf_ledger *ledger, uint64_t hold, hf_offset block,
                                hf_member_id owner);

/* Take an entry out. Its block is noted in self->intents.block then, for the caller to free after
 * the guard, unless it is another's already (`is_sent`). `lost`: add so many to the count. */
void hf_ledger_drop(struct hf_ledger *ledger, struct hf_member *self, struct hf_entry *entry,
                    bool is_sent, unsigned lost);

/* Count again what is derived. */
void hf_ledger_recount(struct hf_ledger *ledger);

/* queue_sweep.c: what dead owners left. The caller holds no guard and no note. */

/* Look at the owners' lives if there was a death, or if nobody did for most of a slice. Beside a
 * stopped owner of the guard the deadline ends it, and it is done another time. */
void hf_ledger_look(struct hf_ledger *ledger, struct hf_member *self, hay_time slice,
                    hay_time deadline);
void hf_ledger_sweep(struct hf_ledger *ledger, struct hf_member *self, hay_time deadline);

/* Parts of a burial. */
void hf_ledger_forget_sent(struct hf_member *me, hf_member_id dead, uint64_t hold);
void hf_ledger_bury_held(struct hf_member *me, hf_member_id dead);
void hf_queue_bury_freed(struct hf_member *me, struct hf_intents *intents, hf_offset queue);

#endif
