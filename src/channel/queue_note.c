/* Notes: how a step that changes a queue and a member's blocks survives a death in the middle.
 *
 * The model. A step has one commit word. Before the commit the step is noted in its side, under
 * that side's guard: which word, what it held, which block comes out of the object and which goes
 * in. The blocks are in the member's intents too, so that burial frees what is the member's. If the
 * owner dies, the next one who takes the guard compares the word with what it held, and takes the
 * wrong notes back: of the block that went in, if the commit happened; of the one that did not come
 * out, if not. Nobody passes a guard before that was done, so the comparison is never with the word
 * of another step.
 *
 * The member's intent `queue` names the side. Its burial takes that guard (and so has the step
 * settled, by itself or by somebody before it) before its blocks are freed and its slot is given
 * away. Hence: while note.owner is set and its slot's intent names this side, the slot is still the
 * one that the note means; no member that has the slot later can have passed this guard.
 *
 * What is certain only after the guard was passed (messages taken and not returned with, a sent
 * message's old entry) has intents of its own, which burial settles after the guard.
 *
 * The crash table
 *   begin   intent set, note not: nothing happened; burial clears the intent.
 *   settle  each store can be repeated; the slot is settled before `owner` is cleared.
 *   end     owner cleared, intent not: burial finds nothing noted and a step that is done.
 *   lost    before ledger.lost: burial counts again. After it: the next one in the guard clears the
 *           dead taker's count, before anybody can count again.
 *   wake    lost: all sleepers of the queue look at it at their slice's end. */
#include "channel/queue_ledger.h"
#include "channel/queue_ring.h"
#include "channel/queue_wait.h"

static void forget(struct hf_intents *intents, hf_offset block)
{
        if (!block)
                return;
        if (intents->block == block)
                atomic_store_release(&intents->block, (hf_offset)0);
        if (intents->spare_block == block)
                atomic_store_release(&intents->spare_block, (hf_offset)0);
}

static uint64_t *word_at(hf_offset offset)
{
        return hf_checked_at(offset, sizeof(uint64_t), sizeof(uint64_t));
}

static void settle_intents(const struct hf_note *note, struct hf_intents *intents, bool committed)
{
        forget(intents, committed ? note->in : note->out);
        switch (note->kind) {
        case HF_NOTE_GET:
                if (committed)
                        return;
                atomic_store_release(hf_intent_taken(intents), note->kept);
                break;
        case HF_NOTE_LOST:
                if (!committed)
                        return;
                atomic_store_release(hf_intent_taken(intents), 0ull);
                break;
        case HF_NOTE_SEND:
                if (!committed)
                        atomic_store_release(hf_intent_sent(intents), (hf_offset)0);
                break;
        default:
                break;
        }
        if (!*hf_intent_taken(intents))
                atomic_store_release(&intents->queue, (hf_offset)0);
}

/* Finish or take back the step that a dead member had noted. */
static void settle(struct hf_side *side)
{
        struct hf_note *note = &side->note;
        hf_member_id owner = atomic_load_acquire(&note->owner);
        if (!owner)
                return;
        const uint64_t *word = word_at(note->word);
        bool committed = word && atomic_load_acquire(word) != note->before;
        if (!committed && note->entry && word_at(note->entry))
                atomic_store_release(word_at(note->entry), 0ull);
        if (committed && note->kind == HF_NOTE_DROP)
                hf_container(side, struct hf_ledger, side)->lost = note->kept;
        struct hf_intents *intents = &hf_member_slot(owner)->intents;
        if (atomic_load_acquire(&intents->queue) == hf_offset_of(side))
                settle_intents(note, intents, committed);
        hf_note_end(side);
}

void hf_side_repair(void *object)
{
        struct hf_side *side = object;
        settle(side);
        if (side->role != HF_SIDE_PUT)
                hf_ledger_recount(hf_container(side, struct hf_ledger, side));
        struct hay_queue *queue = NULL;
        if (side->role == HF_SIDE_PUT) {
                queue = hf_container(side, struct hay_queue, put);
                struct hf_ring ring;
                while (hf_ring_open(queue->put.segment, &ring) == 0 && ring.segment->next)
                        atomic_store_release(&queue->put.segment, ring.segment->next);
        } else if (side->role == HF_SIDE_GET) {
                queue = hf_container(side, struct hay_queue, get.side);
        }
        if (queue)
                hf_queue_wake_all(queue);
}

/* The side that an intent names, NULL when it names none. */
static struct hf_side *side_at(hf_offset offset)
{
        struct hf_side *side = hf_checked_at(offset, sizeof(struct hf_ledger), HF_CACHE_LINE);
        if (!side)
                return NULL;
        bool is_side = side->role == HF_SIDE_PUT || side->role == HF_SIDE_GET ||
                       side->role == HF_SIDE_HOLD;
        return is_side ? side : NULL;
}

/* Under the guard, nothing is noted: count what the dead member took and did not return with. */
static void count_lost(struct hf_side *side, hf_member_id id, struct hf_intents *intents)
{
        struct hf_ledger *ledger = hf_container(side, struct hf_ledger, side);
        uint64_t taken = *hf_intent_taken(intents);
        if (side->role == HF_SIDE_GET && taken) {
                side->note.kind = HF_NOTE_LOST;
                side->note.word = hf_offset_of(&ledger->lost);
                side->note.before = ledger->lost;
                side->note.in = 0;
                side->note.out = 0;
                side->note.entry = 0;
                atomic_store_release(&side->note.owner, id);
                atomic_store_release(&ledger->lost, ledger->lost + taken);
                atomic_store_release(hf_intent_taken(intents), 0ull);
                atomic_store_release(&intents->queue, (hf_offset)0);
                hf_note_end(side);
        }
        atomic_store_release(hf_intent_taken(intents), 0ull);
        atomic_store_release(&intents->queue, (hf_offset)0);
}

/* What a dead member left undone in queues. Its blocks are freed after this, by the heap. */
static bool bury(struct hf_member *me, hf_member_id id, struct hf_intents *intents)
{
        struct hf_side *side = side_at(intents->queue);
        if (side) {
                hf_side_lock(side);
                if (intents->queue)
                        count_lost(side, id, intents);
                hf_side_unlock(side);
        }
        hf_offset sent = *hf_intent_sent(intents);
        if (sent & HF_INTENT_FREE)
                hf_queue_bury_freed(me, intents, sent & ~HF_INTENT_FREE);
        else if (sent)
                hf_ledger_forget_sent(me, id, sent);
        *hf_intent_sent(intents) = 0;
        if (*hf_intent_held(intents))
                hf_ledger_bury_held(me, id);
        /* It died right after it had linked the region's ledger, which no note names otherwise. */
        forget(intents, atomic_load_acquire(&hf_region_root()->ledgers[0]));
        /* It died while it moved a note from one place to the other. */
        if (intents->block == intents->spare_block)
                atomic_store_release(&intents->spare_block, (hf_offset)0);
        return true;
}

/* Registered after the heap's, so that it comes before it: that one frees what the notes still
 * name.
 */
__attribute__((constructor(200))) static void at_start(void)
{
        hf_at_burial(bury);
}
