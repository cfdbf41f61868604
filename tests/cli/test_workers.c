#include "workers.h"

#include <kit.h>

static void parses(const char *text, int processors, const char *wanted)
{
        struct workers workers;
        char *problem = NULL;
        char list[256] = "";
        ck_assert_msg(workers_parse(text, processors, &workers, &problem) == 0, "%s", problem);
        for (size_t i = 0; i < workers.count; i++)
                sprintf(list + strlen(list), "%s%d", i ? " " : "", workers.numbers[i]);
        ck_assert_str_eq(list, wanted);
        free(workers.numbers);
}

TEST(lists_and_ranges_are_read)
{
        parses("1..4", 2, "1 2 3 4");
        parses("1,2,4", 2, "1 2 4");
        parses("1..3,8", 2, "1 2 3 8");
        parses("4,2,1,2", 2, "1 2 4");
        parses("3..3", 2, "1 3");
        parses("4096", 2, "1 4096");
        parses("002", 2, "1 2");
}

TEST(n_is_the_number_of_processors)
{
        parses("N", 6, "1 6");
        parses("1..N", 3, "1 2 3");
        parses("N..4,8", 3, "1 3 4 8");
        parses("N", 1, "1");
        parses("N", 100000, "1 4096");
}

TEST(one_is_always_there)
{
        parses("4", 2, "1 4");
        parses("2..3", 2, "1 2 3");
}

TEST(what_is_no_list_is_named_and_what_is_expected_too)
{
        static const char *const wrong[] = { "",     ",",     "1,",   ",1",    "..",
                                             "1..",  "..2",   "0",    "4097",  "2..1",
                                             "a",    "1 ,2",  "-1",   "1...3", "1..2..3",
                                             "1;2",  "1.5",   "0..2", "n",     "NN",
                                             "1,,2", "1..4a", "+1",   "1-4",   "99999999999999",
                                             "N..1" };
        for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
                struct workers workers = { 0 };
                char *problem = NULL;
                ck_assert_msg(workers_parse(wrong[i], 2, &workers, &problem) == -EINVAL, "'%s'",
                              wrong[i]);
                ck_assert_ptr_null(workers.numbers);
                ck_assert_ptr_nonnull(strstr(problem, wrong[i]));
                ck_assert_ptr_nonnull(strstr(problem, "expected numbers from 1 to 4096"));
                free(problem);
        }
}

static void defaults(int processors, const int *wanted, size_t count)
{
        struct workers workers;
        workers_default(processors, &workers);
        ck_assert_uint_eq(workers.count, count);
        for (size_t i = 0; i < count; i++)
                ck_assert_int_eq(workers.numbers[i], wanted[i]);
        free(workers.numbers);
}

TEST(default_is_all_up_to_8_and_powers_of_two_beyond)
{
        defaults(1, (int[]){ 1 }, 1);
        defaults(2, (int[]){ 1, 2 }, 2);
        defaults(8, (int[]){ 1, 2, 3, 4, 5, 6, 7, 8 }, 8);
        defaults(12, (int[]){ 1, 2, 4, 8, 12 }, 5);
        defaults(64, (int[]){ 1, 2, 4, 8, 16, 32, 64 }, 7);
}

TEST(each_round_runs_each_number_once)
{
        for (size_t count = 1; count < 12; count++)
                for (size_t round = 0; round < 30; round++) {
                        unsigned seen = 0;
                        for (size_t i = 0; i < count; i++)
                                seen |= 1u << workers_turn(count, round, i);
                        ck_assert_uint_eq(seen, (1u << count) - 1);
                }
}

/* The mean place of each number in two rounds is the same, so steady drift adds the same to all. */
TEST(steady_drift_hits_all_numbers_alike)
{
        for (size_t count = 1; count < 12; count++)
                for (size_t round = 0; round < 30; round += 2) {
                        size_t place[12] = { 0 };
                        for (size_t i = 0; i < count; i++) {
                                place[workers_turn(count, round, i)] += i;
                                place[workers_turn(count, round + 1, i)] += i;
                        }
                        for (size_t k = 0; k < count; k++)
                                ck_assert_uint_eq(place[k], count - 1);
                }
}

KIT_MAIN
