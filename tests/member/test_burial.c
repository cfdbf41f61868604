/* What others do while a dead member is buried. Each test is a way that a model of tests/model/ found;
 * its steps are made to come in that order. */
#include "kit.h"

#include "member/guard.h"
#include "memory/heap.h"
#include "memory/unit.h"

#include <pthread.h>
#include <signal.h>

#define SIZE 100

static struct hf_member *self(void)
{
        int r;
        struct hf_member *member = hf_self(&r);
        ck_assert_ptr_nonnull(member);
        return member;
}

/* As if killed between the store of the place and that of the block's bit. */
static int die_before_the_bit(void *arg)
{
        struct hf_heap heap = hf_heap_here();
        struct hf_member *member = self();
        hf_heap_lock(&heap, &member->intents.block);
        member->intents.block = *(hf_offset *)arg;
        raise(SIGKILL);
        return 1;
}

static uint32_t is_done;

static void *alloc_block(void *arg)
{
        *(void **)arg = hay_alloc(SIZE, 0);
        atomic_store_release(&is_done, 1u);
        return NULL;
}

/* Who waits in the heap's guard for the dead one takes over first, and is given the block that the
 * dead one was about to take; mostly, so try it a few times. */
static void bury_beside_an_alloc(void)
{
        pthread_t thread;
        void *next = hay_alloc(SIZE, 0);
        hf_offset offset = hf_offset_of(next);
        hay_free(next);
        pid_t pid = kit_fork(die_before_the_bit, &offset);
        ck_assert_int_eq(kit_wait(pid), -SIGKILL);
        void *block = NULL;
        is_done = 0;
        uint32_t *word = &hf_heap_here().root->guard_word;
        ck_assert_int_eq(pthread_create(&thread, NULL, alloc_block, &block), 0);
        while (!(atomic_load_acquire(word) & HF_WORD_SLEEPERS) && !atomic_load_acquire(&is_done))
                sched_yield();
        ck_assert_int_eq(hf_bury(pid), 1);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        ck_assert_uint_ge(hf_heap_block_size(self(), block), SIZE);
        void *other = hay_alloc(SIZE, 0);
        ck_assert_ptr_ne(other, block);
        hay_free(other);
        hay_free(block);
}

TEST(a_block_that_was_got_during_a_burial_is_not_freed_by_it)
{
        void *kept = hay_alloc(SIZE, 0);
        for (int i = 0; i < 10; i++)
                bury_beside_an_alloc();
        hay_free(kept);
}

static hf_member_id buried;
static uint32_t noted;
static uint32_t may_end;
static hf_offset note_before;
static hf_offset note_after;

static void *join_and_note(void *arg)
{
        void *block;
        struct hf_member *member = self();
        (void)arg;
        ck_assert_int_eq(hf_heap_alloc(member, SIZE, 0, false, &block), 0);
        note_before = member->intents.block;
        atomic_store_release(&noted, 1u);
        while (!atomic_load_acquire(&may_end))
                sched_yield();
        note_after = member->intents.block;
        hf_heap_free(member, block);
        return NULL;
}

static pthread_t joiner;

/* The last intent is settled; before the burial is over, somebody joins. */
static bool let_one_join(struct hf_member *me, hf_member_id id, struct hf_intents *intents)
{
        (void)me;
        if (id != buried)
                return true;
        memset(intents, 0, sizeof(*intents));
        ck_assert_int_eq(pthread_create(&joiner, NULL, join_and_note, NULL), 0);
        while (!atomic_load_acquire(&noted))
                sched_yield();
        return true;
}

static int die_with_an_intent(void *arg)
{
        struct hf_member *member = self();
        *(hf_member_id *)arg = hf_thread.id;
        member->intents.pool_note = HF_CACHE_LINE;
        raise(SIGKILL);
        return 1;
}

TEST(who_joins_a_full_table_during_a_burial_keeps_its_notes)
{
        hf_member_id *id = hay_new(hf_member_id);
        uint64_t alive = self()->word >> 32 << 32;
        bool was_free[HF_MEMBER_SLOTS] = { false };
        pid_t pid = kit_fork(die_with_an_intent, id);
        ck_assert_int_eq(kit_wait(pid), -SIGKILL);
        buried = *id;
        hay_free(id);
        /* All other slots are as ours: this process, alive. */
        uint32_t window = hf_member_window();
        for (uint32_t i = 1; i < window; i++) {
                struct hf_member *slot = hf_member_slot(i);
                was_free[i] = slot->word >> 32 == 0;
                if (was_free[i])
                        slot->word |= alive;
        }
        hf_at_burial(let_one_join);
        ck_assert_int_eq(hf_bury(pid), 1);
        atomic_store_release(&may_end, 1u);
        ck_assert_int_eq(pthread_join(joiner, NULL), 0);
        for (uint32_t i = 1; i < window; i++)
                if (was_free[i])
                        hf_member_slot(i)->word &= UINT32_MAX;
        buried = 0;
        ck_assert_uint_ne(note_before, 0);
        ck_assert_uint_eq(note_after, note_before);
}

KIT_MAIN
