#include "kit.h"

#include "base/atomic.h"

TEST(a_swap_happens_only_when_the_word_is_as_expected)
{
        uint64_t word = 5;
        ck_assert(!atomic_cas(&word, 4, 9));
        ck_assert_uint_eq(word, 5);
        ck_assert(atomic_cas(&word, 5, 9));
        ck_assert_uint_eq(word, 9);
}

TEST(arithmetic_tells_what_the_word_was_before)
{
        uint32_t word = 6;
        ck_assert_uint_eq(atomic_add(&word, 2), 6);
        ck_assert_uint_eq(atomic_or(&word, 1), 8);
        ck_assert_uint_eq(atomic_and(&word, 1), 9);
        ck_assert_uint_eq(atomic_swap(&word, 77), 1);
        ck_assert_uint_eq(atomic_load_full(&word), 77);
}

static int add_in_child(void *arg)
{
        for (int i = 0; i < 20000; i++)
                atomic_add((uint64_t *)arg, 1);
        return 0;
}

TEST(two_processes_add_without_losing_any)
{
        uint64_t *word = hay_new(uint64_t);
        pid_t pid = kit_fork(add_in_child, word);
        add_in_child(word);
        ck_assert_int_eq(kit_wait(pid), 0);
        ck_assert_uint_eq(atomic_load_acquire(word), 40000);
        hay_free(word);
}

KIT_MAIN
