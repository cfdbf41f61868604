#include "statistics.h"

#include <kit.h>

#include <math.h>

static void is_near(double value, double wanted)
{
        ck_assert_double_eq_tol(value, wanted, 1e-12);
}

TEST(median_is_the_middle_or_the_mean_of_two)
{
        struct summary summary;
        double odd[] = { 3, 1, 2 };
        double even[] = { 4, 1, 3, 2 };
        double one[] = { 7 };
        statistics_summarize(odd, 3, &summary);
        is_near(summary.median, 2);
        is_near(summary.least, 1);
        is_near(summary.most, 3);
        statistics_summarize(even, 4, &summary);
        is_near(summary.median, 2.5);
        statistics_summarize(one, 1, &summary);
        is_near(summary.median, 7);
        is_near(summary.low, 7);
        is_near(summary.high, 7);
}

/* By hand from binomial sums: 1 - 2 * sum(C(n, i), i < k) / 2^n. */
TEST(interval_covers_the_median_as_the_binomial_says)
{
        static const struct {
                size_t count;
                double low, high, coverage;
        } rows[] = {
                { 1, 1, 1, 0 },
                { 2, 1, 2, 1 - 2.0 / 4 },
                { 3, 1, 3, 1 - 2.0 / 8 },
                { 4, 1, 4, 1 - 2.0 / 16 },
                { 5, 1, 5, 1 - 2.0 / 32 },
                { 6, 1, 6, 1 - 2.0 / 64 },
                { 7, 1, 7, 1 - 2.0 / 128 },
                { 8, 2, 7, 1 - 2.0 * (1 + 8) / 256 },
                { 10, 2, 9, 1 - 2.0 * (1 + 10) / 1024 },
                { 20, 6, 15, 1 - 2.0 * (1 + 20 + 190 + 1140 + 4845 + 15504) / 1048576 },
        };
        for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
                double values[20];
                struct summary summary;
                for (size_t k = 0; k < rows[i].count; k++)
                        values[k] = (double)(rows[i].count - k);
                statistics_summarize(values, rows[i].count, &summary);
                is_near(summary.low, rows[i].low);
                is_near(summary.high, rows[i].high);
                is_near(summary.coverage, rows[i].coverage);
        }
}

TEST(interval_of_a_thousand_values_is_narrow_and_sure)
{
        static double values[1000];
        struct summary summary;
        for (int i = 0; i < 1000; i++)
                values[i] = i + 1;
        statistics_summarize(values, 1000, &summary);
        is_near(summary.median, 500.5);
        is_near(summary.low + summary.high, 1001);
        /* The bell curve gives 500.5 -+ 1.645 * sqrt(1000) / 2. */
        ck_assert_double_ge(summary.low, 473);
        ck_assert_double_le(summary.low, 476);
        ck_assert_double_ge(summary.coverage, STATISTICS_LEVEL);
        ck_assert_double_le(summary.coverage, STATISTICS_LEVEL + 0.01);
}

TEST(spread_is_the_interval_relative_to_the_median)
{
        struct summary summary;
        double values[] = { 9, 10, 12 };
        statistics_summarize(values, 3, &summary);
        is_near(statistics_spread(&summary), 0.3);
}

TEST(karp_flatt_shows_the_serial_fraction)
{
        is_near(statistics_karp_flatt(1.5, 2), 1.0 / 3);
        is_near(statistics_karp_flatt(2, 8), 3.0 / 7);
        is_near(statistics_karp_flatt(4, 4), 0);
        is_near(statistics_karp_flatt(1, 4), 1);
        ck_assert_double_lt(statistics_karp_flatt(4.4, 4), 0);
        ck_assert_double_gt(statistics_karp_flatt(0.5, 2), 1);
        ck_assert(isnan(statistics_karp_flatt(1, 1)));
}

TEST(amdahl_and_karp_flatt_are_each_others_inverse)
{
        is_near(statistics_amdahl(0.1, 10), 1 / 0.19);
        is_near(statistics_amdahl(0, 16), 16);
        is_near(statistics_amdahl(1, 16), 1);
        for (int workers = 2; workers < 100; workers += 7)
                is_near(statistics_karp_flatt(statistics_amdahl(0.3, workers), workers), 0.3);
}

TEST(fit_finds_the_fraction_of_exact_data)
{
        static const int workers[] = { 1, 2, 4, 8 };
        double speedups[4];
        struct fit fit;
        for (int i = 0; i < 4; i++)
                speedups[i] = statistics_amdahl(0.2, workers[i]);
        statistics_fit(workers, speedups, 4, 8, &fit);
        ck_assert_uint_eq(fit.points, 3);
        is_near(fit.serial_fraction, 0.2);
        is_near(fit.error, 0);
}

/* y = 1/S - 1/p and a = 1 - 1/p are 0.125, 0.5 and 0.25, 0.75: f = 0.25 / 0.8125 = 4/13. */
TEST(fit_is_that_of_least_squares)
{
        static const int workers[] = { 1, 2, 4 };
        static const double speedups[] = { 1, 1.6, 2 };
        struct fit fit;
        statistics_fit(workers, speedups, 3, 4, &fit);
        is_near(fit.serial_fraction, 4.0 / 13);
        double first = 0.625 - (4.0 / 13 + 9.0 / 13 / 2);
        double second = 0.5 - (4.0 / 13 + 9.0 / 13 / 4);
        is_near(fit.error, sqrt((first * first + second * second) / 2));
}

TEST(fit_stays_between_0_and_1)
{
        static const int workers[] = { 1, 2 };
        struct fit fit;
        statistics_fit(workers, (double[]){ 1, 2.2 }, 2, 2, &fit);
        is_near(fit.serial_fraction, 0);
        statistics_fit(workers, (double[]){ 1, 0.7 }, 2, 2, &fit);
        is_near(fit.serial_fraction, 1);
}

TEST(fit_leaves_out_more_workers_than_processors)
{
        static const int workers[] = { 1, 2, 3, 4 };
        static const double speedups[] = { 1, 1.5, 1.5, 1.5 };
        struct fit fit;
        statistics_fit(workers, speedups, 4, 2, &fit);
        ck_assert_uint_eq(fit.points, 1);
        is_near(fit.serial_fraction, 1.0 / 3);
        statistics_fit(workers, speedups, 4, 1, &fit);
        ck_assert_uint_eq(fit.points, 0);
        ck_assert(isnan(fit.serial_fraction));
}

KIT_MAIN
