#include "bodies.h"

TEST(the_owner_may_take_it_again)
{
        hay_rlock *rlock = hay_new(hay_rlock);
        ck_assert_int_eq(hay_rlock_locked(rlock), 0);
        for (int i = 0; i < 5; i++)
                ck_assert_int_eq(hay_rlock_acquire(rlock, HAY_NOWAIT), 0);
        for (int i = 0; i < 5; i++) {
                ck_assert_int_eq(hay_rlock_locked(rlock), 1);
                ck_assert_int_eq(hay_rlock_release(rlock), 0);
        }
        ck_assert_int_eq(hay_rlock_locked(rlock), 0);
        ck_assert_int_eq(hay_rlock_release(rlock), -EPERM);
        hay_free(rlock);
}

TEST(it_cannot_be_taken_more_often_than_can_be_counted)
{
        hay_rlock *rlock = hay_new(hay_rlock);
        ck_assert_int_eq(hay_rlock_acquire(rlock, HAY_FOREVER), 0);
        rlock->private_depth = UINT32_MAX;
        ck_assert_int_eq(hay_rlock_acquire(rlock, HAY_FOREVER), -EOVERFLOW);
        rlock->private_depth = 1;
        ck_assert_int_eq(hay_rlock_release(rlock), 0);
        hay_free(rlock);
}

TEST(bad_rlocks_are_errors)
{
        hay_rlock *rlocks = hay_new_array(hay_rlock, 2);
        void *misaligned = (char *)rlocks + 2;
        ck_assert_int_eq(hay_rlock_acquire(NULL, HAY_FOREVER), -EINVAL);
        ck_assert_int_eq(hay_rlock_release(NULL), -EINVAL);
        ck_assert_int_eq(hay_rlock_locked(NULL), -EINVAL);
        ck_assert_int_eq(hay_rlock_acquire(misaligned, HAY_FOREVER), -EINVAL);
        ck_assert_int_eq(hay_rlock_release(misaligned), -EINVAL);
        ck_assert_int_eq(hay_rlock_locked(misaligned), -EINVAL);
        hay_free(rlocks);
}

static int is_not_mine(void *arg)
{
        hay_rlock *rlock = arg;
        EXPECT(hay_rlock_release(rlock) == -EPERM);
        EXPECT(hay_rlock_acquire(rlock, HAY_NOWAIT) == -ETIMEDOUT);
        EXPECT(hay_rlock_acquire(rlock, hay_in_ms(60)) == -ETIMEDOUT);
        return 0;
}

static void *is_not_mine_either(void *arg)
{
        return is_not_mine(arg) ? arg : NULL;
}

TEST(neither_another_process_nor_another_thread_owns_it)
{
        hay_rlock *rlock = hay_new(hay_rlock);
        pthread_t thread;
        void *result;
        ck_assert_int_eq(hay_rlock_acquire(rlock, HAY_FOREVER), 0);
        ck_assert_int_eq(kit_wait(kit_fork(is_not_mine, rlock)), 0);
        ck_assert_int_eq(pthread_create(&thread, NULL, is_not_mine_either, rlock), 0);
        pthread_join(thread, &result);
        ck_assert_ptr_null(result);
        ck_assert_int_eq(hay_rlock_release(rlock), 0);
        hay_free(rlock);
}

struct scene {
        hay_rlock rlock;
        unsigned holding;
};

static int hold_thrice(void *arg)
{
        struct scene *scene = arg;
        for (int i = 0; i < 3; i++)
                EXPECT(hay_rlock_acquire(&scene->rlock, HAY_FOREVER) == 0);
        step_do(&scene->holding);
        for (;;)
                pause();
}

TEST(a_killed_owners_depth_dies_with_it)
{
        struct scene *scene = hay_new(struct scene);
        pid_t pid = kit_fork(hold_thrice, scene);
        ck_assert(step_await(&scene->holding, 1));
        kill_and_wait(pid);
        ck_assert_int_eq(hay_rlock_acquire(&scene->rlock, hay_in_ms(patience(1000))),
                         HAY_OWNER_DIED);
        ck_assert_int_eq(hay_rlock_release(&scene->rlock), 0);
        ck_assert_int_eq(hay_rlock_locked(&scene->rlock), 0);
        hay_free(scene);
}

TEST(many_processes_hold_it_again_and_again)
{
        struct bodies *b = hay_new(struct bodies);
        ck_assert_int_eq(crowd_of_processes(8, body_rlock, b), 0);
        ck_assert_int_eq(b->count, 8 * ROUNDS);
        hay_free(b);
}

KIT_MAIN
