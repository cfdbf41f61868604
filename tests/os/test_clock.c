#include "kit.h"

#include <math.h>
#include <time.h>

TEST(now_is_the_monotonic_clock)
{
        struct timespec at;
        hay_time early = hay_now();
        clock_gettime(CLOCK_MONOTONIC, &at);
        hay_time late = hay_now();
        hay_time between = (hay_time)at.tv_sec * 1000000000 + at.tv_nsec;
        ck_assert_int_gt(early, 0);
        ck_assert_int_le(early, between);
        ck_assert_int_le(between, late);
}

TEST(a_deadline_lies_ahead_by_what_was_asked)
{
        hay_time early = hay_now();
        hay_time in_ms = hay_in_ms(250);
        hay_time in_s = hay_in_s(0.25);
        hay_time late = hay_now();
        ck_assert_int_ge(in_ms, early + 250000000);
        ck_assert_int_le(in_ms, late + 250000000);
        ck_assert_int_ge(in_s, early + 250000000);
        ck_assert_int_le(in_s, late + 250000000);
}

TEST(what_is_not_ahead_has_passed)
{
        ck_assert_int_eq(hay_in_ms(0), HAY_NOWAIT);
        ck_assert_int_eq(hay_in_ms(-1), HAY_NOWAIT);
        ck_assert_int_eq(hay_in_ms(INT64_MIN), HAY_NOWAIT);
        ck_assert_int_eq(hay_in_s(0), HAY_NOWAIT);
        ck_assert_int_eq(hay_in_s(-0.5), HAY_NOWAIT);
        ck_assert_int_eq(hay_in_s((double)NAN), HAY_NOWAIT);
        ck_assert_int_eq(hay_in_s(-(double)INFINITY), HAY_NOWAIT);
}

TEST(what_lies_beyond_the_clock_is_for_ever)
{
        ck_assert_int_eq(hay_in_ms(INT64_MAX), HAY_FOREVER);
        ck_assert_int_eq(hay_in_ms(INT64_MAX / 1000000), HAY_FOREVER);
        ck_assert_int_eq(hay_in_s(1e300), HAY_FOREVER);
        ck_assert_int_eq(hay_in_s((double)INFINITY), HAY_FOREVER);
        ck_assert_int_gt(hay_in_ms(1000l * 3600 * 24 * 365 * 100), hay_now());
}

KIT_MAIN
