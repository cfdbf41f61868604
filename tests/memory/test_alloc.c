#include "kit.h"

#include "memory/unit.h"

#include <errno.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* Check writes down every assertion: too much for one a byte. */
static bool is_filled(const unsigned char *bytes, size_t size, size_t step, unsigned char value)
{
        for (size_t i = 0; i < size; i += step)
                if (bytes[i] != value)
                        return false;
        return true;
}

TEST(a_new_block_is_zeroed_shared_and_aligned)
{
        static const size_t sizes[] = { 0,    1,    16,    17,    63,    64,    100,     1000,
                                        4096, 5000, 16384, 16385, 65536, 65537, 1 << 20, 5 << 20 };
        for (int round = 0; round < 2; round++) {
                unsigned char *blocks[16];
                for (int i = 0; i < 16; i++) {
                        blocks[i] = hay_alloc(sizes[i], 0);
                        ck_assert_ptr_nonnull(blocks[i]);
                        ck_assert(hay_is_shared(blocks[i]));
                        size_t usable = hay_block_size(blocks[i]);
                        ck_assert_uint_ge(usable, sizes[i]);
                        ck_assert_uint_eq((uintptr_t)blocks[i] % (sizes[i] >= 64 ? 64 : 16), 0);
                        ck_assert(is_filled(blocks[i], usable, 1, 0));
                        memset(blocks[i], 0xa5, usable);
                }
                for (int i = 0; i < 16; i++)
                        ck_assert_ptr_null(hay_free(blocks[i]));
        }
}

TEST(a_block_has_the_alignment_that_was_asked_for)
{
        for (size_t alignment = 1; alignment <= (size_t)64 << 20; alignment *= 2) {
                void *small = hay_alloc(24, alignment);
                void *large = hay_alloc(100000, alignment);
                ck_assert_ptr_nonnull(small);
                ck_assert_ptr_nonnull(large);
                ck_assert_uint_eq((uintptr_t)small % alignment, 0);
                ck_assert_uint_eq((uintptr_t)large % alignment, 0);
                ck_assert_int_eq(hay_audit(NULL), 0);
                hay_free(small);
                hay_free(large);
        }
        errno = 0;
        ck_assert_ptr_null(hay_alloc(16, 24));
        ck_assert_int_eq(errno, EINVAL);
}

TEST(what_is_no_live_block_is_not_freed)
{
        char *block = hay_alloc(100, 0);
        char *large = hay_alloc(200000, 0);
        int local;
        ck_assert_ptr_null(hay_free(NULL));
        void *wrong[] = { &local, block + 8, block + 128, large + 16, large + 65536 };
        for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
                errno = 0;
                ck_assert_ptr_eq(hay_free(wrong[i]), wrong[i]);
                ck_assert_int_eq(errno, EINVAL);
                ck_assert_uint_eq(hay_block_size(wrong[i]), 0);
        }
        ck_assert_ptr_null(hay_free(block));
        ck_assert_ptr_eq(hay_free(block), block);
        ck_assert_ptr_null(hay_free(large));
        ck_assert_ptr_eq(hay_free(large), large);
        ck_assert_uint_eq(hay_block_size(NULL), 0);
        ck_assert(!hay_is_shared(&local));
        ck_assert(!hay_is_shared(NULL));
}

TEST(an_array_that_overflows_is_refused)
{
        errno = 0;
        ck_assert_ptr_null(hay_alloc_array(SIZE_MAX / 4, 8, 0));
        ck_assert_int_eq(errno, ENOMEM);
        errno = 0;
        ck_assert_ptr_null(hay_alloc(SIZE_MAX - 100, 0));
        ck_assert_int_eq(errno, ENOMEM);
        double *grid = hay_new_array(double, 1000);
        ck_assert_ptr_nonnull(grid);
        hay_free(grid);
}

struct held {
        unsigned char *bytes;
        size_t size;
        unsigned char mark;
};

/* A random mix of sizes, checked for overlap by their content; everything is free in the end. */
TEST(a_random_mix_of_blocks_adds_up)
{
        srand48((long)kit_seed());
        struct hay_audit before;
        struct hay_audit after;
        ck_assert_int_eq(hay_audit(&before), 0);
        static struct held held[500];
        for (int step = 0; step < 30000; step++) {
                struct held *one = &held[lrand48() % 500];
                if (one->bytes) {
                        ck_assert(is_filled(one->bytes, one->size, 37, one->mark));
                        ck_assert_ptr_null(hay_free(one->bytes));
                        one->bytes = NULL;
                        continue;
                }
                one->size = (size_t)1 << lrand48() % 21;
                one->size += (size_t)lrand48() % one->size;
                one->bytes = hay_alloc(one->size, lrand48() % 8 ? 0 : (size_t)1 << lrand48() % 20);
                ck_assert_msg(one->bytes != NULL, "%zu bytes: %s", one->size, strerror(errno));
                one->mark = (unsigned char)step;
                ck_assert(is_filled(one->bytes, one->size, 1, 0));
                memset(one->bytes, one->mark, one->size);
                if (step % 1000 == 0)
                        ck_assert_int_eq(hay_audit(NULL), 0);
        }
        for (int i = 0; i < 500; i++)
                if (held[i].bytes)
                        hay_free(held[i].bytes);
        ck_assert_int_eq(hay_audit(&after), 0);
        ck_assert_uint_eq(after.blocks, before.blocks);
        ck_assert_uint_eq(after.used, before.used);
        ck_assert_uint_lt(after.free_warm, (size_t)64 << 20);
}

static int free_it(void *arg)
{
        void *volatile *place = arg;
        ck_assert_int_eq(*(int *)*place, 42);
        return hay_free(*place) != NULL;
}

TEST(a_block_is_freed_by_another_process_at_the_same_address)
{
        int *block = hay_new(int);
        *block = 42;
        void *place = block;
        ck_assert_int_eq(kit_wait(kit_fork(free_it, &place)), 0);
        ck_assert_uint_eq(hay_block_size(block), 0);
}

static int alloc_and_free(void *arg)
{
        (void)arg;
        void *blocks[64] = { 0 };
        srand48(getpid());
        for (int i = 0; i < 20000; i++) {
                void **one = &blocks[lrand48() % 64];
                if (*one)
                        *one = hay_free(*one);
                else
                        *one = hay_alloc((size_t)1 << lrand48() % 18, 0);
        }
        for (int i = 0; i < 64; i++)
                if (hay_free(blocks[i]))
                        return 1;
        return 0;
}

TEST(many_processes_allocate_at_once)
{
        struct hay_audit before;
        struct hay_audit after;
        pid_t pids[6];
        ck_assert_int_eq(hay_audit(&before), 0);
        for (int i = 0; i < 6; i++)
                pids[i] = kit_fork(alloc_and_free, NULL);
        for (int i = 0; i < 6; i++)
                ck_assert_int_eq(kit_wait(pids[i]), 0);
        ck_assert_int_eq(hay_audit(&after), 0);
        ck_assert_uint_eq(after.used, before.used);
        ck_assert_uint_eq(after.dead_members, 0);
        ck_assert_uint_eq(after.members, 1);
}

static int alloc_for_ever(void *arg)
{
        (void)arg;
        while (alloc_and_free(NULL) == 0)
                continue;
        return 1;
}

TEST(the_heap_adds_up_after_kills_in_the_middle)
{
        kit_may_keep_blocks();
        srand48((long)kit_seed());
        for (int round = 0; round < 100; round++) {
                pid_t pid = kit_fork(alloc_for_ever, NULL);
                kit_sleep_ms(1 + lrand48() % 10);
                kill(pid, SIGKILL);
                ck_assert_int_eq(kit_wait(pid), -SIGKILL);
                void *block = hay_alloc(5000, 0);
                ck_assert_ptr_nonnull(block);
                hay_free(block);
                ck_assert_int_eq(hay_audit(NULL), 0);
        }
}

/* As if a killed one had left it so, and nobody had repaired it. */
TEST(a_count_or_a_list_that_is_stale_is_found)
{
        struct hf_heap heap = hf_heap_here();
        void *block = hay_alloc(100, 0);
        uint64_t index = (hf_offset_of(block) - heap.base) / HF_UNIT_SIZE;
        ck_assert_int_eq(hay_audit(NULL), 0);
        heap.units[index].live++;
        ck_assert_int_eq(hay_audit(NULL), -EUCLEAN);
        /* It has been counted again. */
        ck_assert_int_eq(hay_audit(NULL), 0);
        uint32_t *list = &heap.root->partial[hf_span_class(heap.units[index].word)];
        ck_assert_uint_ne(*list, 0);
        *list = 0;
        ck_assert_int_eq(hay_audit(NULL), -EUCLEAN);
        ck_assert_int_eq(hay_audit(NULL), 0);
        hay_free(block);
        ck_assert_int_eq(hay_audit(NULL), 0);
}

KIT_MAIN
