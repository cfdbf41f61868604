/* Members: every thread of every process that uses the region has a slot in its table. A member id
 * (slot and epoch) is what owner words hold, so that a reused pid is never mistaken for an owner.
 */
#ifndef HF_MEMBER_MEMBER_H
#define HF_MEMBER_MEMBER_H

#include "base/atomic.h"
#include "region/region.h"

/* Never 0; fits below bit 31, which owner words use for "others sleep". */
typedef uint32_t hf_member_id;

#define HF_MEMBER_SLOT_BITS 13
#define HF_MEMBER_SLOTS (1u << HF_MEMBER_SLOT_BITS)
#define HF_MEMBER_ID_MASK 0x7fffffffu

/* What a member is in the middle of, written by it alone while it lives, and settled by whoever
 * buries it. Zero is nothing.
 *  - block, spare_block: a block of the heap that is this member's and linked nowhere yet, or no
 *    longer; freed at burial (memory/heap.c).
 *  - queue…: the message that it is putting or getting (channel/queue).
 *  - pools, pool_note: the pools that it made (pool/estate.c). */
struct hf_intents {
        hf_offset block;
        hf_offset spare_block;
        hf_offset queue;
        uint64_t queue_position;
        hf_offset queue_block;
        uint64_t queue_phase;
        hf_offset pools;
        hf_offset pool_note;
};

struct hf_member {
        uint64_t word;   /* id, pid, start time: see member.c */
        uint32_t thread; /* the kernel's id of the thread, for people */
        uint32_t reserved[13];
        struct hf_intents intents;
};

/* The calling thread, as its last join left it. It is stale in the child of a fork: `key` differs
 * from *hf_process_key there, which the kernel wipes at a fork. */
struct hf_thread {
        struct hf_member *member;
        hf_member_id id;
        uint32_t key;
};
extern __thread struct hf_thread hf_thread __attribute__((tls_model("initial-exec")));
extern uint32_t *hf_process_key;

struct hf_member *hf_join(int *ret_error);

/* The calling thread's own slot; it joins at the first call. NULL when that failed (no region, or
 * no room for another member): then *ret_error holds -ENOMEM or what the region's making said. */
static inline struct hf_member *hf_self(int *ret_error)
{
        if (__builtin_expect(hf_thread.key == atomic_load_relaxed(hf_process_key), 1))
                return hf_thread.member;
        return hf_join(ret_error);
}

/* The calling thread's id, 0 when it could not join (see hf_self()). */
static inline hf_member_id hf_self_id(int *ret_error)
{
        return hf_self(ret_error) ? hf_thread.id : 0;
}

/* Whether a member is dead: left, ended, or its slot is another's now. Ids of 0 are not. */
bool hf_member_is_dead(hf_member_id id);

/* The pid that stands behind an id, 0 when it is no member's now. */
pid_t hf_member_pid(hf_member_id id);

/* The slot of an id, whoever has it now; bounded, so that any word will do. */
struct hf_member *hf_member_slot(hf_member_id id);

/* What burial runs for each dead member with intents, the latest registered first (a constructor's
 * work), before its slot is free again. `me` is the burier. True: settled; false: not yet, so bury
 * it later. May run again for the same member, also if the burier dies. */
typedef bool hf_burial(struct hf_member *me, hf_member_id id, struct hf_intents *intents);
void hf_at_burial(hf_burial *settle);

/* Bury all dead members of one process (pid), or every dead member (pid 0). Returns how many. */
int hf_bury(pid_t pid);

/* How many burials there were in this region: who remembers the last value learns of new ones. */
uint32_t hf_deaths(void);

/* Count members alive, and dead ones that are not buried yet. */
void hf_member_count(unsigned *ret_alive, unsigned *ret_dead);

/* The slots from 1 to this one have been used; for walks over all. */
uint32_t hf_member_window(void);

#endif
