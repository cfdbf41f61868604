#include "kit.h"

#include <pthread.h>

static int add_one(const void *in, void *out, void *arg)
{
        (void)arg;
        *(int *)out = *(const int *)in + 1;
        return 0;
}

static int die_sometimes(const void *in, void *out, void *arg)
{
        if (*(const int *)in == 70)
                _exit(1);
        return add_one(in, out, arg);
}

struct work {
        hay_pool *pool;
        hay_task *task;
        int expected;
        int rounds;
};

static void *map_often(void *arg)
{
        struct work *work = arg;
        for (int round = 0; round < work->rounds; round++) {
                int in[100];
                int out[100] = { 0 };
                for (int i = 0; i < 100; i++)
                        in[i] = i;
                struct hay_map map = { HAY_MAP(work->task, in, out, 100), .chunk = 5 };
                ck_assert_int_eq(hay_pool_map(work->pool, &map, NULL), work->expected);
                for (int i = 0; i < 100; i++)
                        ck_assert_int_eq(out[i], work->expected && i == 70 ? 0 : i + 1);
        }
        return NULL;
}

static void run_threads(int count, struct work *work)
{
        pthread_t threads[64];
        struct hay_pool_options options = { .workers = 2 };
        ck_assert_int_eq(hay_pool_new(&work->pool, &options), 0);
        for (int i = 0; i < count; i++)
                ck_assert_int_eq(pthread_create(&threads[i], NULL, map_often, work), 0);
        for (int i = 0; i < count; i++)
                pthread_join(threads[i], NULL);
        hay_pool_free(work->pool);
}

TEST(many_threads_share_a_pool)
{
        struct work work = { .task = add_one, .rounds = 100 };
        run_threads(8, &work);
}

TEST(more_threads_than_a_pool_has_places_for_jobs)
{
        struct work work = { .task = add_one, .rounds = 10 };
        run_threads(50, &work);
}

TEST(threads_are_told_of_the_deaths_of_their_own_items)
{
        struct work work = { .task = die_sometimes, .expected = -ECHILD, .rounds = 5 };
        run_threads(4, &work);
}

KIT_MAIN
