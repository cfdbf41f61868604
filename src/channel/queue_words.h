/* A queue in the region: its words, its two sides, its notes.
 *
 * The model. Two guards, put and get, each with the words that its side writes. Messages lie in a
 * chain of segments, each a ring of 8-byte units; `tail` and `head` are places {count of messages,
 * position in units}, both free-running, so that one store commits position and count together.
 * Small messages lie in the ring, large ones in a block that the ring names. A full ring is
 * followed by a larger one; the getter frees those it has drained; in the steady state one ring is
 * used in place. What was lent, and what a joinable queue keeps until task_done, is in the get
 * side's ledger (queue_ledger.c).
 *
 * The words
 *   magic … joinable       fixed after new.
 *   closed                 0 to 1, under the put guard; read by anybody.
 *   *_attention, *_signal  who sleeps, see queue_wait.c.
 *   put.segment            the last segment; under the put guard; a death may leave it behind the
 *                          chain, the repair follows.
 *   put.seen, get.seen     the other side's place as last seen: never ahead of it.
 *   tail                   stored under the put guard, read by anybody: what was put.
 *   head                   stored under the get guard, read by anybody: what was taken.
 *   get.segment            where head is, or a drained one before; under the get guard.
 *   segment->next, end     0, then set once under the put guard, end first.
 *   side.note              under that side's guard alone, see queue_note.c.
 *
 * The matrix: put against put, and get against get, take, task_done, release exclude each other by
 * their guard. Put against get: bytes pass by tail [Q1], room passes by head [Q2], segments by next
 * [Q4]. size, empty, full, ready look at head and tail alone. */
#ifndef HF_CHANNEL_QUEUE_WORDS_H
#define HF_CHANNEL_QUEUE_WORDS_H

#include "base/checked.h"
#include "base/safe.h"
#include "member/guard.h"
#include "memory/heap.h"
#include "region/root.h"

#include <hayfork/queue.h>

#define HF_LINE _Alignas(HF_CACHE_LINE)

/* What one side is in the middle of: one word whose change is the commit, and what hangs on it. */
struct hf_note {
        uint32_t owner; /* whose intents are concerned; 0: nothing is going on. Written last. */
        uint32_t kind;
        uint64_t word;   /* the commit word */
        uint64_t before; /* what it held */
        hf_offset out;   /* the block that becomes the owner's by the commit */
        hf_offset in;    /* the block that becomes the object's by it */
        uint64_t kept;   /* see enum hf_note_kind */
        hf_offset entry; /* the ledger's entry that is nothing without the commit */
};

enum hf_note_kind {
        HF_NOTE_STEP, /* nothing else */
        HF_NOTE_GET,  /* messages taken by copy; kept: how many this call had taken before */
        HF_NOTE_SEND, /* a lent message is put: its old entry goes after the commit */
        HF_NOTE_DROP, /* a ledger's entry goes; kept: what ledger.lost is then */
        HF_NOTE_LOST, /* a dead taker's messages are counted; the commit is in ledger.lost */
};

enum hf_side_role { HF_SIDE_PUT = 0x70757421, HF_SIDE_GET = 0x67657421, HF_SIDE_HOLD = 0x686f6c64 };

struct hf_side {
        HF_LINE struct hf_guard guard;
        uint32_t role;
        uint32_t unused;
        hf_offset segment;
        uint64_t seen;
        struct hf_note note;
};

/* A get side with the messages that were handed out and are not dealt with; see queue_ledger.c. */
struct hf_ledger {
        struct hf_side side;
        HF_LINE hf_offset table;
        uint64_t lost;    /* messages whose taker died; only grows */
        uint64_t looked;  /* when the owners' lives were looked at; a hint */
        uint32_t deaths;  /* hf_deaths() then; a hint */
        uint32_t undone;  /* live entries without DONE: derived */
        uint32_t orphans; /* those of them without an owner: derived */
        uint32_t joinable;
};

/* A place, and half of it to spin on: both halves move with each message. */
union hf_place_word {
        uint64_t place;
        uint32_t half[2];
};

struct hay_queue {
        HF_LINE uint32_t magic;
        uint32_t max_messages; /* 0: unbounded */
        uint32_t joinable;
        uint32_t closed;
        uint32_t get_attention;
        uint32_t get_signal;
        uint32_t put_attention;
        uint32_t put_signal;
        uint32_t join_attention;
        uint32_t join_signal;
        struct hf_side put;
        HF_LINE union hf_place_word tail;
        uint32_t put_hint;
        struct hf_ledger get;
        HF_LINE union hf_place_word head;
        uint32_t get_hint;
};

#define HF_QUEUE_MAGIC 0x68617971u
#define HF_QUEUE_MOST 0x80000000u /* messages in one queue */

/* How an intent to free a queue differs from a hold (see hf_hold_of()). */
#define HF_INTENT_FREE (1ull << 63)

/* What stands in the way, beside 0, news and negative errnos, between the files of the queue. */
enum {
        HF_AGAIN = 0x100, /* somebody was faster */
        HF_EMPTY,
        HF_FULL,
        HF_GROW,       /* the ring is full */
        HF_MOVE,       /* the ring is drained and there is another one */
        HF_NO_ENTRY,   /* the ledger's table is full */
        HF_NEEDS_COPY, /* it lies in the ring, where it can't be lent */
        HF_HAS_BLOCK,
};

void hf_side_repair(void *side);

static inline void hf_side_lock(struct hf_side *side)
{
        hf_guard_lock(&side->guard, hf_thread.id, hf_side_repair, side);
}

/* For calls with a deadline, which holds beside a stopped owner too: 0, -ETIMEDOUT. */
static inline int hf_side_lock_by(struct hf_side *side, hay_time deadline)
{
        return hf_guard_lock_by(&side->guard, hf_thread.id, hf_side_repair, side, deadline);
}

static inline void hf_side_unlock(struct hf_side *side)
{
        hf_guard_unlock(&side->guard);
}

/* Free a block that is in the caller's notes; 0 is fine. */
static inline void hf_queue_free_block(struct hf_member *self, hf_offset block)
{
        void *address = hf_checked_at(block, 1, 1);
        if (address)
                hf_heap_free(self, address);
}

/* Begin a step of one commit. [N1] The intent comes first, so that the death of `self` is settled
 * under this guard by its burial before anybody frees its blocks or its slot; `owner` comes last,
 * so that a half-written note is none. The order is for a death in between: the processor keeps it
 * for those who come after. */
static inline void hf_note_begin(struct hf_side *side, struct hf_member *self,
                                 const struct hf_note *note)
{
        if (!HF_SAFE)
                return;
        atomic_store_release(&self->intents.queue, hf_offset_of(side));
        side->note.kind = note->kind;
        side->note.word = note->word;
        side->note.before = note->before;
        side->note.out = note->out;
        side->note.in = note->in;
        side->note.kept = note->kept;
        side->note.entry = note->entry;
        atomic_store_release(&side->note.owner, hf_thread.id);
        atomic_keep_order();
}

/* The step is done, the intent stays. */
static inline void hf_note_end(struct hf_side *side)
{
        if (HF_SAFE)
                atomic_store_release(&side->note.owner, 0u);
        atomic_keep_order();
}

/* The intents that are this folder's:
 *   queue           the side at whose guard its death is to be settled first
 *   queue_phase     messages that it took by copy and has not returned with
 *   queue_block     the hold of the message that it has just sent, or HF_INTENT_FREE and a queue
 *   queue_position  messages in the region's ledger that are its */
static inline uint64_t *hf_intent_taken(struct hf_intents *intents)
{
        return &intents->queue_phase;
}

static inline uint64_t *hf_intent_sent(struct hf_intents *intents)
{
        return &intents->queue_block;
}

static inline uint64_t *hf_intent_held(struct hf_intents *intents)
{
        return &intents->queue_position;
}

/* The step is done, and nothing of it is left to settle; but what a call took before is. */
static inline void hf_note_close(struct hf_side *side, struct hf_member *self)
{
        hf_note_end(side);
        if (!*hf_intent_taken(&self->intents))
                atomic_store_release(&self->intents.queue, (hf_offset)0);
        atomic_keep_order();
}

/* NULL, or the queue that `queue` names: a pointer is believed only when it looks like one. */
static inline struct hay_queue *hf_queue_check(const hay_queue *queue)
{
        if (((uintptr_t)queue & (HF_CACHE_LINE - 1)) || !hf_in_region(queue, sizeof(*queue)) ||
            atomic_load_relaxed(&queue->magic) != HF_QUEUE_MAGIC)
                return NULL;
        return (struct hay_queue *)(uintptr_t)queue;
}

/* The part of a structure that is known by one of its members. */
#define hf_container(member_address, type, member) \
        ((type *)(void *)((unsigned char *)(member_address)-offsetof(type, member)))

#endif
