/* Joinable queues: task_done, join, and delivery again when a taker dies. */
#include "kit.h"

#include "channel/queue_words.h"

#include <signal.h>
#include <sys/wait.h>

static hay_queue *new_queue(void)
{
        hay_queue *queue;
        ck_assert_int_eq(hay_queue_new(&queue, &(struct hay_queue_options){ .joinable = true }), 0);
        return queue;
}

static size_t used(void)
{
        struct hay_audit audit;
        ck_assert_int_eq(hay_audit(&audit), 0);
        return audit.used;
}

static void put_number(hay_queue *queue, long number)
{
        ck_assert_int_eq(hay_queue_put(queue, &number, sizeof(number), HAY_FOREVER), 0);
}

static long get_number(hay_queue *queue, int news)
{
        long number = -1;
        ck_assert_int_eq(hay_queue_get(queue, &number, sizeof(number), NULL, HAY_NOWAIT), news);
        return number;
}

TEST(join_waits_for_each_message_to_be_done)
{
        hay_queue *queue = new_queue();
        ck_assert_int_eq(hay_queue_join(queue, HAY_NOWAIT), 0);
        put_number(queue, 1);
        put_number(queue, 2);
        ck_assert_int_eq(hay_queue_join(queue, hay_in_ms(20)), -ETIMEDOUT);
        ck_assert_int_eq(get_number(queue, 0), 1);
        ck_assert_int_eq(get_number(queue, 0), 2);
        ck_assert_int_eq(hay_queue_join(queue, HAY_NOWAIT), -ETIMEDOUT);
        ck_assert_int_eq(hay_queue_task_done(queue), 0);
        ck_assert_int_eq(hay_queue_join(queue, HAY_NOWAIT), -ETIMEDOUT);
        ck_assert_int_eq(hay_queue_task_done(queue), 0);
        ck_assert_int_eq(hay_queue_join(queue, HAY_NOWAIT), 0);
        ck_assert_int_eq(hay_queue_task_done(queue), -EPERM);
        hay_queue_free(queue);
}

TEST(only_joinable_queues_can_be_joined)
{
        hay_queue *queue;
        ck_assert_int_eq(hay_queue_new(&queue, NULL), 0);
        ck_assert_int_eq(hay_queue_task_done(queue), -EINVAL);
        ck_assert_int_eq(hay_queue_task_done(NULL), -EINVAL);
        ck_assert_int_eq(hay_queue_join(queue, HAY_NOWAIT), -EINVAL);
        ck_assert_int_eq(hay_queue_join(NULL, HAY_NOWAIT), -EINVAL);
        hay_queue_free(queue);
}

TEST(a_joinable_queue_keeps_order_size_and_short_buffers)
{
        size_t before = used();
        hay_queue *queue = new_queue();
        char large[10000];
        size_t size = 0;
        memset(large, 3, sizeof(large));
        put_number(queue, 5);
        ck_assert_int_eq(hay_queue_put(queue, large, sizeof(large), HAY_FOREVER), 0);
        ck_assert_int_eq(hay_queue_put(queue, NULL, 0, HAY_FOREVER), 0);
        ck_assert_int_eq(hay_queue_size(queue), 3);
        ck_assert_int_eq(hay_queue_get(queue, large, 7, &size, HAY_NOWAIT), -EMSGSIZE);
        ck_assert_uint_eq(size, 8);
        ck_assert_int_eq(get_number(queue, 0), 5);
        memset(large, 0, sizeof(large));
        ck_assert_int_eq(hay_queue_get(queue, large, sizeof(large), &size, HAY_NOWAIT), 0);
        ck_assert_int_eq(large[9999], 3);
        ck_assert_int_eq(hay_queue_get(queue, NULL, 0, &size, HAY_NOWAIT), 0);
        ck_assert_uint_eq(size, 0);
        for (int i = 0; i < 3; i++)
                ck_assert_int_eq(hay_queue_task_done(queue), 0);
        ck_assert_int_eq(hay_queue_join(queue, HAY_NOWAIT), 0);
        hay_queue_free(queue);
        ck_assert_uint_eq(used(), before);
}

TEST(a_hundred_thousand_messages_can_wait_for_task_done)
{
        hay_queue *queue = new_queue();
        for (long i = 0; i < 100000; i++)
                put_number(queue, i);
        for (long i = 0; i < 100000; i++)
                ck_assert_int_eq(get_number(queue, 0), i);
        for (long i = 0; i < 100000; i++)
                ck_assert_int_eq(hay_queue_task_done(queue), 0);
        ck_assert_int_eq(hay_queue_join(queue, HAY_NOWAIT), 0);
        hay_queue_free(queue);
}

TEST(a_taken_message_is_readable_until_it_is_released)
{
        hay_queue *queue = new_queue();
        struct hay_message message;
        char bytes[3000];
        memset(bytes, 8, sizeof(bytes));
        ck_assert_int_eq(hay_queue_put(queue, bytes, sizeof(bytes), HAY_FOREVER), 0);
        ck_assert_int_eq(hay_queue_take(queue, &message, HAY_NOWAIT), 0);
        ck_assert_int_eq(hay_queue_task_done(queue), 0);
        ck_assert_int_eq(hay_queue_task_done(queue), -EPERM);
        ck_assert_int_eq(hay_queue_join(queue, HAY_NOWAIT), 0);
        ck_assert_uint_ge(hay_block_size(message.data), sizeof(bytes));
        ck_assert_int_eq(memcmp(message.data, bytes, sizeof(bytes)), 0);
        void *data = message.data;
        ck_assert_int_eq(hay_message_release(&message), 0);
        ck_assert_uint_eq(hay_block_size(data), 0);
        /* The other way round: released, and then done. */
        ck_assert_int_eq(hay_queue_put(queue, bytes, sizeof(bytes), HAY_FOREVER), 0);
        ck_assert_int_eq(hay_queue_take(queue, &message, HAY_NOWAIT), 0);
        ck_assert_int_eq(hay_message_release(&message), 0);
        ck_assert_int_eq(hay_queue_join(queue, HAY_NOWAIT), -ETIMEDOUT);
        ck_assert_int_eq(hay_queue_task_done(queue), 0);
        ck_assert_int_eq(hay_queue_join(queue, HAY_NOWAIT), 0);
        hay_queue_free(queue);
}

static int get_two_and_die(void *arg)
{
        long number;
        if (hay_queue_get(arg, &number, sizeof(number), NULL, HAY_NOWAIT) != 0 || number != 1)
                return 1;
        struct hay_message message;
        if (hay_queue_take(arg, &message, HAY_NOWAIT) != 0)
                return 2;
        raise(SIGKILL);
        return 3;
}

TEST(messages_of_a_killed_taker_are_delivered_again_first_and_in_order)
{
        hay_queue *queue = new_queue();
        for (long i = 1; i <= 3; i++)
                put_number(queue, i);
        ck_assert_int_eq(kit_wait(kit_fork(get_two_and_die, queue)), -SIGKILL);
        ck_assert_uint_eq(hay_queue_lost(queue), 0);
        ck_assert_int_eq(hay_queue_size(queue), 3);
        ck_assert_int_eq(get_number(queue, HAY_REDELIVERED), 1);
        struct hay_message message;
        ck_assert_int_eq(hay_queue_take(queue, &message, HAY_NOWAIT), HAY_REDELIVERED);
        ck_assert_int_eq(*(long *)message.data, 2);
        ck_assert_int_eq(hay_message_release(&message), 0);
        ck_assert_int_eq(get_number(queue, 0), 3);
        for (int i = 0; i < 3; i++)
                ck_assert_int_eq(hay_queue_task_done(queue), 0);
        ck_assert_int_eq(hay_queue_join(queue, HAY_NOWAIT), 0);
        hay_queue_free(queue);
}

static int get_one_and_stay(void *arg)
{
        long number;
        if (hay_queue_get(arg, &number, sizeof(number), NULL, HAY_FOREVER) != 0)
                return 1;
        for (;;)
                kit_sleep_ms(1000);
}

TEST(a_sleeping_getter_gets_the_message_of_a_taker_that_is_killed_meanwhile)
{
        hay_queue *queue = new_queue();
        long number = 0;
        pid_t pid = kit_fork(get_one_and_stay, queue);
        put_number(queue, 77);
        while (!hay_queue_empty(queue))
                kit_sleep_ms(1);
        kit_sleep_ms(20);
        kill(pid, SIGKILL);
        ck_assert_int_eq(hay_queue_get(queue, &number, sizeof(number), NULL, hay_in_ms(2000)),
                         HAY_REDELIVERED);
        ck_assert_int_eq(number, 77);
        ck_assert_int_eq(kit_wait(pid), -SIGKILL);
        ck_assert_int_eq(hay_queue_task_done(queue), 0);
        hay_queue_free(queue);
}

static int work_until_closed(void *arg)
{
        for (;;) {
                long number;
                int r = hay_queue_get(arg, &number, sizeof(number), NULL, HAY_FOREVER);
                if (r < 0)
                        return r == -EPIPE ? 0 : 1;
                if (hay_queue_task_done(arg) < 0)
                        return 2;
        }
}

static int kill_after_3_s(void *arg)
{
        kit_sleep_ms(3000);
        return kill(*(pid_t *)arg, SIGKILL);
}

/* As if it were stopped in the middle of a get. */
static int stop_in_the_guard(void *arg)
{
        int r;
        hay_queue *queue = arg;
        if (!hf_self(&r))
                return 1;
        hf_side_lock(&queue->get.side);
        raise(SIGSTOP);
        hf_side_unlock(&queue->get.side);
        return 0;
}

static int be_a_member(void *arg)
{
        int r;
        (void)arg;
        return !hf_self(&r);
}

/* Each death is a reason to look who has died with a task, which takes the guard as well. */
TEST(a_get_keeps_its_deadline_beside_one_that_is_stopped_when_another_one_has_died)
{
        int status;
        long number;
        hay_queue *queue = new_queue();
        put_number(queue, 1);
        ck_assert_int_eq(hay_queue_get(queue, &number, sizeof(number), NULL, HAY_NOWAIT), 0);
        pid_t stopped = kit_fork(stop_in_the_guard, queue);
        ck_assert_int_eq(waitpid(stopped, &status, WUNTRACED), stopped);
        ck_assert(WIFSTOPPED(status));
        pid_t dead = kit_fork(be_a_member, NULL);
        ck_assert_int_eq(kit_wait(dead), 0);
        ck_assert_int_eq(hf_bury(dead), 1);
        /* If it is not heard, the stopped one is killed, and the get takes its guard. */
        pid_t pid = kit_fork(kill_after_3_s, &stopped);
        hay_time begun = hay_now();
        ck_assert_int_eq(hay_queue_get(queue, &number, sizeof(number), NULL, hay_in_ms(50)),
                         -ETIMEDOUT);
        hay_time took = hay_now() - begun;
        kill(pid, SIGKILL);
        kit_wait(pid);
        kill(stopped, SIGKILL);
        ck_assert_int_eq(kit_wait(stopped), -SIGKILL);
        ck_assert_int_lt(took, 1000 * 1000000ll);
        ck_assert_int_eq(hay_queue_task_done(queue), 0);
        hay_queue_free(queue);
}

TEST(join_returns_when_the_workers_are_done)
{
        hay_queue *queue = new_queue();
        pid_t pids[3];
        for (int i = 0; i < 3; i++)
                pids[i] = kit_fork(work_until_closed, queue);
        for (int round = 0; round < 20; round++) {
                for (long i = 0; i < 200; i++)
                        put_number(queue, i);
                ck_assert_int_eq(hay_queue_join(queue, hay_in_ms(10000)), 0);
                ck_assert_int_eq(hay_queue_size(queue), 0);
        }
        hay_queue_close(queue);
        for (int i = 0; i < 3; i++)
                ck_assert_int_eq(kit_wait(pids[i]), 0);
        hay_queue_free(queue);
}

static int say_task_done(void *arg)
{
        return hay_queue_task_done(arg);
}

TEST(anybody_may_say_task_done)
{
        hay_queue *queue = new_queue();
        put_number(queue, 1);
        ck_assert_int_eq(get_number(queue, 0), 1);
        pid_t pid = kit_fork(say_task_done, queue);
        ck_assert_int_eq(kit_wait(pid), 0);
        ck_assert_int_eq(hay_queue_join(queue, HAY_NOWAIT), 0);
        hay_queue_free(queue);
}

KIT_MAIN
