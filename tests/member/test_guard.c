#include "kit.h"

#include "member/guard.h"
#include "member/park.h"

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

struct counted {
        struct hf_guard guard;
        long first;
        long second;
        long repairs;
};

/* Both are equal but in the middle. */
static void repair(void *object)
{
        struct counted *counted = object;
        counted->second = counted->first;
        counted->repairs++;
}

static void add(struct counted *counted)
{
        int r;
        hf_guard_lock(&counted->guard, hf_self_id(&r), repair, counted);
        counted->first++;
        atomic_keep_order();
        counted->second++;
        hf_guard_unlock(&counted->guard);
}

static int add_often(void *arg)
{
        for (int i = 0; i < 50000; i++)
                add(arg);
        return 0;
}

static int add_for_ever(void *arg)
{
        while (add_often(arg) == 0)
                continue;
        return 1;
}

TEST(a_guard_excludes_processes_from_each_other)
{
        struct counted *counted = hay_new(struct counted);
        pid_t pids[4];
        for (int i = 0; i < 4; i++)
                pids[i] = kit_fork(add_often, counted);
        for (int i = 0; i < 4; i++)
                ck_assert_int_eq(kit_wait(pids[i]), 0);
        ck_assert_int_eq(counted->first, 200000);
        ck_assert_int_eq(counted->second, 200000);
        ck_assert_int_eq(counted->repairs, 0);
        hay_free(counted);
}

TEST(a_guard_is_repaired_when_its_owner_died)
{
        struct counted *counted = hay_new(struct counted);
        srand48((long)kit_seed());
        for (int i = 0; i < 60; i++) {
                pid_t pid = kit_fork(add_for_ever, counted);
                kit_sleep_ms(1 + lrand48() % 5);
                kill(pid, SIGKILL);
                ck_assert_int_eq(kit_wait(pid), -SIGKILL);
                add(counted);
                ck_assert_int_eq(counted->first, counted->second);
        }
        printf("repairs: %ld\n", counted->repairs);
        hay_free(counted);
}

static int die_inside(void *arg)
{
        struct counted *counted = arg;
        int r;
        hf_guard_lock(&counted->guard, hf_self_id(&r), repair, counted);
        counted->first++;
        raise(SIGKILL);
        return 0;
}

static int add_once(void *arg)
{
        add(arg);
        return 0;
}

TEST(all_who_wait_for_a_dead_owner_go_on)
{
        struct counted *counted = hay_new(struct counted);
        pid_t victim = kit_fork(die_inside, counted);
        ck_assert_int_eq(kit_wait(victim), -SIGKILL);
        pid_t pids[5];
        for (int i = 0; i < 5; i++)
                pids[i] = kit_fork(add_once, counted);
        for (int i = 0; i < 5; i++)
                ck_assert_int_eq(kit_wait(pids[i]), 0);
        ck_assert_int_eq(counted->first, 6);
        ck_assert_int_eq(counted->second, 6);
        ck_assert_int_eq(counted->repairs, 1);
        hay_free(counted);
}

static void ignore_it(int signal)
{
        (void)signal;
}

TEST(a_dead_owner_is_found_while_signals_keep_coming)
{
        struct counted *counted = hay_new(struct counted);
        pid_t victim = kit_fork(die_inside, counted);
        ck_assert_int_eq(kit_wait(victim), -SIGKILL);
        struct sigaction action = { .sa_handler = ignore_it };
        struct itimerval often = { { 0, 500 }, { 0, 500 } };
        struct itimerval never = { 0 };
        sigaction(SIGALRM, &action, NULL);
        setitimer(ITIMER_REAL, &often, NULL);
        hay_time begun = hay_now();
        int r;
        hf_member_id me = hf_self_id(&r);
        r = hf_guard_lock_by(&counted->guard, me, repair, counted, hay_in_ms(3000));
        hay_time taken = hay_now() - begun;
        setitimer(ITIMER_REAL, &never, NULL);
        ck_assert_int_eq(r, 0);
        ck_assert_int_lt(taken, 1000000000);
        hf_guard_unlock(&counted->guard);
        hay_free(counted);
}

TEST(a_free_word_is_not_released)
{
        uint32_t word = 0;
        ck_assert_int_eq(hf_word_release(&word), -EPERM);
        ck_assert_uint_eq(word, 0);
}

TEST(parking_ends_at_the_deadline_and_at_the_slice)
{
        uint32_t word = 5;
        ck_assert_int_eq(hf_park(&word, 5, HAY_NOWAIT, HF_SLICE_IDLE), -ETIMEDOUT);
        ck_assert_int_eq(hf_park(&word, 5, hay_now(), HF_SLICE_IDLE), -ETIMEDOUT);
        hay_time begun = hay_now();
        ck_assert_int_eq(hf_park(&word, 5, HAY_FOREVER, 20000000), 0);
        ck_assert_int_ge(hay_now() - begun, 20000000);
        ck_assert_int_eq(hf_park(&word, 6, HAY_FOREVER, HF_SLICE_IDLE), 0);
        ck_assert(!hf_is_past(HAY_FOREVER));
        ck_assert(hf_is_past(HAY_NOWAIT));
        ck_assert(hf_is_past(hay_now()));
        ck_assert(!hf_is_past(hay_in_ms(100000)));
}

KIT_MAIN
