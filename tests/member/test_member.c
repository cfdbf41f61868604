#include "kit.h"

#include "member/member.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static hf_member_id my_id(void)
{
        int r;
        hf_member_id id = hf_self_id(&r);
        ck_assert_uint_ne(id, 0);
        return id;
}

static int tell_id(void *arg)
{
        *(hf_member_id *)arg = my_id();
        return 0;
}

static void *tell_id_in_thread(void *arg)
{
        tell_id(arg);
        return NULL;
}

TEST(a_process_keeps_its_id)
{
        hf_member_id id = my_id();
        ck_assert_uint_eq(my_id(), id);
        ck_assert_int_eq(hf_member_pid(id), getpid());
        ck_assert(!hf_member_is_dead(id));
        ck_assert(!hf_member_is_dead(0));
}

TEST(a_forked_child_is_a_member_of_its_own)
{
        hf_member_id mine = my_id();
        hf_member_id *theirs = hay_new(hf_member_id);
        ck_assert_int_eq(kit_wait(kit_fork(tell_id, theirs)), 0);
        ck_assert_uint_ne(*theirs, 0);
        ck_assert_uint_ne(*theirs, mine);
        ck_assert(hf_member_is_dead(*theirs));
        ck_assert_uint_eq(my_id(), mine);
        hay_free(theirs);
}

/* Not through the C library, so that no handler of fork() runs. */
TEST(a_child_of_the_bare_system_call_is_a_member_of_its_own)
{
        hf_member_id mine = my_id();
        hf_member_id *theirs = hay_new(hf_member_id);
        pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
        if (pid == 0)
                _exit(tell_id(theirs));
        ck_assert_int_eq(kit_wait(pid), 0);
        ck_assert_uint_ne(*theirs, 0);
        ck_assert_uint_ne(*theirs, mine);
        hay_free(theirs);
}

TEST(a_thread_is_a_member_and_leaves_at_its_end)
{
        pthread_t thread;
        hf_member_id theirs = 0;
        pthread_create(&thread, NULL, tell_id_in_thread, &theirs);
        pthread_join(thread, NULL);
        ck_assert_uint_ne(theirs, 0);
        ck_assert_uint_ne(theirs, my_id());
        ck_assert(hf_member_is_dead(theirs));
        unsigned alive;
        unsigned dead;
        hf_member_count(&alive, &dead);
        ck_assert_uint_eq(alive, 1);
        ck_assert_uint_eq(dead, 0);
}

static int join_and_wait(void *arg)
{
        *(hf_member_id *)arg = my_id();
        while (pause() == 0)
                continue;
        return 0;
}

TEST(a_killed_member_is_dead_and_a_stopped_one_is_not)
{
        hf_member_id *theirs = hay_new(hf_member_id);
        pid_t pid = kit_fork(join_and_wait, theirs);
        while (!atomic_load_acquire(theirs))
                kit_sleep_ms(1);
        ck_assert(!hf_member_is_dead(*theirs));
        kill(pid, SIGSTOP);
        kit_sleep_ms(5);
        ck_assert(!hf_member_is_dead(*theirs));
        ck_assert_int_eq(hf_bury(0), 0);
        kill(pid, SIGKILL);
        /* Dead before it is reaped: a zombie holds nothing. */
        while (!hf_member_is_dead(*theirs))
                kit_sleep_ms(1);
        ck_assert_int_eq(kit_wait(pid), -SIGKILL);
        uint32_t deaths = hf_deaths();
        ck_assert_int_eq(hf_bury(pid), 1);
        ck_assert_uint_eq(hf_deaths(), deaths + 1);
        ck_assert_int_eq(hf_bury(pid), 0);
        ck_assert_int_eq(hf_member_pid(*theirs), 0);
        hay_free(theirs);
}

static int leave_a_block(void *arg)
{
        int r;
        void *block;
        (void)arg;
        struct hf_member *self = hf_self(&r);
        if (!self || hf_region_ready() < 0)
                return 1;
        block = hay_alloc(100, 0);
        if (!block)
                return 2;
        /* As if it had died before it linked the block. */
        self->intents.block = hf_offset_of(block);
        raise(SIGKILL);
        return 3;
}

TEST(what_a_dead_member_had_not_linked_is_freed)
{
        struct hay_audit before;
        struct hay_audit after;
        ck_assert_int_eq(hay_audit(&before), 0);
        for (int i = 0; i < 20; i++)
                ck_assert_int_eq(kit_wait(kit_fork(leave_a_block, NULL)), -SIGKILL);
        ck_assert_int_eq(hay_audit(&after), 0);
        ck_assert_uint_eq(after.blocks, before.blocks);
        ck_assert_uint_eq(after.dead_members, 0);
}

/* As if this child had the pid of one that died before it began. */
TEST(the_dead_are_buried_though_another_process_has_their_pid)
{
        hf_member_id *id = hay_new(hf_member_id);
        for (int i = 0; i < 20; i++) {
                __atomic_store_n(id, 0, __ATOMIC_RELEASE);
                pid_t pid = kit_fork(join_and_wait, id);
                while (!__atomic_load_n(id, __ATOMIC_ACQUIRE))
                        kit_sleep_ms(1);
                struct hf_member *slot = hf_member_slot(*id);
                ck_assert_int_eq(hf_bury(pid), 0);
                slot->word ^= 1ull << 60; /* the start time */
                bool is_undone = i % 2;
                if (is_undone)
                        slot->intents.block = hf_offset_of(hay_alloc(100, 0));
                ck_assert_int_eq(hf_bury(is_undone ? 0 : pid), 1);
                kill(pid, SIGKILL);
                ck_assert_int_eq(kit_wait(pid), -SIGKILL);
        }
        hay_free(id);
}

TEST(slots_of_the_dead_are_used_again)
{
        hf_member_id *theirs = hay_new(hf_member_id);
        for (int i = 0; i < 1000; i++) {
                hf_member_id last = *theirs;
                ck_assert_int_eq(kit_wait(kit_fork(tell_id, theirs)), 0);
                ck_assert_uint_ne(*theirs, last);
        }
        ck_assert_uint_eq(hf_member_window(), 256);
        hay_free(theirs);
}

enum { MANY = 4200 };

static int meet_many(void *arg)
{
        uint32_t *words = arg;
        int r;
        if (!hf_self_id(&r))
                return 1;
        atomic_add(&words[0], 1u);
        while (!hay_event_is_set((hay_event *)&words[1]))
                hay_event_wait((hay_event *)&words[1], HAY_FOREVER);
        return 0;
}

TEST(there_is_room_for_more_than_4096_members)
{
        static pid_t pids[MANY];
        uint32_t *words = hay_new_array(uint32_t, 2);
        for (int i = 0; i < MANY; i++) {
                pids[i] = fork();
                if (pids[i] == 0)
                        _exit(meet_many(words));
                ck_assert_msg(pids[i] > 0, "fork %d: %s", i, strerror(errno));
        }
        while (atomic_load_acquire(&words[0]) < MANY)
                kit_sleep_ms(5);
        struct hay_audit audit;
        ck_assert_int_eq(hay_audit(&audit), 0);
        ck_assert_uint_eq(audit.members, MANY + 1);
        hay_event_set((hay_event *)&words[1]);
        int failed = 0;
        for (int i = 0; i < MANY; i++)
                failed += kit_wait(pids[i]) != 0;
        ck_assert_int_eq(failed, 0);
        hay_free(words);
}

KIT_MAIN
