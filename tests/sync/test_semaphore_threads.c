#include "bodies.h"

static void stress(struct hay_semaphore_options options)
{
        static struct bodies b;
        ck_assert_int_eq(hay_semaphore_init(&b.semaphore, &options), 0);
        ck_assert_int_eq(crowd_of_threads(8, body_semaphore, &b), 0);
        ck_assert_int_eq(hay_semaphore_value(&b.semaphore), 3);
        hay_semaphore_fini(&b.semaphore);
}

TEST(many_threads_share_owned_permits)
{
        stress((struct hay_semaphore_options){ .value = 3 });
}

TEST(many_threads_share_a_counter)
{
        stress((struct hay_semaphore_options){ .value = 3, .signal = true });
}

TEST(many_threads_share_a_bounded_counter)
{
        stress((struct hay_semaphore_options){ .value = 3, .signal = true, .bounded = true });
}

KIT_MAIN
