#include "bodies.h"

static hay_semaphore *new_semaphore(struct hay_semaphore_options options)
{
        hay_semaphore *semaphore = hay_new(hay_semaphore);
        ck_assert_int_eq(hay_semaphore_init(semaphore, &options), 0);
        return semaphore;
}

static void free_semaphore(hay_semaphore *semaphore)
{
        ck_assert_ptr_null(hay_semaphore_fini(semaphore));
        hay_free(semaphore);
}

TEST(a_zeroed_one_is_a_signal_semaphore_of_value_0)
{
        hay_semaphore *semaphore = hay_new(hay_semaphore);
        ck_assert_int_eq(hay_semaphore_value(semaphore), 0);
        ck_assert_int_eq(hay_semaphore_acquire(semaphore, HAY_NOWAIT), -ETIMEDOUT);
        ck_assert_int_eq(hay_semaphore_release(semaphore), 0);
        ck_assert_int_eq(hay_semaphore_release(semaphore), 0);
        ck_assert_int_eq(hay_semaphore_value(semaphore), 2);
        ck_assert_int_eq(hay_semaphore_acquire(semaphore, HAY_NOWAIT), 0);
        ck_assert_int_eq(hay_semaphore_acquire(semaphore, HAY_FOREVER), 0);
        ck_assert_int_eq(hay_semaphore_acquire(semaphore, HAY_NOWAIT), -ETIMEDOUT);
        free_semaphore(semaphore);
}

TEST(owned_permits_are_counted)
{
        unsigned values[] = { 1, 2, 10, 11, 1000, HAY_SEMAPHORE_PERMITS };
        for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
                int n = (int)values[i];
                int taken = n < 50 ? n : 50;
                hay_semaphore *semaphore =
                        new_semaphore((struct hay_semaphore_options){ .value = values[i] });
                ck_assert_int_eq(hay_semaphore_value(semaphore), n);
                for (int k = 1; k <= taken; k++) {
                        ck_assert_int_eq(hay_semaphore_acquire(semaphore, HAY_FOREVER), 0);
                        ck_assert_int_eq(hay_semaphore_value(semaphore), n - k);
                }
                if (taken == n)
                        ck_assert_int_eq(hay_semaphore_acquire(semaphore, HAY_NOWAIT), -ETIMEDOUT);
                for (int k = 1; k <= taken; k++)
                        ck_assert_int_eq(hay_semaphore_release(semaphore), 0);
                ck_assert_int_eq(hay_semaphore_value(semaphore), n);
                ck_assert_int_eq(hay_semaphore_release(semaphore), -EPERM);
                free_semaphore(semaphore);
        }
}

TEST(a_bounded_signal_semaphore_does_not_go_above_its_first_value)
{
        hay_semaphore *semaphore = new_semaphore(
                (struct hay_semaphore_options){ .value = 2, .signal = true, .bounded = true });
        ck_assert_int_eq(hay_semaphore_release(semaphore), -EOVERFLOW);
        ck_assert_int_eq(hay_semaphore_acquire(semaphore, HAY_FOREVER), 0);
        ck_assert_int_eq(hay_semaphore_release(semaphore), 0);
        ck_assert_int_eq(hay_semaphore_release(semaphore), -EOVERFLOW);
        ck_assert_int_eq(hay_semaphore_value(semaphore), 2);
        free_semaphore(semaphore);
}

TEST(a_signal_semaphore_does_not_overflow)
{
        hay_semaphore *semaphore = new_semaphore(
                (struct hay_semaphore_options){ .value = HAY_SEMAPHORE_MAX, .signal = true });
        ck_assert_int_eq(hay_semaphore_value(semaphore), HAY_SEMAPHORE_MAX);
        ck_assert_int_eq(hay_semaphore_release(semaphore), -EOVERFLOW);
        ck_assert_int_eq(hay_semaphore_acquire(semaphore, HAY_NOWAIT), 0);
        ck_assert_int_eq(hay_semaphore_release(semaphore), 0);
        free_semaphore(semaphore);
}

TEST(bad_semaphores_are_errors)
{
        hay_semaphore *semaphores = hay_new_array(hay_semaphore, 2);
        void *misaligned = (char *)semaphores + 4;
        struct hay_semaphore_options one = { .value = 1 };
        ck_assert_int_eq(hay_semaphore_acquire(NULL, HAY_FOREVER), -EINVAL);
        ck_assert_int_eq(hay_semaphore_release(NULL), -EINVAL);
        ck_assert_int_eq(hay_semaphore_value(NULL), -EINVAL);
        ck_assert_int_eq(hay_semaphore_acquire(misaligned, HAY_FOREVER), -EINVAL);
        ck_assert_int_eq(hay_semaphore_release(misaligned), -EINVAL);
        ck_assert_int_eq(hay_semaphore_value(misaligned), -EINVAL);
        ck_assert_int_eq(hay_semaphore_init(NULL, &one), -EINVAL);
        ck_assert_int_eq(hay_semaphore_init((hay_semaphore *)misaligned, &one), -EINVAL);
        struct hay_semaphore_options none = { .value = 0 };
        ck_assert_int_eq(hay_semaphore_init(semaphores, &none), -EINVAL);
        struct hay_semaphore_options many = { .value = HAY_SEMAPHORE_PERMITS + 1 };
        ck_assert_int_eq(hay_semaphore_init(semaphores, &many), -EINVAL);
        struct hay_semaphore_options high = { .value = HAY_SEMAPHORE_MAX + 1, .signal = true };
        ck_assert_int_eq(hay_semaphore_init(semaphores, &high), -EINVAL);
        static hay_semaphore private_one;
        struct hay_semaphore_options eleven = { .value = 11 };
        ck_assert_int_eq(hay_semaphore_init(&private_one, &eleven), -EINVAL);
        struct hay_semaphore_options ten = { .value = 10 };
        ck_assert_int_eq(hay_semaphore_init(&private_one, &ten), 0);
        ck_assert_ptr_null(hay_semaphore_fini(&private_one));
        ck_assert_ptr_null(hay_semaphore_fini(NULL));
        hay_free(semaphores);
}

TEST(one_that_has_ended_gives_its_block_back)
{
        struct hay_audit before;
        struct hay_audit after;
        hay_semaphore *semaphore = hay_new(hay_semaphore);
        struct hay_semaphore_options options = { .value = 500 };
        ck_assert_int_eq(hay_audit(&before), 0);
        for (int i = 0; i < 20; i++) {
                ck_assert_int_eq(hay_semaphore_init(semaphore, &options), 0);
                ck_assert_ptr_null(hay_semaphore_fini(semaphore));
        }
        ck_assert_int_eq(hay_audit(&after), 0);
        ck_assert_uint_eq(before.blocks, after.blocks);
        hay_free(semaphore);
}

TEST(acquire_times_out_at_its_deadline)
{
        for (int signal = 0; signal < 2; signal++) {
                hay_semaphore *semaphore = new_semaphore(
                        (struct hay_semaphore_options){ .value = 1, .signal = signal });
                ck_assert_int_eq(hay_semaphore_acquire(semaphore, HAY_FOREVER), 0);
                hay_time begun = hay_now();
                ck_assert_int_eq(hay_semaphore_acquire(semaphore, hay_in_ms(120)), -ETIMEDOUT);
                ck_assert_int_ge(ms_since(begun), 119);
                free_semaphore(semaphore);
        }
}

struct scene {
        hay_semaphore semaphore;
        unsigned holding;
        unsigned waiting;
        unsigned woken;
        int holds;
};

static struct scene *new_scene(struct hay_semaphore_options options)
{
        struct scene *scene = hay_new(struct scene);
        ck_assert_int_eq(hay_semaphore_init(&scene->semaphore, &options), 0);
        return scene;
}

static void free_scene(struct scene *scene)
{
        hay_semaphore_fini(&scene->semaphore);
        hay_free(scene);
}

static int hold_for_ever(void *arg)
{
        struct scene *scene = arg;
        for (int i = 0; i < scene->holds; i++)
                EXPECT(hay_semaphore_acquire(&scene->semaphore, HAY_FOREVER) == 0);
        step_do(&scene->holding);
        for (;;)
                pause();
}

static int take_one(void *arg)
{
        struct scene *scene = arg;
        step_do(&scene->waiting);
        EXPECT(hay_semaphore_acquire(&scene->semaphore, HAY_FOREVER) == 0);
        step_do(&scene->woken);
        return 0;
}

TEST(a_killed_holders_permits_come_back)
{
        unsigned values[] = { 3, 40 };
        for (int i = 0; i < 2; i++) {
                struct scene *scene =
                        new_scene((struct hay_semaphore_options){ .value = values[i] });
                scene->holds = (int)values[i];
                pid_t pid = kit_fork(hold_for_ever, scene);
                ck_assert(step_await(&scene->holding, 1));
                ck_assert_int_eq(hay_semaphore_acquire(&scene->semaphore, HAY_NOWAIT), -ETIMEDOUT);
                kill_and_wait(pid);
                for (unsigned k = 0; k < values[i]; k++)
                        ck_assert_int_eq(hay_semaphore_acquire(&scene->semaphore, HAY_NOWAIT), 0);
                ck_assert_int_eq(hay_semaphore_acquire(&scene->semaphore, HAY_NOWAIT), -ETIMEDOUT);
                free_scene(scene);
        }
}

TEST(waiters_get_what_a_killed_holder_held)
{
        struct scene *scene = new_scene((struct hay_semaphore_options){ .value = 3 });
        scene->holds = 3;
        pid_t holder = kit_fork(hold_for_ever, scene);
        ck_assert(step_await(&scene->holding, 1));
        pid_t waiters[3];
        for (int i = 0; i < 3; i++)
                waiters[i] = kit_fork(take_one, scene);
        ck_assert(step_await(&scene->waiting, 3));
        kit_sleep_ms(70);
        hay_time begun = hay_now();
        kill_and_wait(holder);
        for (int i = 0; i < 3; i++)
                ck_assert_int_eq(kit_wait(waiters[i]), 0);
        ck_assert_int_lt(ms_since(begun), patience(1000));
        free_scene(scene);
}

TEST(a_killed_waiter_takes_nothing_with_it)
{
        for (int signal = 0; signal < 2; signal++) {
                struct scene *scene =
                        new_scene((struct hay_semaphore_options){ .value = 1, .signal = signal });
                ck_assert_int_eq(hay_semaphore_acquire(&scene->semaphore, HAY_FOREVER), 0);
                pid_t victim = kit_fork(take_one, scene);
                pid_t other = kit_fork(take_one, scene);
                ck_assert(step_await(&scene->waiting, 2));
                kit_sleep_ms(20);
                kill_and_wait(victim);
                hay_time begun = hay_now();
                ck_assert_int_eq(hay_semaphore_release(&scene->semaphore), 0);
                ck_assert_int_eq(kit_wait(other), 0);
                ck_assert_int_lt(ms_since(begun), patience(1000));
                free_scene(scene);
        }
}

static int release_one(void *semaphore)
{
        return -hay_semaphore_release(semaphore);
}

TEST(another_process_may_raise_a_signal_semaphore_only)
{
        hay_semaphore *counter = hay_new(hay_semaphore);
        hay_semaphore *owned = new_semaphore((struct hay_semaphore_options){ .value = 1 });
        ck_assert_int_eq(kit_wait(kit_fork(release_one, counter)), 0);
        ck_assert_int_eq(hay_semaphore_value(counter), 1);
        ck_assert_int_eq(hay_semaphore_acquire(owned, HAY_FOREVER), 0);
        ck_assert_int_eq(kit_wait(kit_fork(release_one, owned)), EPERM);
        ck_assert_int_eq(hay_semaphore_value(owned), 0);
        free_semaphore(counter);
        free_semaphore(owned);
}

static void *release_in_thread(void *semaphore)
{
        return hay_semaphore_release(semaphore) == 0 ? NULL : semaphore;
}

TEST(another_thread_of_the_process_may_release_an_owned_permit)
{
        hay_semaphore *semaphore = new_semaphore((struct hay_semaphore_options){ .value = 2 });
        pthread_t thread;
        void *result;
        ck_assert_int_eq(hay_semaphore_acquire(semaphore, HAY_FOREVER), 0);
        ck_assert_int_eq(pthread_create(&thread, NULL, release_in_thread, semaphore), 0);
        pthread_join(thread, &result);
        ck_assert_ptr_null(result);
        ck_assert_int_eq(hay_semaphore_value(semaphore), 2);
        free_semaphore(semaphore);
}

TEST(each_release_wakes_one_waiter_at_once)
{
        for (int signal = 0; signal < 2; signal++) {
                struct scene *scene =
                        new_scene((struct hay_semaphore_options){ .value = 4, .signal = signal });
                for (int i = 0; i < 4; i++)
                        ck_assert_int_eq(hay_semaphore_acquire(&scene->semaphore, HAY_FOREVER), 0);
                pid_t pids[4];
                for (int i = 0; i < 4; i++)
                        pids[i] = kit_fork(take_one, scene);
                ck_assert(step_await(&scene->waiting, 4));
                kit_sleep_ms(60);
                ck_assert_uint_eq(step_count(&scene->woken), 0);
                ck_assert_int_eq(hay_semaphore_release(&scene->semaphore), 0);
                ck_assert(step_await(&scene->woken, 1));
                hay_time begun = hay_now();
                for (int i = 0; i < 3; i++)
                        ck_assert_int_eq(hay_semaphore_release(&scene->semaphore), 0);
                /* No slice ends so soon: they wake each other. */
                ck_assert(step_await(&scene->woken, 4));
                ck_assert_int_lt(ms_since(begun), patience(30));
                for (int i = 0; i < 4; i++)
                        ck_assert_int_eq(kit_wait(pids[i]), 0);
                free_scene(scene);
        }
}

static void stress(struct hay_semaphore_options options)
{
        struct bodies *b = hay_new(struct bodies);
        ck_assert_int_eq(hay_semaphore_init(&b->semaphore, &options), 0);
        ck_assert_int_eq(crowd_of_processes(8, body_semaphore, b), 0);
        ck_assert_int_eq(hay_semaphore_value(&b->semaphore), 3);
        hay_semaphore_fini(&b->semaphore);
        hay_free(b);
}

TEST(many_processes_share_owned_permits)
{
        stress((struct hay_semaphore_options){ .value = 3 });
}

TEST(many_processes_share_a_counter)
{
        stress((struct hay_semaphore_options){ .value = 3, .signal = true });
}

TEST(many_processes_share_a_bounded_counter)
{
        stress((struct hay_semaphore_options){ .value = 3, .signal = true, .bounded = true });
}

static int use_for_ever(void *arg)
{
        struct scene *scene = arg;
        for (;;) {
                hay_semaphore_acquire(&scene->semaphore, HAY_FOREVER);
                hay_semaphore_release(&scene->semaphore);
        }
        return 0;
}

TEST(kills_at_random_instants_lose_no_permit)
{
        struct scene *scene = new_scene((struct hay_semaphore_options){ .value = 2 });
        srand48((long)kit_seed());
        for (int i = 0; i < 50; i++) {
                pid_t pids[3];
                for (int k = 0; k < 3; k++)
                        pids[k] = kit_fork(use_for_ever, scene);
                usleep((useconds_t)(lrand48() % 3000));
                for (int k = 0; k < 3; k++)
                        kill_and_wait(pids[k]);
                for (int k = 0; k < 2; k++)
                        ck_assert_int_eq(
                                hay_semaphore_acquire(&scene->semaphore, hay_in_ms(patience(1000))),
                                0);
                ck_assert_int_eq(hay_semaphore_acquire(&scene->semaphore, HAY_NOWAIT), -ETIMEDOUT);
                for (int k = 0; k < 2; k++)
                        ck_assert_int_eq(hay_semaphore_release(&scene->semaphore), 0);
        }
        free_scene(scene);
}

static int make_for_ever(void *arg)
{
        hay_semaphore *semaphore = arg;
        struct hay_semaphore_options options = { .value = 100 };
        for (;;) {
                hay_semaphore_init(semaphore, &options);
                hay_semaphore_fini(semaphore);
        }
        return 0;
}

TEST(kills_while_one_is_made_or_ended_leak_nothing)
{
        hay_semaphore *semaphore = hay_new(hay_semaphore);
        struct hay_audit before;
        struct hay_audit after;
        ck_assert_int_eq(hay_audit(&before), 0);
        srand48((long)kit_seed());
        for (int i = 0; i < 200; i++) {
                pid_t pid = kit_fork(make_for_ever, semaphore);
                usleep((useconds_t)(300 + lrand48() % 1000));
                kill_and_wait(pid);
                /* Bury it first: then what it left is whole, or not initialised. */
                ck_assert_int_eq(hay_audit(NULL), 0);
                int r = hay_semaphore_acquire(semaphore, HAY_NOWAIT);
                ck_assert(r == 0 || r == -EINVAL || r == -ETIMEDOUT);
                hay_semaphore_fini(semaphore);
        }
        ck_assert_int_eq(hay_audit(&after), 0);
        ck_assert_uint_eq(before.blocks, after.blocks);
        hay_free(semaphore);
}

KIT_MAIN
