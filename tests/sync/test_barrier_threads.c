#include "bodies.h"

static void stress(int parties, int (*body)(void *shared, int index), int n)
{
        static struct bodies b;
        memset(&b, 0, sizeof(b));
        struct hay_barrier_options options = { .parties = (unsigned)parties };
        ck_assert_int_eq(hay_barrier_init(&b.barrier, &options), 0);
        b.parties = parties;
        ck_assert_int_eq(crowd_of_threads(n, body, &b), 0);
        for (int i = 0; i < parties; i++)
                ck_assert_uint_eq(b.indices[i], b.indices[0]);
        ck_assert_uint_ge(b.indices[0], ROUNDS / 4);
        hay_barrier_fini(&b.barrier);
}

TEST(many_threads_meet_again_and_again)
{
        stress(2, body_barrier, 2);
        stress(7, body_barrier, 7);
}

TEST(more_threads_come_than_it_holds)
{
        stress(2, body_barrier_crowded, 6);
}

KIT_MAIN
