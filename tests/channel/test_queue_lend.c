/* Messages by reference: take, make in place, send on, release; and what becomes of them when their
 * holder is killed. */
#include "kit.h"

#include <pthread.h>
#include <signal.h>

static hay_queue *new_queue(bool joinable)
{
        hay_queue *queue;
        ck_assert_int_eq(hay_queue_new(&queue, &(struct hay_queue_options){ .joinable = joinable }),
                         0);
        return queue;
}

static size_t used(void)
{
        struct hay_audit audit;
        ck_assert_int_eq(hay_audit(&audit), 0);
        return audit.used;
}

/* The tables of ledgers stay; let them be made before memory is compared. */
static void warm_up(void)
{
        struct hay_message message;
        ck_assert_int_eq(hay_message_new(&message, 10), 0);
        ck_assert_int_eq(hay_message_release(&message), 0);
}

static void put_bytes(hay_queue *queue, size_t size, char value)
{
        char *bytes = malloc(size + 1);
        memset(bytes, value, size + 1);
        ck_assert_int_eq(hay_queue_put(queue, bytes, size, HAY_FOREVER), 0);
        free(bytes);
}

TEST(take_lends_small_and_large_messages)
{
        static const size_t sizes[] = { 0, 1, 8, 100, 1024, 1025, 70000 };
        hay_queue *queue = new_queue(false);
        for (size_t i = 0; i < 7; i++) {
                struct hay_message message;
                put_bytes(queue, sizes[i], (char)i);
                ck_assert_int_eq(hay_queue_take(queue, &message, HAY_NOWAIT), 0);
                ck_assert_uint_eq(message.size, sizes[i]);
                ck_assert(hay_is_shared(message.data));
                for (size_t k = 0; k < message.size; k += 13)
                        ck_assert_int_eq(((char *)message.data)[k], (char)i);
                ck_assert_int_eq(hay_message_release(&message), 0);
                ck_assert_ptr_null(message.data);
        }
        hay_queue_free(queue);
}

TEST(many_messages_can_be_lent_at_once_and_come_back_in_any_order)
{
        enum { COUNT = 1000 };
        static struct hay_message messages[COUNT];
        size_t before = used();
        hay_queue *queue = new_queue(false);
        for (int round = 0; round < 3; round++) {
                for (int i = 0; i < COUNT; i++)
                        put_bytes(queue, i % 2 ? 20 : 2000, (char)i);
                for (int i = 0; i < COUNT; i++)
                        ck_assert_int_eq(hay_queue_take(queue, &messages[i], HAY_NOWAIT), 0);
                for (int i = 0; i < COUNT; i++) {
                        struct hay_message *message = &messages[i * 7 % COUNT];
                        ck_assert_int_eq(*(char *)message->data, (char)(i * 7 % COUNT));
                        ck_assert_int_eq(hay_message_release(message), 0);
                }
        }
        hay_queue_free(queue);
        ck_assert_uint_eq(used(), before);
}

TEST(a_message_made_in_place_is_sent_without_a_copy)
{
        hay_queue *queue = new_queue(false);
        struct hay_message message;
        struct hay_message taken;
        warm_up();
        size_t before = used();
        ck_assert_int_eq(hay_message_new(&message, 100000), 0);
        void *data = message.data;
        memset(data, 42, 100000);
        ck_assert_int_eq(hay_queue_send(queue, &message, HAY_NOWAIT), 0);
        ck_assert_ptr_null(message.data);
        ck_assert_uint_eq(message.private_hold, 0);
        ck_assert_int_eq(hay_queue_take(queue, &taken, HAY_NOWAIT), 0);
        ck_assert_ptr_eq(taken.data, data);
        ck_assert_uint_eq(taken.size, 100000);
        ck_assert_int_eq(hay_message_release(&taken), 0);
        ck_assert_uint_le(used(), before + 1024);
        hay_queue_free(queue);
}

TEST(a_taken_message_is_sent_on_through_many_queues)
{
        hay_queue *queues[3] = { new_queue(false), new_queue(false), new_queue(true) };
        struct hay_message message;
        put_bytes(queues[0], 5000, 9);
        ck_assert_int_eq(hay_queue_take(queues[0], &message, HAY_NOWAIT), 0);
        void *data = message.data;
        for (int i = 1; i < 12; i++) {
                ck_assert_int_eq(hay_queue_send(queues[i % 3], &message, HAY_NOWAIT), 0);
                ck_assert_int_eq(hay_queue_take(queues[i % 3], &message, HAY_NOWAIT), 0);
                ck_assert_ptr_eq(message.data, data);
                ck_assert_uint_eq(message.size, 5000);
        }
        ck_assert_int_eq(hay_queue_join(queues[2], HAY_NOWAIT), -ETIMEDOUT);
        ck_assert_int_eq(hay_queue_send(queues[0], &message, HAY_NOWAIT), 0);
        ck_assert_int_eq(hay_queue_join(queues[2], HAY_NOWAIT), 0);
        for (int i = 0; i < 3; i++)
                hay_queue_free(queues[i]);
}

TEST(a_message_that_can_not_be_sent_stays_the_callers)
{
        hay_queue *full;
        hay_queue *closed = new_queue(false);
        struct hay_message message;
        ck_assert_int_eq(hay_queue_new(&full, &(struct hay_queue_options){ .max_messages = 1 }), 0);
        put_bytes(full, 3, 1);
        hay_queue_close(closed);
        ck_assert_int_eq(hay_message_new(&message, 64), 0);
        ck_assert_int_eq(hay_queue_send(full, &message, hay_in_ms(20)), -ETIMEDOUT);
        ck_assert_int_eq(hay_queue_send(closed, &message, HAY_FOREVER), -EPIPE);
        ck_assert_uint_eq(message.size, 64);
        message.size = 1 << 20;
        ck_assert_int_eq(hay_queue_send(full, &message, HAY_FOREVER), -EMSGSIZE);
        message.size = 64;
        ck_assert_int_eq(hay_message_release(&message), 0);
        hay_queue_free(full);
        hay_queue_free(closed);
}

TEST(bad_messages_are_refused)
{
        hay_queue *queue = new_queue(false);
        struct hay_message none = { 0 };
        struct hay_message message;
        struct hay_message copy;
        ck_assert_int_eq(hay_message_new(NULL, 3), -EINVAL);
        ck_assert_int_eq(hay_queue_take(queue, NULL, HAY_NOWAIT), -EINVAL);
        ck_assert_int_eq(hay_queue_take(NULL, &none, HAY_NOWAIT), -EINVAL);
        ck_assert_int_eq(hay_queue_send(queue, NULL, HAY_NOWAIT), -EINVAL);
        ck_assert_int_eq(hay_queue_send(queue, &none, HAY_NOWAIT), -EINVAL);
        ck_assert_int_eq(hay_message_release(NULL), -EINVAL);
        ck_assert_int_eq(hay_message_release(&none), 0);
        ck_assert_int_eq(hay_message_new(&message, (size_t)1 << 60), -ENOMEM);
        ck_assert_int_eq(hay_message_new(&message, 8), 0);
        ck_assert_int_eq(hay_queue_send(NULL, &message, HAY_NOWAIT), -EINVAL);
        copy = message;
        ck_assert_int_eq(hay_message_release(&message), 0);
        ck_assert_int_eq(hay_message_release(&copy), -EINVAL);
        ck_assert_int_eq(hay_queue_send(queue, &copy, HAY_NOWAIT), -EINVAL);
        copy = (struct hay_message){ queue, 8, 12345678901ull };
        ck_assert_int_eq(hay_message_release(&copy), -EINVAL);
        copy = (struct hay_message){ &none, 8, ~0ull };
        ck_assert_int_eq(hay_message_release(&copy), -EINVAL);
        hay_queue_free(queue);
}

static int release_it(void *arg)
{
        struct hay_message copy = *(struct hay_message *)arg;
        return hay_message_release(&copy) == -EINVAL ? 0 : 1;
}

static void *release_in_thread(void *arg)
{
        return (void *)(intptr_t)hay_message_release(arg);
}

TEST(another_process_can_not_release_it_and_another_thread_can)
{
        hay_queue *queue = new_queue(false);
        struct hay_message message;
        pthread_t thread;
        void *result;
        put_bytes(queue, 300, 1);
        ck_assert_int_eq(hay_queue_take(queue, &message, HAY_NOWAIT), 0);
        ck_assert_int_eq(kit_wait(kit_fork(release_it, &message)), 0);
        ck_assert_int_eq(pthread_create(&thread, NULL, release_in_thread, &message), 0);
        pthread_join(thread, &result);
        ck_assert_int_eq((intptr_t)result, 0);
        hay_queue_free(queue);
}

static void *make_in_thread(void *arg)
{
        return (void *)(intptr_t)hay_message_new(arg, 500);
}

TEST(a_message_outlives_the_thread_that_made_it)
{
        hay_queue *queue = new_queue(false);
        struct hay_message messages[2];
        pthread_t thread;
        void *result;
        warm_up();
        size_t before = used();
        for (int i = 0; i < 2; i++) {
                ck_assert_int_eq(pthread_create(&thread, NULL, make_in_thread, &messages[i]), 0);
                pthread_join(thread, &result);
                ck_assert_int_eq((intptr_t)result, 0);
        }
        ck_assert_uint_gt(used(), before);
        ck_assert_int_eq(hay_queue_send(queue, &messages[0], HAY_NOWAIT), 0);
        ck_assert_int_eq(hay_message_release(&messages[1]), 0);
        hay_queue_free(queue);
}

static int take_and_die(void *arg)
{
        struct hay_message message;
        for (int i = 0; i < 3; i++)
                if (hay_queue_take(arg, &message, HAY_NOWAIT) < 0)
                        return 1;
        raise(SIGKILL);
        return 2;
}

TEST(what_a_killed_taker_held_is_counted_and_freed)
{
        size_t before = used();
        hay_queue *queue = new_queue(false);
        put_bytes(queue, 10, 1);
        put_bytes(queue, 200000, 2);
        put_bytes(queue, 30, 3);
        put_bytes(queue, 40, 4);
        ck_assert_int_eq(kit_wait(kit_fork(take_and_die, queue)), -SIGKILL);
        ck_assert_uint_eq(hay_queue_lost(queue), 3);
        ck_assert_uint_eq(hay_queue_lost(queue), 3);
        ck_assert_uint_lt(used(), before + 8192);
        char bytes[40];
        ck_assert_int_eq(hay_queue_get(queue, bytes, sizeof(bytes), NULL, HAY_NOWAIT), 0);
        ck_assert_int_eq(bytes[0], 4);
        hay_queue_free(queue);
        ck_assert_uint_eq(used(), before);
}

static int make_and_die(void *arg)
{
        struct hay_message message;
        for (int i = 0; i < 50; i++)
                if (hay_message_new(&message, 10000) < 0)
                        return 1;
        if (arg && hay_queue_send(arg, &message, HAY_NOWAIT) < 0)
                return 2;
        raise(SIGKILL);
        return 3;
}

TEST(what_a_killed_maker_held_is_freed_but_not_what_it_sent)
{
        warm_up();
        hay_queue *queue = new_queue(false);
        struct hay_message message;
        size_t before = used();
        ck_assert_int_eq(kit_wait(kit_fork(make_and_die, NULL)), -SIGKILL);
        ck_assert_uint_le(used(), before + 4096);
        ck_assert_int_eq(kit_wait(kit_fork(make_and_die, queue)), -SIGKILL);
        ck_assert_int_eq(hay_queue_take(queue, &message, HAY_NOWAIT), 0);
        ck_assert_uint_eq(message.size, 10000);
        memset(message.data, 5, 10000);
        ck_assert_int_eq(hay_message_release(&message), 0);
        hay_queue_free(queue);
}

KIT_MAIN
