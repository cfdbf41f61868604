#include "bodies.h"

static void *misaligned(void *object)
{
        return (char *)object + 1;
}

TEST(a_zeroed_lock_is_free)
{
        hay_lock *lock = hay_new(hay_lock);
        ck_assert_int_eq(hay_lock_locked(lock), 0);
        ck_assert_int_eq(hay_lock_acquire(lock, HAY_FOREVER), 0);
        ck_assert_int_eq(hay_lock_locked(lock), 1);
        ck_assert_int_eq(hay_lock_release(lock), 0);
        ck_assert_int_eq(hay_lock_locked(lock), 0);
        ck_assert_uint_eq(sizeof(hay_lock), 8);
        hay_free(lock);
}

TEST(a_held_lock_is_not_given_to_who_only_tries)
{
        hay_lock *lock = hay_new(hay_lock);
        ck_assert_int_eq(hay_lock_acquire(lock, HAY_NOWAIT), 0);
        hay_time begun = hay_now();
        ck_assert_int_eq(hay_lock_acquire(lock, HAY_NOWAIT), -ETIMEDOUT);
        ck_assert_int_lt(ms_since(begun), patience(40));
        hay_lock_release(lock);
        hay_free(lock);
}

TEST(acquire_times_out_at_its_deadline)
{
        hay_lock *lock = hay_new(hay_lock);
        ck_assert_int_eq(hay_lock_acquire(lock, HAY_FOREVER), 0);
        hay_time begun = hay_now();
        ck_assert_int_eq(hay_lock_acquire(lock, hay_in_ms(130)), -ETIMEDOUT);
        ck_assert_int_ge(ms_since(begun), 129);
        ck_assert_int_eq(hay_lock_acquire(lock, hay_now() - 1), -ETIMEDOUT);
        hay_lock_release(lock);
        hay_free(lock);
}

TEST(bad_locks_are_errors)
{
        hay_lock *locks = hay_new_array(hay_lock, 2);
        ck_assert_int_eq(hay_lock_acquire(NULL, HAY_FOREVER), -EINVAL);
        ck_assert_int_eq(hay_lock_release(NULL), -EINVAL);
        ck_assert_int_eq(hay_lock_locked(NULL), -EINVAL);
        ck_assert_int_eq(hay_lock_acquire(misaligned(locks), HAY_FOREVER), -EINVAL);
        ck_assert_int_eq(hay_lock_release(misaligned(locks)), -EINVAL);
        ck_assert_int_eq(hay_lock_locked(misaligned(locks)), -EINVAL);
        ck_assert_int_eq(hay_lock_release(locks), -EPERM);
        hay_free(locks);
}

static int release_it(void *lock)
{
        return hay_lock_release(lock) != 0;
}

TEST(another_process_may_release_it)
{
        hay_lock *lock = hay_new(hay_lock);
        ck_assert_int_eq(hay_lock_acquire(lock, HAY_FOREVER), 0);
        ck_assert_int_eq(kit_wait(kit_fork(release_it, lock)), 0);
        ck_assert_int_eq(hay_lock_acquire(lock, HAY_NOWAIT), 0);
        hay_lock_release(lock);
        hay_free(lock);
}

struct scene {
        hay_lock lock;
        unsigned holding;
        unsigned waiting;
};

static int hold_for_ever(void *arg)
{
        struct scene *scene = arg;
        EXPECT(hay_lock_acquire(&scene->lock, HAY_FOREVER) == 0);
        step_do(&scene->holding);
        for (;;)
                pause();
}

static int wait_for_ever(void *arg)
{
        struct scene *scene = arg;
        step_do(&scene->waiting);
        hay_lock_acquire(&scene->lock, HAY_FOREVER);
        for (;;)
                pause();
        return 0;
}

TEST(lock_is_handed_on_when_its_owner_is_killed)
{
        struct scene *scene = hay_new(struct scene);
        pid_t pid = kit_fork(hold_for_ever, scene);
        ck_assert(step_await(&scene->holding, 1));
        kill_and_wait(pid);
        hay_time begun = hay_now();
        ck_assert_int_eq(hay_lock_acquire(&scene->lock, HAY_FOREVER), HAY_OWNER_DIED);
        ck_assert_int_lt(ms_since(begun), patience(1000));
        ck_assert_int_eq(hay_lock_release(&scene->lock), 0);
        ck_assert_int_eq(hay_lock_acquire(&scene->lock, HAY_NOWAIT), 0);
        hay_lock_release(&scene->lock);
        hay_free(scene);
}

static int wait_for_dead_owner(void *arg)
{
        struct scene *scene = arg;
        step_do(&scene->waiting);
        return hay_lock_acquire(&scene->lock, HAY_FOREVER) == HAY_OWNER_DIED
                       ? hay_lock_release(&scene->lock)
                       : 1;
}

TEST(a_waiter_is_told_that_the_owner_was_killed)
{
        struct scene *scene = hay_new(struct scene);
        pid_t owner = kit_fork(hold_for_ever, scene);
        ck_assert(step_await(&scene->holding, 1));
        pid_t waiter = kit_fork(wait_for_dead_owner, scene);
        ck_assert(step_await(&scene->waiting, 1));
        kit_sleep_ms(70);
        hay_time begun = hay_now();
        kill_and_wait(owner);
        ck_assert_int_eq(kit_wait(waiter), 0);
        ck_assert_int_lt(ms_since(begun), patience(1000));
        hay_free(scene);
}

TEST(who_only_tries_gets_a_dead_owners_lock_too)
{
        struct scene *scene = hay_new(struct scene);
        pid_t owner = kit_fork(hold_for_ever, scene);
        ck_assert(step_await(&scene->holding, 1));
        kill_and_wait(owner);
        hay_time begun = hay_now();
        int r;
        while ((r = hay_lock_acquire(&scene->lock, HAY_NOWAIT)) == -ETIMEDOUT &&
               ms_since(begun) < patience(1000))
                kit_sleep_ms(1);
        ck_assert_int_eq(r, HAY_OWNER_DIED);
        hay_lock_release(&scene->lock);
        hay_free(scene);
}

TEST(a_killed_waiter_takes_nothing_with_it)
{
        struct scene *scene = hay_new(struct scene);
        ck_assert_int_eq(hay_lock_acquire(&scene->lock, HAY_FOREVER), 0);
        pid_t first = kit_fork(wait_for_ever, scene);
        pid_t second = kit_fork(wait_for_ever, scene);
        ck_assert(step_await(&scene->waiting, 2));
        kit_sleep_ms(20);
        kill_and_wait(first);
        kill_and_wait(second);
        ck_assert_int_eq(hay_lock_release(&scene->lock), 0);
        ck_assert_int_eq(hay_lock_acquire(&scene->lock, hay_in_ms(patience(1000))), 0);
        hay_lock_release(&scene->lock);
        hay_free(scene);
}

static void *end_with_it(void *lock)
{
        return hay_lock_acquire(lock, HAY_FOREVER) == 0 ? NULL : lock;
}

TEST(a_thread_that_ends_with_the_lock_is_a_dead_owner)
{
        hay_lock *lock = hay_new(hay_lock);
        pthread_t thread;
        void *result;
        ck_assert_int_eq(pthread_create(&thread, NULL, end_with_it, lock), 0);
        pthread_join(thread, &result);
        ck_assert_ptr_null(result);
        ck_assert_int_eq(hay_lock_acquire(lock, hay_in_ms(patience(1000))), HAY_OWNER_DIED);
        hay_lock_release(lock);
        hay_free(lock);
}

TEST(a_forked_child_does_not_own_what_its_parent_holds)
{
        hay_lock *lock = hay_new(hay_lock);
        ck_assert_int_eq(hay_lock_acquire(lock, HAY_FOREVER), 0);
        fflush(NULL);
        pid_t pid = fork();
        if (pid == 0)
                _exit(hay_lock_acquire(lock, hay_in_ms(60)) != -ETIMEDOUT);
        ck_assert_int_eq(kit_wait(pid), 0);
        ck_assert_int_eq(hay_lock_release(lock), 0);
        hay_free(lock);
}

TEST(many_processes_exclude_each_other)
{
        struct bodies *b = hay_new(struct bodies);
        ck_assert_int_eq(crowd_of_processes(8, body_lock, b), 0);
        ck_assert_int_eq(b->count, 8 * ROUNDS);
        hay_free(b);
}

TEST(many_processes_with_deadlines_exclude_each_other)
{
        struct bodies *b = hay_new(struct bodies);
        ck_assert_int_eq(crowd_of_processes(9, body_lock_deadlines, b), 0);
        ck_assert_int_ge(b->count, 3 * ROUNDS);
        ck_assert_int_eq(hay_lock_locked(&b->lock), 0);
        hay_free(b);
}

/* Killed at random instants: the count is guarded by two stores that must agree. */
struct torn {
        hay_lock lock;
        unsigned begun;
        unsigned ended;
};

static int write_for_ever(void *arg)
{
        struct torn *torn = arg;
        for (;;) {
                if (hay_lock_acquire(&torn->lock, HAY_FOREVER) == HAY_OWNER_DIED)
                        torn->ended = torn->begun;
                torn->begun++;
                torn->ended++;
                hay_lock_release(&torn->lock);
        }
        return 0;
}

TEST(kills_at_random_instants_never_leave_the_lock_dead)
{
        struct torn *torn = hay_new(struct torn);
        srand48((long)kit_seed());
        pid_t writer = kit_fork(write_for_ever, torn);
        for (int i = 0; i < 60; i++) {
                pid_t victim = kit_fork(write_for_ever, torn);
                usleep((useconds_t)(lrand48() % 3000));
                kill_and_wait(victim);
                int r = hay_lock_acquire(&torn->lock, hay_in_ms(patience(1000)));
                ck_assert_int_ge(r, 0);
                if (r == 0)
                        ck_assert_uint_eq(torn->begun, torn->ended);
                torn->ended = torn->begun;
                ck_assert_int_eq(hay_lock_release(&torn->lock), 0);
        }
        kill_and_wait(writer);
        hay_free(torn);
}

KIT_MAIN
