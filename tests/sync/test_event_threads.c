#include "bodies.h"

TEST(two_threads_play_ping_pong)
{
        static struct bodies b;
        ck_assert_int_eq(crowd_of_threads(2, body_event, &b), 0);
        ck_assert_int_eq(b.count, 2 * ROUNDS);
}

KIT_MAIN
