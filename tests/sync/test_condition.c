#include "bodies.h"

#include <limits.h>

struct scene {
        hay_lock lock;
        hay_rlock rlock;
        hay_condition condition;
        unsigned waiting;
        unsigned woken;
        unsigned timed_out;
        int ready;
        int result;
        int milliseconds; /* of the waiters' deadline, 0: for ever */
};

static int wait_once(void *arg)
{
        struct scene *scene = arg;
        hay_time deadline = scene->milliseconds ? hay_in_ms(scene->milliseconds) : HAY_FOREVER;
        EXPECT(hay_lock_acquire(&scene->lock, HAY_FOREVER) == 0);
        step_do(&scene->waiting);
        int r = hay_condition_wait(&scene->condition, &scene->lock, deadline);
        EXPECT(r == 0 || r == -ETIMEDOUT);
        EXPECT(hay_lock_locked(&scene->lock));
        step_do(r == 0 ? &scene->woken : &scene->timed_out);
        EXPECT(hay_lock_release(&scene->lock) == 0);
        return 0;
}

static void start(struct scene *scene, pid_t *pids, int n)
{
        unsigned before = step_count(&scene->waiting);
        for (int i = 0; i < n; i++)
                pids[i] = kit_fork(wait_once, scene);
        ck_assert(step_await(&scene->waiting, before + (unsigned)n));
        /* The last one has released the lock once we have it. */
        ck_assert_int_eq(hay_lock_acquire(&scene->lock, HAY_FOREVER), 0);
        ck_assert_int_eq(hay_lock_release(&scene->lock), 0);
}

static void notify(struct scene *scene, int n)
{
        ck_assert_int_eq(hay_lock_acquire(&scene->lock, HAY_FOREVER), 0);
        ck_assert_int_eq(hay_condition_notify(&scene->condition, n), 0);
        ck_assert_int_eq(hay_lock_release(&scene->lock), 0);
}

static void notify_all(struct scene *scene)
{
        ck_assert_int_eq(hay_lock_acquire(&scene->lock, HAY_FOREVER), 0);
        ck_assert_int_eq(hay_condition_notify_all(&scene->condition), 0);
        ck_assert_int_eq(hay_lock_release(&scene->lock), 0);
}

static void join(pid_t *pids, int n)
{
        for (int i = 0; i < n; i++)
                ck_assert_int_eq(kit_wait(pids[i]), 0);
}

TEST(a_wait_times_out_and_holds_the_lock)
{
        struct scene *scene = hay_new(struct scene);
        ck_assert_int_eq(hay_lock_acquire(&scene->lock, HAY_FOREVER), 0);
        hay_time begun = hay_now();
        ck_assert_int_eq(hay_condition_wait(&scene->condition, &scene->lock, hay_in_ms(110)),
                         -ETIMEDOUT);
        ck_assert_int_ge(ms_since(begun), 109);
        ck_assert_int_eq(hay_condition_wait(&scene->condition, &scene->lock, HAY_NOWAIT),
                         -ETIMEDOUT);
        ck_assert_int_eq(hay_lock_release(&scene->lock), 0);
        ck_assert_uint_eq(scene->condition.private_state, 0);
        hay_free(scene);
}

TEST(bad_conditions_are_errors)
{
        struct scene *scenes = hay_new_array(struct scene, 2);
        struct scene *scene = scenes;
        hay_condition *condition = &scene->condition;
        hay_condition *misaligned = (void *)((char *)condition + 4);
        hay_lock *bad_lock = (void *)((char *)&scene->lock + 1);
        hay_rlock *bad_rlock = (void *)((char *)&scene->rlock + 1);
        ck_assert_int_eq(hay_condition_wait(NULL, &scene->lock, HAY_FOREVER), -EINVAL);
        ck_assert_int_eq(hay_condition_wait(condition, NULL, HAY_FOREVER), -EINVAL);
        ck_assert_int_eq(hay_condition_wait(misaligned, &scene->lock, HAY_FOREVER), -EINVAL);
        ck_assert_int_eq(hay_condition_wait(condition, bad_lock, HAY_FOREVER), -EINVAL);
        ck_assert_int_eq(hay_condition_wait(condition, &scene->lock, HAY_FOREVER), -EPERM);
        ck_assert_int_eq(hay_condition_wait_rlock(NULL, &scene->rlock, HAY_FOREVER), -EINVAL);
        ck_assert_int_eq(hay_condition_wait_rlock(condition, NULL, HAY_FOREVER), -EINVAL);
        ck_assert_int_eq(hay_condition_wait_rlock(condition, bad_rlock, HAY_FOREVER), -EINVAL);
        ck_assert_int_eq(hay_condition_wait_rlock(condition, &scene->rlock, HAY_FOREVER), -EPERM);
        ck_assert_int_eq(hay_condition_wait_for(condition, &scene->lock, NULL, NULL, HAY_FOREVER),
                         -EINVAL);
        ck_assert_int_eq(hay_condition_notify(NULL, 1), -EINVAL);
        ck_assert_int_eq(hay_condition_notify(misaligned, 1), -EINVAL);
        ck_assert_int_eq(hay_condition_notify(condition, 0), -EINVAL);
        ck_assert_int_eq(hay_condition_notify(condition, -1), -EINVAL);
        ck_assert_int_eq(hay_condition_notify_all(NULL), -EINVAL);
        ck_assert_int_eq(hay_condition_notify(condition, 1), 0);
        hay_free(scenes);
}

static int wait_while_another_holds(void *arg)
{
        struct scene *scene = arg;
        return hay_condition_wait(&scene->condition, &scene->lock, HAY_FOREVER) != -EPERM;
}

TEST(who_does_not_hold_the_lock_may_not_wait)
{
        struct scene *scene = hay_new(struct scene);
        ck_assert_int_eq(hay_lock_acquire(&scene->lock, HAY_FOREVER), 0);
        ck_assert_int_eq(kit_wait(kit_fork(wait_while_another_holds, scene)), 0);
        hay_lock_release(&scene->lock);
        hay_free(scene);
}

TEST(notify_wakes_exactly_n)
{
        struct scene *scene = hay_new(struct scene);
        pid_t pids[6];
        start(scene, pids, 6);
        kit_sleep_ms(300);
        ck_assert_uint_eq(step_count(&scene->woken), 0);
        notify(scene, 2);
        ck_assert(step_await(&scene->woken, 2));
        kit_sleep_ms(600);
        ck_assert_uint_eq(step_count(&scene->woken), 2);
        notify(scene, 1);
        ck_assert(step_await(&scene->woken, 3));
        kit_sleep_ms(300);
        ck_assert_uint_eq(step_count(&scene->woken), 3);
        notify(scene, 4);
        ck_assert(step_await(&scene->woken, 6));
        notify(scene, 3);
        join(pids, 6);
        ck_assert_uint_eq(step_count(&scene->woken), 6);
        hay_free(scene);
}

TEST(notify_all_wakes_all_at_once)
{
        struct scene *scene = hay_new(struct scene);
        pid_t pids[6];
        start(scene, pids, 6);
        kit_sleep_ms(30);
        hay_time begun = hay_now();
        notify_all(scene);
        join(pids, 6);
        ck_assert_int_lt(ms_since(begun), patience(200));
        hay_free(scene);
}

TEST(a_notify_is_not_kept_for_who_comes_later)
{
        struct scene *scene = hay_new(struct scene);
        pid_t pids[2];
        notify(scene, 1);
        notify_all(scene);
        scene->milliseconds = 100;
        start(scene, pids, 2);
        join(pids, 2);
        ck_assert_uint_eq(step_count(&scene->timed_out), 2);
        hay_free(scene);
}

TEST(who_timed_out_swallows_no_notify)
{
        struct scene *scene = hay_new(struct scene);
        pid_t impatient[3];
        pid_t patient[3];
        scene->milliseconds = 100;
        start(scene, impatient, 3);
        scene->milliseconds = 0;
        start(scene, patient, 3);
        join(impatient, 3);
        for (unsigned i = 1; i <= 3; i++) {
                hay_time begun = hay_now();
                notify(scene, 1);
                ck_assert(step_await(&scene->woken, i));
                ck_assert_int_lt(ms_since(begun), patience(200));
        }
        join(patient, 3);
        ck_assert_uint_eq(step_count(&scene->timed_out), 3);
        hay_free(scene);
}

/* The one that waited first must not be passed over for those that came after the notify. */
TEST(a_later_waiter_does_not_steal_a_notify)
{
        struct scene *scene = hay_new(struct scene);
        for (int i = 0; i < 20; i++) {
                pid_t pids[3];
                start(scene, pids, 1);
                unsigned before = step_count(&scene->woken);
                ck_assert_int_eq(hay_lock_acquire(&scene->lock, HAY_FOREVER), 0);
                ck_assert_int_eq(hay_condition_notify(&scene->condition, 1), 0);
                /* It can't take its notify while we hold the lock; and now there are others. */
                for (int k = 1; k < 3; k++)
                        pids[k] = kit_fork(wait_once, scene);
                kit_sleep_ms(5);
                ck_assert_int_eq(hay_lock_release(&scene->lock), 0);
                ck_assert_int_eq(kit_wait(pids[0]), 0);
                ck_assert_uint_eq(step_count(&scene->woken), before + 1);
                ck_assert(step_await(&scene->waiting, 3 * (unsigned)i + 3));
                notify(scene, 2);
                join(pids + 1, 2);
        }
        hay_free(scene);
}

static int wait_with_rlock(void *arg)
{
        struct scene *scene = arg;
        for (int i = 0; i < 3; i++)
                EXPECT(hay_rlock_acquire(&scene->rlock, HAY_FOREVER) == 0);
        step_do(&scene->waiting);
        EXPECT(hay_condition_wait_rlock(&scene->condition, &scene->rlock, HAY_FOREVER) == 0);
        for (int i = 0; i < 3; i++) {
                EXPECT(hay_rlock_locked(&scene->rlock) == 1);
                EXPECT(hay_rlock_release(&scene->rlock) == 0);
        }
        EXPECT(hay_rlock_release(&scene->rlock) == -EPERM);
        return 0;
}

TEST(an_rlock_is_released_and_taken_to_its_full_depth)
{
        struct scene *scene = hay_new(struct scene);
        pid_t pid = kit_fork(wait_with_rlock, scene);
        ck_assert(step_await(&scene->waiting, 1));
        ck_assert_int_eq(hay_rlock_acquire(&scene->rlock, hay_in_ms(patience(1000))), 0);
        ck_assert_int_eq(hay_condition_notify(&scene->condition, 1), 0);
        ck_assert_int_eq(hay_rlock_release(&scene->rlock), 0);
        ck_assert_int_eq(kit_wait(pid), 0);
        hay_free(scene);
}

static bool is_ready(void *arg)
{
        struct scene *scene = arg;
        return scene->ready == 4;
}

static int wait_for_ready(void *arg)
{
        struct scene *scene = arg;
        EXPECT(hay_lock_acquire(&scene->lock, HAY_FOREVER) == 0);
        step_do(&scene->waiting);
        EXPECT(hay_condition_wait_for(&scene->condition, &scene->lock, is_ready, scene,
                                      HAY_FOREVER) == 0);
        EXPECT(scene->ready == 4);
        return hay_lock_release(&scene->lock);
}

TEST(wait_for_waits_until_the_predicate_is_true)
{
        struct scene *scene = hay_new(struct scene);
        pid_t pid = kit_fork(wait_for_ready, scene);
        ck_assert(step_await(&scene->waiting, 1));
        for (int i = 0; i < 4; i++) {
                ck_assert_int_eq(hay_lock_acquire(&scene->lock, HAY_FOREVER), 0);
                scene->ready++;
                hay_condition_notify(&scene->condition, 1);
                ck_assert_int_eq(hay_lock_release(&scene->lock), 0);
                kit_sleep_ms(5);
        }
        ck_assert_int_eq(kit_wait(pid), 0);
        hay_free(scene);
}

TEST(wait_for_times_out_and_holds_the_lock)
{
        struct scene *scene = hay_new(struct scene);
        hay_condition *condition = &scene->condition;
        hay_lock *lock = &scene->lock;
        ck_assert_int_eq(hay_condition_wait_for(condition, lock, is_ready, scene, HAY_NOWAIT),
                         -EPERM);
        ck_assert_int_eq(hay_lock_acquire(lock, HAY_FOREVER), 0);
        ck_assert_int_eq(hay_condition_wait_for(condition, lock, is_ready, scene, HAY_NOWAIT),
                         -ETIMEDOUT);
        hay_time begun = hay_now();
        ck_assert_int_eq(hay_condition_wait_for(condition, lock, is_ready, scene, hay_in_ms(60)),
                         -ETIMEDOUT);
        ck_assert_int_ge(ms_since(begun), 59);
        scene->ready = 4;
        ck_assert_int_eq(hay_condition_wait_for(condition, lock, is_ready, scene, HAY_NOWAIT), 0);
        ck_assert_int_eq(hay_lock_release(lock), 0);
        hay_free(scene);
}

/* Whoever of the early group was killed: its grants reach those who wait. */
TEST(a_killed_waiter_swallows_no_notify)
{
        struct scene *scene = hay_new(struct scene);
        pid_t dead[2];
        pid_t alive[3];
        start(scene, dead, 2);
        start(scene, alive, 1);
        kit_sleep_ms(20);
        kill_and_wait(dead[0]);
        kill_and_wait(dead[1]);
        hay_time begun = hay_now();
        notify(scene, 1);
        ck_assert_int_eq(kit_wait(alive[0]), 0);
        ck_assert_int_lt(ms_since(begun), patience(1000));
        start(scene, alive + 1, 2);
        for (unsigned i = 2; i <= 3; i++) {
                begun = hay_now();
                notify(scene, 1);
                ck_assert(step_await(&scene->woken, i));
                ck_assert_int_lt(ms_since(begun), patience(1000));
        }
        join(alive + 1, 2);
        hay_free(scene);
}

TEST(a_notify_to_a_dead_group_is_passed_on)
{
        struct scene *scene = hay_new(struct scene);
        pid_t dead[3];
        pid_t alive;
        start(scene, dead, 3);
        /* The first three are the early group now, and two of them have no grant. */
        notify(scene, 1);
        ck_assert(step_await(&scene->woken, 1));
        start(scene, &alive, 1);
        int left = 0;
        for (int i = 0; i < 3; i++) {
                kill(dead[i], SIGKILL);
                left += kit_wait(dead[i]) == -SIGKILL;
        }
        ck_assert_int_ge(left, 2);
        hay_time begun = hay_now();
        notify(scene, 1);
        ck_assert_int_eq(kit_wait(alive), 0);
        ck_assert_int_lt(ms_since(begun), patience(1000));
        hay_free(scene);
}

static int hold_for_ever(void *arg)
{
        struct scene *scene = arg;
        EXPECT(hay_lock_acquire(&scene->lock, HAY_FOREVER) == 0);
        EXPECT(hay_condition_notify_all(&scene->condition) == 0);
        step_do(&scene->woken);
        for (;;)
                pause();
}

static int wait_for_dead_owner(void *arg)
{
        struct scene *scene = arg;
        EXPECT(hay_lock_acquire(&scene->lock, HAY_FOREVER) == 0);
        step_do(&scene->waiting);
        EXPECT(hay_condition_wait(&scene->condition, &scene->lock, HAY_FOREVER) == HAY_OWNER_DIED);
        return hay_lock_release(&scene->lock);
}

TEST(a_waiter_is_told_that_the_locks_owner_was_killed)
{
        struct scene *scene = hay_new(struct scene);
        pid_t waiter = kit_fork(wait_for_dead_owner, scene);
        ck_assert(step_await(&scene->waiting, 1));
        pid_t owner = kit_fork(hold_for_ever, scene);
        ck_assert(step_await(&scene->woken, 1));
        hay_time begun = hay_now();
        kill_and_wait(owner);
        ck_assert_int_eq(kit_wait(waiter), 0);
        ck_assert_int_lt(ms_since(begun), patience(1000));
        hay_free(scene);
}

TEST(a_wake_up_that_died_with_its_sender_costs_a_slice)
{
        struct scene *scene = hay_new(struct scene);
        pid_t pid;
        start(scene, &pid, 1);
        kit_sleep_ms(50);
        /* What notify_all() stores first, without the rest. */
        uint64_t state = scene->condition.private_state;
        uint64_t closed = ((state >> 39) + 2) << 39;
        __atomic_store_n(&scene->condition.private_state, closed, __ATOMIC_SEQ_CST);
        hay_time begun = hay_now();
        ck_assert_int_eq(kit_wait(pid), 0);
        ck_assert_int_lt(ms_since(begun), patience(500));
        hay_free(scene);
}

TEST(counts_full_of_dead_waiters_let_all_start_anew)
{
        struct scene *scene = hay_new(struct scene);
        scene->condition.private_state = 0x1fff;
        pid_t pid;
        start(scene, &pid, 1);
        notify(scene, 1);
        ck_assert_int_eq(kit_wait(pid), 0);
        hay_free(scene);
}

TEST(group_numbers_come_round)
{
        struct scene *scene = hay_new(struct scene);
        scene->condition.private_state = (uint64_t)0x1fffffe << 39;
        pid_t pids[2];
        for (int i = 0; i < 3; i++) {
                start(scene, pids, 2);
                notify(scene, 1);
                ck_assert(step_await(&scene->woken, 2 * (unsigned)i + 1));
                notify(scene, 1);
                join(pids, 2);
        }
        hay_free(scene);
}

TEST(many_processes_produce_and_consume)
{
        struct bodies *b = hay_new(struct bodies);
        ck_assert_int_eq(crowd_of_processes(8, body_condition, b), 0);
        ck_assert_int_eq(b->count, 4 * (ROUNDS / 4));
        ck_assert_int_eq(b->items, 0);
        hay_free(b);
}

TEST(many_processes_with_deadlines_produce_and_consume)
{
        struct bodies *b = hay_new(struct bodies);
        ck_assert_int_eq(crowd_of_processes(8, body_condition_deadlines, b), 0);
        ck_assert_int_eq(b->count, 4 * (ROUNDS / 4));
        hay_free(b);
}

/* Items are made, waiters are killed at random: who is left never waits long for an item that is
 * there. */
static int consume_for_ever(void *arg)
{
        struct scene *scene = arg;
        for (;;) {
                if (hay_lock_acquire(&scene->lock, HAY_FOREVER) == HAY_OWNER_DIED)
                        hay_condition_notify_all(&scene->condition);
                while (!scene->ready)
                        if (hay_condition_wait(&scene->condition, &scene->lock, HAY_FOREVER) ==
                            HAY_OWNER_DIED)
                                hay_condition_notify_all(&scene->condition);
                scene->ready--;
                hay_lock_release(&scene->lock);
        }
        return 0;
}

TEST(kills_at_random_instants_hang_nobody)
{
        struct scene *scene = hay_new(struct scene);
        srand48((long)kit_seed());
        pid_t survivor = kit_fork(consume_for_ever, scene);
        for (int i = 0; i < 40; i++) {
                pid_t victims[2];
                for (int k = 0; k < 2; k++)
                        victims[k] = kit_fork(consume_for_ever, scene);
                for (int k = 0; k < 20; k++) {
                        ck_assert_int_ge(hay_lock_acquire(&scene->lock, hay_in_ms(patience(1000))),
                                         0);
                        scene->ready++;
                        hay_condition_notify(&scene->condition, 1);
                        hay_lock_release(&scene->lock);
                        if (k % 5 == 0)
                                usleep((useconds_t)(lrand48() % 300));
                }
                for (int k = 0; k < 2; k++)
                        kill_and_wait(victims[k]);
                /* An item of which a dead one had taken the notify, before it took the lock: this
                 * is its next notify. */
                ck_assert_int_ge(hay_lock_acquire(&scene->lock, hay_in_ms(patience(1000))), 0);
                hay_condition_notify(&scene->condition, 1);
                hay_lock_release(&scene->lock);
                int left = 1;
                for (hay_time begun = hay_now(); left && ms_since(begun) < patience(2000);
                     kit_sleep_ms(1)) {
                        ck_assert_int_ge(hay_lock_acquire(&scene->lock, hay_in_ms(patience(1000))),
                                         0);
                        left = scene->ready;
                        hay_lock_release(&scene->lock);
                }
                ck_assert_int_eq(left, 0);
        }
        kill_and_wait(survivor);
        hay_free(scene);
}

KIT_MAIN
