#include "kit.h"

#include <complex.h>
#include <signal.h>
#include <wchar.h>

static hay_array *new_array(struct hay_array_options options)
{
        hay_array *array = NULL;
        ck_assert_int_eq(hay_array_new(&array, &options), 0);
        ck_assert_ptr_nonnull(array);
        return array;
}

TEST(an_array_knows_its_length_and_type)
{
        hay_array *array = new_array((struct hay_array_options){ .type = HAY_INT, .length = 5 });
        ck_assert_uint_eq(hay_array_length(array), 5);
        ck_assert_int_eq(hay_array_type(array), HAY_INT);
        int *elements = hay_array_data(array);
        ck_assert(hay_is_shared(elements));
        ck_assert_uint_eq((uintptr_t)elements % 16, 0);
        for (int i = 0; i < 5; i++)
                ck_assert_int_eq(elements[i], 0);
        ck_assert_ptr_null(hay_array_free(array));
}

TEST(an_array_starts_with_what_it_is_given)
{
        double initial[] = { 1.5, -2, 1e300 };
        hay_array *array = new_array(
                (struct hay_array_options){ .type = HAY_DOUBLE, .length = 3, .initial = initial });
        ck_assert_mem_eq(hay_array_data(array), initial, sizeof(initial));
        hay_array_free(array);
}

TEST(an_array_may_be_empty)
{
        hay_array *array = new_array((struct hay_array_options){ .type = HAY_CHAR });
        ck_assert_uint_eq(hay_array_length(array), 0);
        ck_assert_ptr_nonnull(hay_array_data(array));
        char byte;
        ck_assert_int_eq(hay_array_read(array, 0, 0, &byte), 0);
        ck_assert_int_eq(hay_array_read(array, 0, 1, &byte), -ERANGE);
        hay_array_free(array);
}

TEST(types_have_their_sizes)
{
        ck_assert_uint_eq(hay_type_size(HAY_CHAR), 1);
        ck_assert_uint_eq(hay_type_size(HAY_SHORT), sizeof(short));
        ck_assert_uint_eq(hay_type_size(HAY_UNSIGNED), sizeof(unsigned));
        ck_assert_uint_eq(hay_type_size(HAY_UNSIGNED_LONG), sizeof(unsigned long));
        ck_assert_uint_eq(hay_type_size(HAY_LONG_LONG), sizeof(long long));
        ck_assert_uint_eq(hay_type_size(HAY_BOOL), sizeof(bool));
        ck_assert_uint_eq(hay_type_size(HAY_FLOAT), sizeof(float));
        ck_assert_uint_eq(hay_type_size(HAY_LONG_DOUBLE), sizeof(long double));
        ck_assert_uint_eq(hay_type_size(HAY_WCHAR), sizeof(wchar_t));
        ck_assert_uint_eq(hay_type_size(HAY_SIZE), sizeof(size_t));
        ck_assert_uint_eq(hay_type_size(HAY_INT16), 2);
        ck_assert_uint_eq(hay_type_size(HAY_UINT64), 8);
        ck_assert_uint_eq(hay_type_size(HAY_COMPLEX_FLOAT), sizeof(float complex));
        ck_assert_uint_eq(hay_type_size(HAY_COMPLEX_DOUBLE), sizeof(double complex));
        for (int type = HAY_CHAR; type <= HAY_COMPLEX_DOUBLE; type++)
                ck_assert_uint_ge(hay_type_size((enum hay_type)type), 1);
        ck_assert_uint_eq(hay_type_size((enum hay_type)0), 0);
        ck_assert_uint_eq(hay_type_size((enum hay_type)(HAY_COMPLEX_DOUBLE + 1)), 0);
        ck_assert_uint_eq(hay_type_size((enum hay_type) - 1), 0);
}

TEST(read_and_write_stay_within_the_array)
{
        int initial[] = { 10, 20, 30, 40 };
        int some[4] = { 0 };
        hay_array *array = new_array(
                (struct hay_array_options){ .type = HAY_INT, .length = 4, .initial = initial });
        ck_assert_int_eq(hay_array_read(array, 1, 2, some), 0);
        ck_assert_int_eq(some[0], 20);
        ck_assert_int_eq(some[1], 30);
        ck_assert_int_eq(some[2], 0);
        ck_assert_int_eq(hay_array_write(array, 2, 2, some), 0);
        ck_assert_int_eq(((int *)hay_array_data(array))[3], 30);
        ck_assert_int_eq(hay_array_read(array, 3, 2, some), -ERANGE);
        ck_assert_int_eq(hay_array_write(array, 5, 0, some), -ERANGE);
        ck_assert_int_eq(hay_array_write(array, 1, SIZE_MAX, some), -ERANGE);
        ck_assert_int_eq(hay_array_read(array, SIZE_MAX, SIZE_MAX, some), -ERANGE);
        ck_assert_int_eq(hay_array_write(array, 4, 0, some), 0);
        ck_assert_int_eq(hay_array_read(array, 0, 1, NULL), -EINVAL);
        ck_assert_int_eq(hay_array_write(array, 0, 1, NULL), -EINVAL);
        hay_array_free(array);
}

TEST(what_is_no_array_is_an_error)
{
        int some[4] = { 0 };
        static _Alignas(64) char plain[256];
        char *block = hay_alloc(256, 64);
        hay_array *freed = new_array((struct hay_array_options){ .type = HAY_INT, .length = 4 });
        hay_array_free(freed);
        void *bad[] = { NULL, plain, block, block + 1, freed };
        for (int i = 0; i < 5; i++) {
                hay_array *array = bad[i];
                ck_assert_ptr_null(hay_array_data(array));
                ck_assert_uint_eq(hay_array_length(array), 0);
                ck_assert_int_eq(hay_array_type(array), 0);
                ck_assert_ptr_null(hay_array_lock(array));
                ck_assert_int_eq(hay_array_read(array, 0, 1, some), -EINVAL);
                ck_assert_int_eq(hay_array_write(array, 0, 1, some), -EINVAL);
                ck_assert_ptr_null(hay_array_free(array));
        }
        hay_free(block);
}

TEST(bad_options_are_errors_and_leave_the_output_alone)
{
        hay_array *array = (void *)&array;
        struct hay_array_options options = { .type = HAY_INT, .length = 1 };
        ck_assert_int_eq(hay_array_new(NULL, &options), -EINVAL);
        ck_assert_int_eq(hay_array_new_sized(&array, NULL, 0), -EINVAL);
        options.type = (enum hay_type)99;
        ck_assert_int_eq(hay_array_new(&array, &options), -EINVAL);
        options = (struct hay_array_options){ .type = HAY_DOUBLE, .length = SIZE_MAX / 4 };
        ck_assert_int_eq(hay_array_new(&array, &options), -ENOMEM);
        options = (struct hay_array_options){ .type = HAY_CHAR, .length = SIZE_MAX - 8 };
        ck_assert_int_eq(hay_array_new(&array, &options), -ENOMEM);
        options.length = (size_t)1 << 50;
        ck_assert_int_eq(hay_array_new(&array, &options), -ENOMEM);
        ck_assert_ptr_eq(array, (void *)&array);
}

static int add_under_lock(void *arg)
{
        hay_array *array = arg;
        long *elements = hay_array_data(array);
        for (int i = 0; i < 5000; i++) {
                if (hay_rlock_acquire(hay_array_lock(array), HAY_FOREVER) != 0)
                        return 1;
                elements[i % 3]++;
                hay_rlock_release(hay_array_lock(array));
        }
        return 0;
}

TEST(processes_share_it_under_its_lock)
{
        hay_array *array = new_array((struct hay_array_options){ .type = HAY_LONG, .length = 3 });
        pid_t pids[4];
        for (int i = 0; i < 4; i++)
                pids[i] = kit_fork(add_under_lock, array);
        for (int i = 0; i < 4; i++)
                ck_assert_int_eq(kit_wait(pids[i]), 0);
        long *elements = hay_array_data(array);
        ck_assert_int_eq(elements[0] + elements[1] + elements[2], 20000);
        hay_array_free(array);
}

static int make_for_ever(void *arg)
{
        static char initial[3000];
        struct hay_array_options options = { .type = HAY_CHAR, .length = 3000, .initial = initial };
        (void)arg;
        for (;;) {
                hay_array *array;
                if (hay_array_new(&array, &options) == 0)
                        hay_array_free(array);
        }
        return 0;
}

/* Between its making and its end an array is its maker's, and stays when that dies: a few
 * instructions of some thousand. The next array is always made in the same place. */
TEST(kills_while_arrays_are_made_leave_only_what_the_dead_had)
{
        struct hay_audit before;
        struct hay_audit after;
        int left = 0;
        hay_array *place =
                new_array((struct hay_array_options){ .type = HAY_CHAR, .length = 3000 });
        hay_array_free(place);
        ck_assert_int_eq(hay_audit(&before), 0);
        srand48((long)kit_seed());
        for (int i = 0; i < 100; i++) {
                pid_t pid = kit_fork(make_for_ever, NULL);
                usleep((useconds_t)(300 + lrand48() % 700));
                kill(pid, SIGKILL);
                ck_assert_int_eq(kit_wait(pid), -SIGKILL);
                ck_assert_int_eq(hay_audit(&after), 0);
                ck_assert_uint_le(after.blocks - before.blocks, 1);
                if (after.blocks != before.blocks) {
                        ck_assert_uint_eq(hay_array_length(place), 3000);
                        hay_array_free(place);
                        left++;
                }
        }
        ck_assert_int_le(left, 20);
}

KIT_MAIN
