/* Many processes: order for each producer, every message once, sleepers woken, bounds kept. */
#include "kit.h"

#define MOST 8

struct talk {
        hay_queue *queue;
        long messages; /* of each producer */
        size_t largest;
        int batch;
        int producers;
        uint64_t received[MOST]; /* by each consumer */
        uint64_t sums[MOST];
};

struct part_of {
        struct talk *talk;
        int index;
};

/* A message: who, which one, then bytes that follow from these. */
struct head {
        int who;
        unsigned which;
};

static size_t size_of(const struct talk *talk, struct head head)
{
        return sizeof(head) + (head.which * 7919u + (unsigned)head.who) % (talk->largest + 1);
}

static void write_message(const struct talk *talk, struct head head, unsigned char *bytes)
{
        size_t size = size_of(talk, head);
        memcpy(bytes, &head, sizeof(head));
        for (size_t i = sizeof(head); i < size; i++)
                bytes[i] = (unsigned char)(head.which + i);
}

static bool is_right(const struct talk *talk, const unsigned char *bytes, size_t size)
{
        struct head head;
        memcpy(&head, bytes, sizeof(head));
        if (size != size_of(talk, head))
                return false;
        for (size_t i = sizeof(head); i < size; i++)
                if (bytes[i] != (unsigned char)(head.which + i))
                        return false;
        return true;
}

static int produce(void *arg)
{
        struct part_of *mine = arg;
        struct talk *talk = mine->talk;
        size_t room = talk->largest + sizeof(struct head);
        unsigned char *bytes = malloc(room * (size_t)talk->batch);
        struct hay_part parts[64];
        for (long i = 0; i < talk->messages;) {
                int n = 0;
                for (; n < talk->batch && i < talk->messages; n++, i++) {
                        struct head head = { mine->index, (unsigned)i };
                        parts[n] =
                                (struct hay_part){ bytes + (size_t)n * room, size_of(talk, head) };
                        write_message(talk, head, parts[n].data);
                }
                if (n == 1 ? hay_queue_put(talk->queue, parts[0].data, parts[0].size, HAY_FOREVER)
                           : hay_queue_put_many(talk->queue, parts, (size_t)n, HAY_FOREVER) != n)
                        return 1;
        }
        return 0;
}

/* Reads until the queue is closed and empty. */
static int consume(void *arg)
{
        struct part_of *mine = arg;
        struct talk *talk = mine->talk;
        size_t room = talk->largest + sizeof(struct head);
        unsigned char *bytes = malloc(room * (size_t)talk->batch);
        long next[MOST] = { 0 };
        for (;;) {
                struct hay_part parts[64];
                for (int i = 0; i < talk->batch; i++)
                        parts[i] = (struct hay_part){ bytes + (size_t)i * room, room };
                ssize_t n = hay_queue_get_many(talk->queue, parts, (size_t)talk->batch,
                                               hay_in_ms(20000));
                if (n < 0)
                        return n == -EPIPE ? 0 : 2;
                for (ssize_t i = 0; i < n; i++) {
                        struct head head;
                        memcpy(&head, parts[i].data, sizeof(head));
                        if (!is_right(talk, parts[i].data, parts[i].size))
                                return 3;
                        if (head.which < next[head.who])
                                return 4;
                        next[head.who] = (long)head.which + 1;
                        talk->received[mine->index]++;
                        talk->sums[mine->index] += head.which;
                }
        }
}

static void check_talk(int producers, int consumers, long messages, size_t largest, int batch,
                       size_t bound)
{
        struct talk *talk = hay_new(struct talk);
        struct part_of parts[2 * MOST];
        pid_t pids[2 * MOST];
        *talk = (struct talk){ .messages = messages, .largest = largest, .batch = batch };
        ck_assert_int_eq(
                hay_queue_new(&talk->queue, &(struct hay_queue_options){ .max_messages = bound }),
                0);
        for (int i = 0; i < producers + consumers; i++) {
                bool makes = i < producers;
                parts[i] = (struct part_of){ talk, makes ? i : i - producers };
                pids[i] = kit_fork(makes ? produce : consume, &parts[i]);
        }
        for (int i = 0; i < producers; i++)
                ck_assert_int_eq(kit_wait(pids[i]), 0);
        ck_assert_int_eq(hay_queue_close(talk->queue), 0);
        uint64_t received = 0;
        uint64_t sum = 0;
        for (int i = 0; i < consumers; i++) {
                ck_assert_int_eq(kit_wait(pids[producers + i]), 0);
                received += talk->received[i];
                sum += talk->sums[i];
        }
        uint64_t all = (uint64_t)messages;
        ck_assert_uint_eq(received, all * (unsigned)producers);
        ck_assert_uint_eq(sum, all * (all - 1) / 2 * (unsigned)producers);
        ck_assert_int_eq(hay_queue_empty(talk->queue), 1);
        ck_assert_uint_eq(hay_queue_lost(talk->queue), 0);
        hay_queue_free(talk->queue);
        hay_free(talk);
}

TEST(one_to_one_keeps_order_and_content)
{
        check_talk(1, 1, 200000, 24, 1, 0);
}

TEST(one_to_one_with_small_and_large_messages)
{
        check_talk(1, 1, 20000, 3000, 1, 0);
}

TEST(one_to_one_in_batches)
{
        check_talk(1, 1, 300000, 100, 64, 0);
}

TEST(one_to_one_through_a_bound_of_one)
{
        check_talk(1, 1, 5000, 8, 1, 1);
}

TEST(three_to_three_keep_the_order_of_each_producer)
{
        check_talk(3, 3, 50000, 40, 1, 0);
}

TEST(three_to_two_in_batches_of_mixed_sizes_through_a_bound)
{
        check_talk(3, 2, 20000, 1500, 16, 40);
}

TEST(four_to_one_and_one_to_four)
{
        check_talk(4, 1, 20000, 30, 1, 0);
        check_talk(1, 4, 60000, 30, 1, 0);
}

static int put_after_a_while(void *arg)
{
        kit_sleep_ms(150);
        return hay_queue_put(arg, "late", 4, HAY_FOREVER);
}

TEST(a_sleeping_getter_is_woken_by_a_put)
{
        hay_queue *queue;
        char text[8] = { 0 };
        size_t size;
        ck_assert_int_eq(hay_queue_new(&queue, NULL), 0);
        pid_t pid = kit_fork(put_after_a_while, queue);
        hay_time begun = hay_now();
        ck_assert_int_eq(hay_queue_get(queue, text, sizeof(text), &size, HAY_FOREVER), 0);
        ck_assert_int_ge(hay_now() - begun, 100 * 1000000);
        ck_assert_str_eq(text, "late");
        ck_assert_int_eq(kit_wait(pid), 0);
        hay_queue_free(queue);
}

static int get_after_a_while(void *arg)
{
        char byte;
        kit_sleep_ms(150);
        return hay_queue_get(arg, &byte, 1, NULL, HAY_FOREVER);
}

TEST(a_sleeping_putter_is_woken_by_a_get)
{
        hay_queue *queue;
        ck_assert_int_eq(hay_queue_new(&queue, &(struct hay_queue_options){ .max_messages = 1 }),
                         0);
        ck_assert_int_eq(hay_queue_put(queue, "a", 1, HAY_NOWAIT), 0);
        pid_t pid = kit_fork(get_after_a_while, queue);
        hay_time begun = hay_now();
        ck_assert_int_eq(hay_queue_put(queue, "b", 1, HAY_FOREVER), 0);
        ck_assert_int_ge(hay_now() - begun, 100 * 1000000);
        ck_assert_int_eq(kit_wait(pid), 0);
        ck_assert_int_eq(hay_queue_size(queue), 1);
        hay_queue_free(queue);
}

static int get_until_closed(void *arg)
{
        char byte;
        return hay_queue_get(arg, &byte, 1, NULL, HAY_FOREVER) == -EPIPE ? 0 : 1;
}

static int put_until_closed(void *arg)
{
        return hay_queue_put(arg, "x", 1, HAY_FOREVER) == -EPIPE ? 0 : 1;
}

TEST(close_wakes_all_who_sleep)
{
        hay_queue *empty;
        hay_queue *full;
        pid_t pids[8];
        ck_assert_int_eq(hay_queue_new(&empty, NULL), 0);
        ck_assert_int_eq(hay_queue_new(&full, &(struct hay_queue_options){ .max_messages = 1 }), 0);
        ck_assert_int_eq(hay_queue_put(full, "x", 1, HAY_NOWAIT), 0);
        for (int i = 0; i < 8; i++)
                pids[i] = i < 4 ? kit_fork(get_until_closed, empty)
                                : kit_fork(put_until_closed, full);
        kit_sleep_ms(100);
        hay_time begun = hay_now();
        ck_assert_int_eq(hay_queue_close(empty), 0);
        ck_assert_int_eq(hay_queue_close(full), 0);
        for (int i = 0; i < 8; i++)
                ck_assert_int_eq(kit_wait(pids[i]), 0);
        ck_assert_int_lt(hay_now() - begun, 1000 * 1000000);
        hay_queue_free(empty);
        hay_queue_free(full);
}

static int put_three(void *arg)
{
        char large[5000];
        memset(large, 7, sizeof(large));
        return hay_queue_put(arg, "abc", 3, HAY_FOREVER) ||
               hay_queue_put(arg, large, sizeof(large), HAY_FOREVER) ||
               hay_queue_put(arg, NULL, 0, HAY_FOREVER);
}

TEST(messages_outlive_their_producer)
{
        hay_queue *queue;
        char bytes[5000];
        size_t size;
        ck_assert_int_eq(hay_queue_new(&queue, NULL), 0);
        ck_assert_int_eq(kit_wait(kit_fork(put_three, queue)), 0);
        ck_assert_int_eq(hay_queue_get(queue, bytes, sizeof(bytes), &size, HAY_NOWAIT), 0);
        ck_assert_uint_eq(size, 3);
        ck_assert_int_eq(hay_queue_get(queue, bytes, sizeof(bytes), &size, HAY_NOWAIT), 0);
        ck_assert_uint_eq(size, 5000);
        ck_assert_int_eq(bytes[4999], 7);
        ck_assert_int_eq(hay_queue_get(queue, NULL, 0, &size, HAY_NOWAIT), 0);
        ck_assert_uint_eq(size, 0);
        hay_queue_free(queue);
}

KIT_MAIN
