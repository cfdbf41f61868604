#include "kit.h"

#include "base/options.h"

struct ours {
        int workers;
        int chunk;
};

TEST(no_options_are_all_defaults)
{
        struct ours options = { 1, 2 };
        ck_assert_int_eq(hf_options_take(&options, sizeof(options), NULL, 0), 0);
        ck_assert_int_eq(options.workers, 0);
        ck_assert_int_eq(options.chunk, 0);
}

TEST(options_of_our_own_size_are_copied)
{
        struct ours options;
        ck_assert_int_eq(hf_options_take(&options, sizeof(options), &(struct ours){ 3, 4 },
                                         sizeof(struct ours)),
                         0);
        ck_assert_int_eq(options.workers, 3);
        ck_assert_int_eq(options.chunk, 4);
}

TEST(an_older_caller_gets_defaults_for_fields_that_it_does_not_know)
{
        struct ours options = { 1, 2 };
        int older = 5;
        ck_assert_int_eq(hf_options_take(&options, sizeof(options), &older, sizeof(older)), 0);
        ck_assert_int_eq(options.workers, 5);
        ck_assert_int_eq(options.chunk, 0);
}

TEST(a_newer_caller_is_served_as_long_as_it_leaves_new_fields_alone)
{
        struct {
                struct ours ours;
                long newer;
        } theirs = { { 6, 7 }, 0 };
        struct ours options;
        ck_assert_int_eq(hf_options_take(&options, sizeof(options), &theirs, sizeof(theirs)), 0);
        ck_assert_int_eq(options.workers, 6);
        theirs.newer = 1l << 40;
        ck_assert_int_eq(hf_options_take(&options, sizeof(options), &theirs, sizeof(theirs)),
                         -EINVAL);
}

KIT_MAIN
