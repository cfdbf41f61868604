/* The same with threads for members, so that ThreadSanitizer sees it. */
#include "kit.h"

#include <pthread.h>

#define MOST 4
#define MESSAGES 3000L

struct crew {
        hay_queue *queue;
        hay_queue *second;
        long received;
        uint64_t sum;
        int failures;
};

static void count(struct crew *crew, long number)
{
        __atomic_fetch_add(&crew->received, 1, __ATOMIC_RELAXED);
        __atomic_fetch_add(&crew->sum, (uint64_t)number, __ATOMIC_RELAXED);
}

static void *give_up(struct crew *crew)
{
        __atomic_fetch_add(&crew->failures, 1, __ATOMIC_RELAXED);
        return NULL;
}

static void *put_numbers(void *arg)
{
        struct crew *crew = arg;
        long block[300] = { 0 };
        for (long i = 0; i < MESSAGES; i++) {
                size_t size = i % 50 == 0 ? sizeof(block)
                                          : (size_t)(i % 10) * sizeof(long) + sizeof(long);
                block[0] = i;
                block[size / sizeof(long) - 1] = i;
                if (hay_queue_put(crew->queue, block, size, HAY_FOREVER) < 0)
                        return give_up(crew);
        }
        return NULL;
}

static void *get_numbers(void *arg)
{
        struct crew *crew = arg;
        long block[300];
        size_t size;
        int r;
        while ((r = hay_queue_get(crew->queue, block, sizeof(block), &size, HAY_FOREVER)) == 0) {
                if (block[0] != block[size / sizeof(long) - 1])
                        return give_up(crew);
                count(crew, block[0]);
        }
        return r == -EPIPE ? NULL : give_up(crew);
}

static void *put_batches(void *arg)
{
        struct crew *crew = arg;
        long numbers[20];
        struct hay_part parts[20];
        for (long i = 0; i < MESSAGES;) {
                size_t n = 0;
                for (; n < 20 && i < MESSAGES; n++, i++) {
                        numbers[n] = i;
                        parts[n] = (struct hay_part){ &numbers[n], sizeof(long) };
                }
                if (hay_queue_put_many(crew->queue, parts, n, HAY_FOREVER) != (ssize_t)n)
                        return give_up(crew);
        }
        return NULL;
}

static void *get_batches(void *arg)
{
        struct crew *crew = arg;
        long numbers[30];
        struct hay_part parts[30];
        for (;;) {
                for (int i = 0; i < 30; i++)
                        parts[i] = (struct hay_part){ &numbers[i], sizeof(long) };
                ssize_t n = hay_queue_get_many(crew->queue, parts, 30, HAY_FOREVER);
                if (n < 0)
                        return n == -EPIPE ? NULL : give_up(crew);
                for (ssize_t i = 0; i < n; i++)
                        count(crew, numbers[i]);
        }
}

static void *send_numbers(void *arg)
{
        struct crew *crew = arg;
        for (long i = 0; i < MESSAGES; i++) {
                struct hay_message message;
                if (hay_message_new(&message, sizeof(long) + (size_t)i % 100) < 0)
                        return give_up(crew);
                memcpy(message.data, &i, sizeof(i));
                if (hay_queue_send(crew->queue, &message, HAY_FOREVER) < 0)
                        return give_up(crew);
        }
        return NULL;
}

static void *take_and_send_on(void *arg)
{
        struct crew *crew = arg;
        struct hay_message message;
        int r;
        while ((r = hay_queue_take(crew->queue, &message, HAY_FOREVER)) == 0)
                if (hay_queue_send(crew->second, &message, HAY_FOREVER) < 0)
                        return give_up(crew);
        return r == -EPIPE ? NULL : give_up(crew);
}

static void *take_and_finish(void *arg)
{
        struct crew *crew = arg;
        struct hay_message message;
        int r;
        while ((r = hay_queue_take(crew->second, &message, HAY_FOREVER)) == 0) {
                long number;
                memcpy(&number, message.data, sizeof(number));
                count(crew, number);
                if (hay_message_release(&message) < 0 || hay_queue_task_done(crew->second) < 0)
                        return give_up(crew);
        }
        return r == -EPIPE ? NULL : give_up(crew);
}

typedef void *work(void *);

static void start(pthread_t threads[MOST], work *body, struct crew *crew, int n)
{
        for (int i = 0; i < n; i++)
                ck_assert_int_eq(pthread_create(&threads[i], NULL, body, crew), 0);
}

static void join(pthread_t threads[MOST], int n)
{
        for (int i = 0; i < n; i++)
                pthread_join(threads[i], NULL);
}

static void check_crew(work *maker, work *user, size_t bound)
{
        pthread_t makers[MOST];
        pthread_t users[MOST];
        struct crew crew = { 0 };
        struct hay_queue_options options = { .max_messages = bound };
        ck_assert_int_eq(hay_queue_new(&crew.queue, &options), 0);
        start(users, user, &crew, 3);
        start(makers, maker, &crew, 2);
        join(makers, 2);
        hay_queue_close(crew.queue);
        join(users, 3);
        ck_assert_int_eq(crew.failures, 0);
        ck_assert_int_eq(crew.received, 2 * MESSAGES);
        ck_assert_uint_eq(crew.sum, (uint64_t)(MESSAGES * (MESSAGES - 1)));
        ck_assert_uint_eq(hay_queue_lost(crew.queue), 0);
        hay_queue_free(crew.queue);
}

TEST(threads_put_and_get_small_and_large_messages)
{
        check_crew(put_numbers, get_numbers, 0);
}

TEST(threads_put_and_get_through_a_small_bound)
{
        check_crew(put_numbers, get_numbers, 3);
}

TEST(threads_put_and_get_batches)
{
        check_crew(put_batches, get_batches, 0);
}

TEST(threads_put_batches_and_get_one_by_one)
{
        check_crew(put_batches, get_numbers, 7);
}

TEST(threads_hand_messages_on_by_reference)
{
        pthread_t makers[MOST];
        pthread_t movers[MOST];
        pthread_t users[MOST];
        struct crew crew = { 0 };
        ck_assert_int_eq(hay_queue_new(&crew.queue, NULL), 0);
        ck_assert_int_eq(
                hay_queue_new(&crew.second, &(struct hay_queue_options){ .joinable = true }), 0);
        start(makers, send_numbers, &crew, 2);
        start(movers, take_and_send_on, &crew, 2);
        start(users, take_and_finish, &crew, 2);
        join(makers, 2);
        hay_queue_close(crew.queue);
        join(movers, 2);
        ck_assert_int_eq(hay_queue_join(crew.second, HAY_FOREVER), 0);
        hay_queue_close(crew.second);
        join(users, 2);
        ck_assert_int_eq(crew.failures, 0);
        ck_assert_int_eq(crew.received, 2 * MESSAGES);
        ck_assert_uint_eq(crew.sum, (uint64_t)(MESSAGES * (MESSAGES - 1)));
        hay_queue_free(crew.queue);
        hay_queue_free(crew.second);
}

KIT_MAIN
