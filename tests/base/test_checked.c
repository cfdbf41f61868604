#include "kit.h"

#include "base/checked.h"

TEST(a_product_that_does_not_fit_is_refused)
{
        size_t product = 0;
        ck_assert(hf_multiply((size_t)1 << 31, (size_t)1 << 31, &product));
        ck_assert_uint_eq(product, (size_t)1 << 62);
        ck_assert(!hf_multiply((size_t)1 << 32, (size_t)1 << 32, &product));
        ck_assert(!hf_multiply(SIZE_MAX, (size_t)2, &product));
        ck_assert(hf_multiply(SIZE_MAX, (size_t)0, &product));
        ck_assert_uint_eq(product, 0);
}

TEST(a_sum_that_does_not_fit_is_refused)
{
        size_t sum = 0;
        ck_assert(hf_sum(SIZE_MAX - 1, (size_t)1, &sum));
        ck_assert_uint_eq(sum, SIZE_MAX);
        ck_assert(!hf_sum(SIZE_MAX, (size_t)1, &sum));
}

TEST(powers_of_two_are_known)
{
        ck_assert(!hf_is_power_of_two(0));
        ck_assert(hf_is_power_of_two(1));
        ck_assert(!hf_is_power_of_two(3));
        ck_assert(hf_is_power_of_two((size_t)1 << 63));
        ck_assert(!hf_is_power_of_two(SIZE_MAX));
}

TEST(rounding_up_keeps_multiples)
{
        ck_assert_uint_eq(hf_round_up(0, 16), 0);
        ck_assert_uint_eq(hf_round_up(1, 16), 16);
        ck_assert_uint_eq(hf_round_up(16, 16), 16);
        ck_assert_uint_eq(hf_round_up(17, 16), 32);
}

TEST(the_logarithm_is_that_of_the_highest_bit)
{
        ck_assert_uint_eq(hf_log2(1), 0);
        ck_assert_uint_eq(hf_log2(2), 1);
        ck_assert_uint_eq(hf_log2(3), 1);
        ck_assert_uint_eq(hf_log2(UINT64_MAX), 63);
}

KIT_MAIN
