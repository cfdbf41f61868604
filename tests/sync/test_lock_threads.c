/* Plain memory of one process: threads need no region around the lock. */
#include "bodies.h"

TEST(many_threads_exclude_each_other)
{
        static struct bodies b;
        ck_assert_int_eq(crowd_of_threads(8, body_lock, &b), 0);
        ck_assert_int_eq(b.count, 8 * ROUNDS);
}

TEST(many_threads_with_deadlines_exclude_each_other)
{
        static struct bodies b;
        ck_assert_int_eq(crowd_of_threads(9, body_lock_deadlines, &b), 0);
        ck_assert_int_ge(b.count, 3 * ROUNDS);
}

TEST(many_threads_hold_an_rlock_again_and_again)
{
        static struct bodies b;
        ck_assert_int_eq(crowd_of_threads(8, body_rlock, &b), 0);
        ck_assert_int_eq(b.count, 8 * ROUNDS);
}

KIT_MAIN
