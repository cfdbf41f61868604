/* The member table: join, leave, burial. The stage's checks at the end see that no slot is lost. */
#include "kill.h"

#include "memory/heap.h"

#include <sys/wait.h>

static void a_region(void)
{
        hay_free(hay_alloc(16, 0));
        hay_free(hay_alloc(5000, 0));
}

static void join(void)
{
        int r;
        hf_self(&r);
}

static void leave(void)
{
        exit(0);
}

static void bury(void)
{
        hf_bury(0);
}

static void join_with_a_note(void)
{
        int r;
        void *block;
        hf_heap_alloc(hf_self(&r), 5000, 0, true, &block);
}

static void one_dead(void)
{
        kill_one_by(join);
}

static void one_dead_with_a_note(void)
{
        kill_one_by(join_with_a_note);
}

/* Dead members in all slots of the first window; every second one with a note, if wanted. */
static void fill_with_dead(bool notes)
{
        kill_one_by(join);
        unsigned window = hf_member_window();
        uint64_t word = 0;
        for (unsigned i = 1; i < window && !word; i++)
                if (hf_member_slot(i)->word >> 32 &&
                    hf_member_is_dead((hf_member_id)hf_member_slot(i)->word))
                        word = hf_member_slot(i)->word;
        kill_expect(word, "nobody is dead");
        for (unsigned i = 1; i < window; i++) {
                struct hf_member *slot = hf_member_slot(i);
                if (slot->word >> 32)
                        continue;
                slot->word = (word & ~(uint64_t)UINT32_MAX) | i;
                if (notes)
                        slot->intents.spare_block = 16; /* no block any more */
        }
}

static void full_of_dead(void)
{
        fill_with_dead(false);
}

static void full_of_dead_with_notes(void)
{
        fill_with_dead(true);
}

static enum kill_found survive(void)
{
        void *block = hay_alloc(100, 0);
        kill_expect(block, "no memory: %s", strerror(errno));
        kill_expect(!hay_free(block), "can't be freed");
        pid_t pid = fork();
        if (pid == 0) {
                int r;
                _exit(hf_self(&r) ? 0 : 1);
        }
        kill_expect(pid > 0 && kill_wait(pid) == 0, "another one can't join");
        kill_expect(hay_audit(NULL) == 0, "damage");
        kill_expect(kill_more_blocks() == 0, "%ld blocks of the dead are left", kill_more_blocks());
        return KILL_UNKNOWN;
}

#define JOIN .operation = join, .survive = survive, .stranger = true
#define BURY .operation = bury, .survive = survive, .recover = bury

static const struct kill_sweep table[] = {
        { "member: join", a_region, JOIN },
        { "member: join, all others dead", a_region, full_of_dead, JOIN },
        { "member: join, table full of unburied", a_region, full_of_dead_with_notes, JOIN },
        { "member: leave", a_region, .operation = leave, .survive = survive, .ends = true },
        { "member: bury one", a_region, one_dead, BURY },
        { "member: bury one with a note", a_region, one_dead_with_a_note, BURY },
};

KILL_SWEEPS(table)
