#include "bodies.h"

TEST(many_threads_produce_and_consume)
{
        static struct bodies b;
        ck_assert_int_eq(crowd_of_threads(8, body_condition, &b), 0);
        ck_assert_int_eq(b.count, 4 * (ROUNDS / 4));
}

TEST(many_threads_with_deadlines_produce_and_consume)
{
        static struct bodies b;
        ck_assert_int_eq(crowd_of_threads(8, body_condition_deadlines, &b), 0);
        ck_assert_int_eq(b.count, 4 * (ROUNDS / 4));
}

KIT_MAIN
