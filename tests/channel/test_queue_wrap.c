/* Counts and positions are 32 bits wide and run for ever: what happens where they wrap. */
#include "kit.h"

#include "channel/queue_ring.h"

/* A queue through which almost 2^32 messages, and as many units, seem to have gone. */
static hay_queue *old_queue(uint32_t count, uint32_t position, size_t max_messages)
{
        hay_queue *queue;
        struct hf_ring ring;
        struct hay_queue_options options = { .max_messages = max_messages };
        ck_assert_int_eq(hay_queue_new(&queue, &options), 0);
        ck_assert_int_eq(hf_ring_open(queue->put.segment, &ring), 0);
        uint64_t place = (uint64_t)count << 32 | position;
        ring.segment->base = position & ~ring.mask;
        queue->tail.place = place;
        queue->head.place = place;
        queue->put.seen = place;
        queue->get.side.seen = place;
        return queue;
}

static void push_through(hay_queue *queue, long messages, long depth)
{
        unsigned char bytes[700];
        unsigned char out[700];
        size_t size;
        for (long i = 0; i < messages + depth; i++) {
                if (i < messages) {
                        memset(bytes, (int)i, sizeof(bytes));
                        ck_assert_int_eq(
                                hay_queue_put(queue, bytes, (size_t)i * 13 % 700, HAY_NOWAIT), 0);
                }
                if (i < depth)
                        continue;
                ck_assert_int_eq(hay_queue_get(queue, out, sizeof(out), &size, HAY_NOWAIT), 0);
                ck_assert_uint_eq(size, (size_t)(i - depth) * 13 % 700);
                for (size_t k = 0; k < size; k++)
                        ck_assert_uint_eq(out[k], (unsigned char)(i - depth));
                ck_assert_int_eq(hay_queue_size(queue),
                                 i < messages ? depth : messages + depth - 1 - i);
        }
        ck_assert_int_eq(hay_queue_empty(queue), 1);
}

TEST(messages_pass_where_the_count_and_the_position_wrap)
{
        static const uint32_t starts[] = { 0xffffffff, 0xfffffff8, 0xffffff00, 0xfffff000 };
        for (int i = 0; i < 4; i++) {
                hay_queue *queue = old_queue(starts[i], starts[3 - i], 0);
                push_through(queue, 3000, 1);
                hay_queue_free(queue);
        }
}

TEST(a_chain_of_rings_grows_and_is_drained_over_the_wrap)
{
        hay_queue *queue = old_queue(0xffffffc0, 0xfffffff0, 0);
        push_through(queue, 5000, 3000);
        push_through(queue, 5000, 5);
        hay_queue_free(queue);
}

TEST(a_bound_holds_over_the_wrap)
{
        hay_queue *queue = old_queue(0xfffffffe, 0xfffffffe, 4);
        for (int i = 0; i < 4; i++)
                ck_assert_int_eq(hay_queue_put(queue, "x", 1, HAY_NOWAIT), 0);
        ck_assert_int_eq(hay_queue_full(queue), 1);
        ck_assert_int_eq(hay_queue_put(queue, "x", 1, HAY_NOWAIT), -ETIMEDOUT);
        ck_assert_int_eq(hay_queue_size(queue), 4);
        hay_queue_free(queue);
}

/* 16 GiB of rings at once are more than a position can tell apart. */
TEST(a_backlog_beyond_what_positions_can_tell_apart_is_refused)
{
        hay_queue *queue = old_queue(7, 0, 0);
        struct hf_ring ring;
        ck_assert_int_eq(hf_ring_open(queue->put.segment, &ring), 0);
        for (int i = 0; i < 128; i++)
                ck_assert_int_eq(hay_queue_put(queue, "12345678", 8, HAY_NOWAIT), 0);
        queue->head.place -= 0x7fff0000u;
        ck_assert_int_eq(hay_queue_put(queue, "12345678", 8, HAY_NOWAIT), -ENOMEM);
        queue->head.place += 0x7fff0000u;
        ck_assert_int_eq(hay_queue_put(queue, "12345678", 8, HAY_NOWAIT), 0);
        for (int i = 0; i < 129; i++) {
                char bytes[8];
                ck_assert_int_eq(hay_queue_get(queue, bytes, 8, NULL, HAY_NOWAIT), 0);
        }
        hay_queue_free(queue);
}

KIT_MAIN
