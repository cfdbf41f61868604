#include "bodies.h"

TEST(a_zeroed_event_is_not_set)
{
        hay_event *event = hay_new(hay_event);
        ck_assert_int_eq(hay_event_is_set(event), 0);
        ck_assert_int_eq(hay_event_wait(event, HAY_NOWAIT), -ETIMEDOUT);
        ck_assert_int_eq(hay_event_set(event), 0);
        ck_assert_int_eq(hay_event_set(event), 0);
        ck_assert_int_eq(hay_event_is_set(event), 1);
        ck_assert_int_eq(hay_event_wait(event, HAY_NOWAIT), 0);
        ck_assert_int_eq(hay_event_wait(event, HAY_FOREVER), 0);
        ck_assert_int_eq(hay_event_clear(event), 0);
        ck_assert_int_eq(hay_event_clear(event), 0);
        ck_assert_int_eq(hay_event_is_set(event), 0);
        hay_free(event);
}

TEST(wait_times_out_at_its_deadline)
{
        hay_event *event = hay_new(hay_event);
        hay_time begun = hay_now();
        ck_assert_int_eq(hay_event_wait(event, hay_in_ms(110)), -ETIMEDOUT);
        ck_assert_int_ge(ms_since(begun), 109);
        hay_free(event);
}

TEST(bad_events_are_errors)
{
        hay_event *events = hay_new_array(hay_event, 2);
        void *misaligned = (char *)events + 1;
        ck_assert_int_eq(hay_event_set(NULL), -EINVAL);
        ck_assert_int_eq(hay_event_clear(NULL), -EINVAL);
        ck_assert_int_eq(hay_event_is_set(NULL), -EINVAL);
        ck_assert_int_eq(hay_event_wait(NULL, HAY_FOREVER), -EINVAL);
        ck_assert_int_eq(hay_event_set(misaligned), -EINVAL);
        ck_assert_int_eq(hay_event_clear(misaligned), -EINVAL);
        ck_assert_int_eq(hay_event_is_set(misaligned), -EINVAL);
        ck_assert_int_eq(hay_event_wait(misaligned, HAY_FOREVER), -EINVAL);
        hay_free(events);
}

struct scene {
        hay_event event;
        unsigned waiting;
        unsigned woken;
};

static int wait_for_it(void *arg)
{
        struct scene *scene = arg;
        step_do(&scene->waiting);
        EXPECT(hay_event_wait(&scene->event, HAY_FOREVER) == 0);
        step_do(&scene->woken);
        return 0;
}

TEST(set_wakes_all)
{
        struct scene *scene = hay_new(struct scene);
        pid_t pids[5];
        for (int i = 0; i < 5; i++)
                pids[i] = kit_fork(wait_for_it, scene);
        ck_assert(step_await(&scene->waiting, 5));
        kit_sleep_ms(50);
        ck_assert_uint_eq(step_count(&scene->woken), 0);
        hay_time begun = hay_now();
        ck_assert_int_eq(hay_event_set(&scene->event), 0);
        for (int i = 0; i < 5; i++)
                ck_assert_int_eq(kit_wait(pids[i]), 0);
        ck_assert_int_lt(ms_since(begun), patience(1000));
        hay_free(scene);
}

TEST(set_wakes_all_also_when_it_is_cleared_at_once)
{
        struct scene *scene = hay_new(struct scene);
        pid_t pids[5];
        for (int i = 0; i < 5; i++)
                pids[i] = kit_fork(wait_for_it, scene);
        ck_assert(step_await(&scene->waiting, 5));
        kit_sleep_ms(50);
        /* Stopped, they can't look in between. */
        for (int i = 0; i < 5; i++)
                kill(pids[i], SIGSTOP);
        hay_event_set(&scene->event);
        hay_event_clear(&scene->event);
        for (int i = 0; i < 5; i++)
                kill(pids[i], SIGCONT);
        for (int i = 0; i < 5; i++)
                ck_assert_int_eq(kit_wait(pids[i]), 0);
        ck_assert_int_eq(hay_event_is_set(&scene->event), 0);
        hay_free(scene);
}

TEST(a_wake_up_that_died_with_its_sender_costs_a_slice)
{
        struct scene *scene = hay_new(struct scene);
        pid_t pid = kit_fork(wait_for_it, scene);
        ck_assert(step_await(&scene->waiting, 1));
        kit_sleep_ms(50);
        /* What set() stores, without its wake. */
        __atomic_store_n(&scene->event.private_word, 5, __ATOMIC_SEQ_CST);
        hay_time begun = hay_now();
        ck_assert_int_eq(kit_wait(pid), 0);
        ck_assert_int_lt(ms_since(begun), patience(500));
        hay_free(scene);
}

TEST(a_killed_waiter_takes_nothing_with_it)
{
        struct scene *scene = hay_new(struct scene);
        pid_t victim = kit_fork(wait_for_it, scene);
        pid_t other = kit_fork(wait_for_it, scene);
        ck_assert(step_await(&scene->waiting, 2));
        kit_sleep_ms(20);
        kill_and_wait(victim);
        ck_assert_int_eq(hay_event_set(&scene->event), 0);
        ck_assert_int_eq(kit_wait(other), 0);
        hay_free(scene);
}

TEST(two_processes_play_ping_pong)
{
        struct bodies *b = hay_new(struct bodies);
        ck_assert_int_eq(crowd_of_processes(2, body_event, b), 0);
        ck_assert_int_eq(b->count, 2 * ROUNDS);
        hay_free(b);
}

KIT_MAIN
