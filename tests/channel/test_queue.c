/* One process: order, sizes, bounds, errors. */
#include "kit.h"

static hay_queue *new_queue(size_t max_messages)
{
        hay_queue *queue;
        ck_assert_int_eq(
                hay_queue_new(&queue, &(struct hay_queue_options){ .max_messages = max_messages }),
                0);
        return queue;
}

static size_t used(void)
{
        struct hay_audit audit;
        ck_assert_int_eq(hay_audit(&audit), 0);
        return audit.used;
}

static void fill(unsigned char *bytes, size_t size, unsigned seed)
{
        for (size_t i = 0; i < size; i++)
                bytes[i] = (unsigned char)(seed + i * 31 + (i >> 8));
}

static void put_number(hay_queue *queue, long number)
{
        ck_assert_int_eq(hay_queue_put(queue, &number, sizeof(number), HAY_FOREVER), 0);
}

static long get_number(hay_queue *queue)
{
        long number = -1;
        size_t size = 0;
        ck_assert_int_eq(hay_queue_get(queue, &number, sizeof(number), &size, HAY_NOWAIT), 0);
        ck_assert_uint_eq(size, sizeof(number));
        return number;
}

TEST(a_new_queue_is_empty_and_small)
{
        size_t before = used();
        hay_queue *queue = new_queue(0);
        ck_assert_int_eq(hay_queue_size(queue), 0);
        ck_assert_int_eq(hay_queue_empty(queue), 1);
        ck_assert_int_eq(hay_queue_full(queue), 0);
        ck_assert_uint_eq(hay_queue_lost(queue), 0);
        ck_assert_uint_lt(used() - before, 8192);
        ck_assert_ptr_null(hay_queue_free(queue));
        ck_assert_uint_eq(used(), before);
}

TEST(messages_come_out_in_order)
{
        hay_queue *queue = new_queue(0);
        for (long i = 0; i < 10000; i++)
                put_number(queue, i);
        ck_assert_int_eq(hay_queue_size(queue), 10000);
        for (long i = 0; i < 10000; i++)
                ck_assert_int_eq(get_number(queue), i);
        ck_assert_int_eq(hay_queue_empty(queue), 1);
        hay_queue_free(queue);
}

static void check_round_trip(hay_queue *queue, size_t size)
{
        unsigned char *in = malloc(size + 1);
        unsigned char *out = malloc(size + 1);
        size_t got = SIZE_MAX;
        fill(in, size, (unsigned)size);
        memset(out, 0, size);
        out[size] = 0xa5;
        ck_assert_int_eq(hay_queue_put(queue, in, size, HAY_NOWAIT), 0);
        ck_assert_int_eq(hay_queue_get(queue, out, size, &got, HAY_NOWAIT), 0);
        ck_assert_uint_eq(got, size);
        ck_assert_int_eq(memcmp(in, out, size), 0);
        ck_assert_uint_eq(out[size], 0xa5);
        free(in);
        free(out);
}

TEST(messages_of_every_size_round_each_boundary_come_out_whole)
{
        static const size_t edges[] = { 0,    8,    16,   64,    128,   256,   1000,   1016,   1024,
                                        2040, 2048, 4096, 16384, 16392, 65536, 131072, 1048576 };
        hay_queue *queue = new_queue(0);
        size_t before = used();
        for (size_t i = 0; i < sizeof(edges) / sizeof(*edges); i++)
                for (long d = -9; d <= 9; d++)
                        if ((long)edges[i] + d >= 0)
                                check_round_trip(queue, (size_t)((long)edges[i] + d));
        ck_assert_uint_le(used(), before + 8192);
        hay_queue_free(queue);
}

TEST(a_message_of_16_mib_comes_out_whole)
{
        hay_queue *queue = new_queue(1);
        check_round_trip(queue, (size_t)16 << 20);
        hay_queue_free(queue);
}

TEST(random_sizes_and_depths_keep_order_and_content)
{
        unsigned seed = (unsigned)kit_seed();
        size_t before = used();
        hay_queue *queue = new_queue(0);
        size_t sizes[512];
        unsigned first = 0;
        unsigned last = 0;
        unsigned char bytes[3000];
        unsigned char out[3000];
        for (int step = 0; step < 200000; step++) {
                unsigned dice = (unsigned)rand_r(&seed);
                bool deep = step / 5000 % 2;
                if (last - first < 512 && (last == first || dice % 16 < (deep ? 9u : 7u))) {
                        size_t most = dice >> 4 & 15 ? 80 : dice >> 8 & 3 ? 1100 : sizeof(bytes);
                        size_t size = (size_t)rand_r(&seed) % most;
                        fill(bytes, size, last);
                        ck_assert_int_eq(hay_queue_put(queue, bytes, size, HAY_NOWAIT), 0);
                        sizes[last++ % 512] = size;
                } else {
                        size_t got;
                        ck_assert_int_eq(hay_queue_get(queue, out, sizeof(out), &got, HAY_NOWAIT),
                                         0);
                        ck_assert_uint_eq(got, sizes[first % 512]);
                        fill(bytes, got, first++);
                        ck_assert_int_eq(memcmp(out, bytes, got), 0);
                }
                ck_assert_int_eq(hay_queue_size(queue), last - first);
        }
        hay_queue_free(queue);
        ck_assert_uint_eq(used(), before);
}

TEST(get_times_out_on_an_empty_queue)
{
        hay_queue *queue = new_queue(0);
        char byte;
        size_t size = 77;
        ck_assert_int_eq(hay_queue_get(queue, &byte, 1, &size, HAY_NOWAIT), -ETIMEDOUT);
        hay_time begun = hay_now();
        ck_assert_int_eq(hay_queue_get(queue, &byte, 1, &size, hay_in_ms(60)), -ETIMEDOUT);
        ck_assert_int_ge(hay_now() - begun, 60 * 1000000);
        ck_assert_uint_eq(size, 77);
        struct hay_part part = { &byte, 1 };
        ck_assert_int_eq(hay_queue_get_many(queue, &part, 1, hay_in_ms(20)), -ETIMEDOUT);
        struct hay_message message;
        ck_assert_int_eq(hay_queue_take(queue, &message, hay_in_ms(20)), -ETIMEDOUT);
        hay_queue_free(queue);
}

TEST(a_short_buffer_names_the_size_and_loses_nothing)
{
        static const size_t sizes[] = { 9, 1000, 5000 };
        hay_queue *queue = new_queue(0);
        for (int i = 0; i < 3; i++) {
                unsigned char in[5000];
                unsigned char out[5000];
                size_t got = 0;
                fill(in, sizes[i], 3);
                ck_assert_int_eq(hay_queue_put(queue, in, sizes[i], HAY_FOREVER), 0);
                ck_assert_int_eq(hay_queue_get(queue, out, sizes[i] - 1, &got, HAY_NOWAIT),
                                 -EMSGSIZE);
                ck_assert_uint_eq(got, sizes[i]);
                ck_assert_int_eq(hay_queue_get(queue, NULL, 0, NULL, HAY_NOWAIT), -EMSGSIZE);
                ck_assert_int_eq(hay_queue_size(queue), 1);
                ck_assert_int_eq(hay_queue_get(queue, out, sizes[i], NULL, HAY_NOWAIT), 0);
                ck_assert_int_eq(memcmp(in, out, sizes[i]), 0);
        }
        ck_assert_uint_eq(hay_queue_lost(queue), 0);
        hay_queue_free(queue);
}

TEST(a_bounded_queue_is_full_at_its_bound)
{
        hay_queue *queue = new_queue(3);
        for (long i = 0; i < 3; i++) {
                ck_assert_int_eq(hay_queue_full(queue), 0);
                put_number(queue, i);
        }
        ck_assert_int_eq(hay_queue_full(queue), 1);
        ck_assert_int_eq(hay_queue_put(queue, "x", 1, HAY_NOWAIT), -ETIMEDOUT);
        ck_assert_int_eq(hay_queue_put(queue, "x", 1, hay_in_ms(30)), -ETIMEDOUT);
        char large[3000] = { 0 };
        ck_assert_int_eq(hay_queue_put(queue, large, sizeof(large), HAY_NOWAIT), -ETIMEDOUT);
        ck_assert_int_eq(get_number(queue), 0);
        put_number(queue, 3);
        for (long i = 1; i <= 3; i++)
                ck_assert_int_eq(get_number(queue), i);
        hay_queue_free(queue);
}

TEST(put_many_and_get_many_move_as_many_as_fit)
{
        hay_queue *queue = new_queue(5);
        long numbers[8] = { 0, 1, 2, 3, 4, 5, 6, 7 };
        struct hay_part parts[8];
        for (int i = 0; i < 8; i++)
                parts[i] = (struct hay_part){ &numbers[i], sizeof(numbers[i]) };
        ck_assert_int_eq(hay_queue_put_many(queue, parts, 8, hay_in_ms(20)), 5);
        ck_assert_int_eq(hay_queue_put_many(queue, parts, 8, HAY_NOWAIT), -ETIMEDOUT);
        ck_assert_int_eq(hay_queue_put_many(queue, parts, 0, HAY_NOWAIT), 0);
        memset(numbers, 0xff, sizeof(numbers));
        ck_assert_int_eq(hay_queue_get_many(queue, parts, 0, HAY_NOWAIT), 0);
        ck_assert_int_eq(hay_queue_get_many(queue, parts, 3, HAY_NOWAIT), 3);
        ck_assert_int_eq(hay_queue_get_many(queue, parts + 3, 5, HAY_NOWAIT), 2);
        for (long i = 0; i < 5; i++) {
                ck_assert_int_eq(numbers[i], i);
                ck_assert_uint_eq(parts[i].size, sizeof(long));
        }
        ck_assert_int_eq(hay_queue_get_many(queue, parts, 8, HAY_NOWAIT), -ETIMEDOUT);
        hay_queue_free(queue);
}

TEST(get_many_stops_before_a_message_that_does_not_fit)
{
        hay_queue *queue = new_queue(0);
        char large[2000] = { 1 };
        char first[8];
        char second[1500];
        struct hay_part parts[2] = { { first, sizeof(first) }, { second, sizeof(second) } };
        put_number(queue, 7);
        ck_assert_int_eq(hay_queue_put(queue, large, sizeof(large), HAY_FOREVER), 0);
        ck_assert_int_eq(hay_queue_get_many(queue, parts, 2, HAY_NOWAIT), 1);
        ck_assert_uint_eq(parts[1].size, sizeof(second));
        parts[0] = parts[1];
        ck_assert_int_eq(hay_queue_get_many(queue, parts, 1, HAY_NOWAIT), -EMSGSIZE);
        ck_assert_uint_eq(parts[0].size, sizeof(large));
        ck_assert_int_eq(hay_queue_size(queue), 1);
        hay_queue_free(queue);
}

TEST(put_many_and_get_many_mix_small_and_large_messages)
{
        hay_queue *queue = new_queue(0);
        enum { COUNT = 300 };
        static unsigned char in[COUNT][1600];
        static unsigned char out[COUNT][1600];
        struct hay_part parts[COUNT];
        for (unsigned i = 0; i < COUNT; i++) {
                size_t size = i * 37 % 1600;
                fill(in[i], size, i);
                parts[i] = (struct hay_part){ in[i], size };
        }
        ck_assert_int_eq(hay_queue_put_many(queue, parts, COUNT, HAY_FOREVER), COUNT);
        for (unsigned i = 0; i < COUNT; i++)
                parts[i] = (struct hay_part){ out[i], 1600 };
        ck_assert_int_eq(hay_queue_get_many(queue, parts, COUNT, HAY_FOREVER), COUNT);
        for (unsigned i = 0; i < COUNT; i++) {
                ck_assert_uint_eq(parts[i].size, i * 37 % 1600);
                ck_assert_int_eq(memcmp(in[i], out[i], parts[i].size), 0);
        }
        hay_queue_free(queue);
}

TEST(a_burst_gives_its_memory_back_when_it_is_drained)
{
        hay_queue *queue = new_queue(0);
        char bytes[1500] = { 0 };
        size_t before = used();
        for (int i = 0; i < 50000; i++)
                ck_assert_int_eq(hay_queue_put(queue, bytes, i % 7 ? 100 : 1500, HAY_FOREVER), 0);
        ck_assert_uint_gt(used() - before, 5000000);
        for (int i = 0; i < 50000; i++)
                ck_assert_int_eq(hay_queue_get(queue, bytes, 1500, NULL, HAY_NOWAIT), 0);
        ck_assert_uint_lt(used() - before, 2u << 20);
        /* Who then waits gives back the last, large ring too. */
        ck_assert_int_eq(hay_queue_get(queue, bytes, 1500, NULL, hay_in_ms(600)), -ETIMEDOUT);
        ck_assert_uint_lt(used() - before, 8192);
        put_number(queue, 5);
        ck_assert_int_eq(get_number(queue), 5);
        hay_queue_free(queue);
}

TEST(a_closed_queue_is_drained_and_then_ends)
{
        hay_queue *queue = new_queue(0);
        long number;
        struct hay_part part = { &number, sizeof(number) };
        struct hay_message message;
        char large[3000] = { 0 };
        put_number(queue, 1);
        put_number(queue, 2);
        ck_assert_int_eq(hay_queue_close(queue), 0);
        ck_assert_int_eq(hay_queue_close(queue), 0);
        ck_assert_int_eq(hay_queue_put(queue, &number, sizeof(number), HAY_FOREVER), -EPIPE);
        ck_assert_int_eq(hay_queue_put(queue, large, sizeof(large), HAY_FOREVER), -EPIPE);
        ck_assert_int_eq(hay_queue_put_many(queue, &part, 1, HAY_FOREVER), -EPIPE);
        ck_assert_int_eq(get_number(queue), 1);
        ck_assert_int_eq(get_number(queue), 2);
        ck_assert_int_eq(hay_queue_get(queue, &number, sizeof(number), NULL, HAY_FOREVER), -EPIPE);
        ck_assert_int_eq(hay_queue_get_many(queue, &part, 1, HAY_FOREVER), -EPIPE);
        ck_assert_int_eq(hay_queue_take(queue, &message, HAY_FOREVER), -EPIPE);
        hay_queue_free(queue);
}

TEST(free_takes_what_is_in_the_queue)
{
        size_t before = used();
        char large[100000] = { 0 };
        for (int n = 0; n < 3; n++) {
                hay_queue *queue = new_queue(0);
                for (int i = 0; i < 3000; i++)
                        put_number(queue, i);
                for (int i = 0; i < 20; i++)
                        ck_assert_int_eq(hay_queue_put(queue, large, sizeof(large), 0), 0);
                struct hay_message message;
                ck_assert_int_eq(hay_queue_take(queue, &message, HAY_NOWAIT), 0);
                hay_queue_free(queue);
        }
        ck_assert_uint_eq(used(), before);
}

TEST(bad_arguments_are_refused)
{
        hay_queue *queue = new_queue(0);
        hay_queue *none = NULL;
        struct hay_queue_options too_many = { .max_messages = 0x80000001ul };
        struct hay_part part = { NULL, 4 };
        char byte = 0;
        ck_assert_int_eq(hay_queue_new(NULL, NULL), -EINVAL);
        ck_assert_int_eq(hay_queue_new(&none, &too_many), -EINVAL);
        ck_assert_ptr_null(none);
        ck_assert_ptr_null(hay_queue_free(NULL));
        ck_assert_int_eq(hay_queue_put(NULL, &byte, 1, HAY_NOWAIT), -EINVAL);
        ck_assert_int_eq(hay_queue_put(queue, NULL, 1, HAY_NOWAIT), -EINVAL);
        ck_assert_int_eq(hay_queue_get(NULL, &byte, 1, NULL, HAY_NOWAIT), -EINVAL);
        ck_assert_int_eq(hay_queue_get(queue, NULL, 1, NULL, HAY_NOWAIT), -EINVAL);
        ck_assert_int_eq(hay_queue_put_many(NULL, &part, 1, HAY_NOWAIT), -EINVAL);
        ck_assert_int_eq(hay_queue_put_many(queue, NULL, 1, HAY_NOWAIT), -EINVAL);
        ck_assert_int_eq(hay_queue_put_many(queue, &part, 1, HAY_NOWAIT), -EINVAL);
        ck_assert_int_eq(hay_queue_get_many(NULL, &part, 1, HAY_NOWAIT), -EINVAL);
        ck_assert_int_eq(hay_queue_get_many(queue, NULL, 1, HAY_NOWAIT), -EINVAL);
        ck_assert_int_eq(hay_queue_get_many(queue, &part, 1, HAY_NOWAIT), -EINVAL);
        ck_assert_int_eq(hay_queue_size(NULL), -EINVAL);
        ck_assert_int_eq(hay_queue_empty(NULL), -EINVAL);
        ck_assert_int_eq(hay_queue_full(NULL), -EINVAL);
        ck_assert_int_eq(hay_queue_close(NULL), -EINVAL);
        ck_assert_uint_eq(hay_queue_lost(NULL), 0);
        ck_assert_int_eq(hay_queue_put(queue, &byte, SIZE_MAX / 2, HAY_NOWAIT), -EMSGSIZE);
        ck_assert_int_eq(hay_queue_size(queue), 0);
        hay_queue_free(queue);
}

TEST(what_is_no_queue_is_refused)
{
        long on_stack[64] = { 0 };
        char *block = hay_alloc(4096, 64);
        char byte;
        ck_assert_int_eq(hay_queue_size((hay_queue *)(void *)on_stack), -EINVAL);
        ck_assert_int_eq(hay_queue_size((hay_queue *)(void *)block), -EINVAL);
        ck_assert_int_eq(hay_queue_size((hay_queue *)(void *)(block + 1)), -EINVAL);
        ck_assert_int_eq(hay_queue_get((hay_queue *)(void *)block, &byte, 1, NULL, HAY_FOREVER),
                         -EINVAL);
        ck_assert_ptr_null(hay_queue_free((hay_queue *)(void *)block));
        ck_assert_ptr_null(hay_free(block));
}

KIT_MAIN
