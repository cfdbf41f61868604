/* Many wait for the same queue and the same pipe, and each message wakes enough of them. Threads
 * for processes; and processes too. */
#include "kit.h"

#include <pthread.h>

#define WAITERS 3
#define EACH 400

struct shared {
        uint32_t taken;
};

static hay_connection *in, *out;
static hay_queue *queue;
static struct shared *shared;

/* Take what is there, until the queue is closed; -EPIPE of the pipe ends nothing. */
static int take_all(void)
{
        struct hay_waitable both[2] = { { .queue = queue }, { .connection = in } };
        char byte;
        for (;;) {
                int r = hay_wait(both, 2, HAY_FOREVER);
                if (r < 1)
                        return 1;
                if (both[0].ready) {
                        r = hay_queue_get(queue, &byte, 1, NULL, HAY_NOWAIT);
                        if (r == -EPIPE)
                                return 0;
                        if (r == 0)
                                __atomic_add_fetch(&shared->taken, 1, __ATOMIC_RELAXED);
                        else if (r != -ETIMEDOUT)
                                return 2;
                }
                if (both[1].ready) {
                        r = hay_connection_recv(in, &byte, 1, NULL, HAY_NOWAIT);
                        if (r == 0)
                                __atomic_add_fetch(&shared->taken, 1, __ATOMIC_RELAXED);
                        else if (r != -ETIMEDOUT)
                                return 3;
                }
        }
}

static void send_all(void)
{
        for (int i = 0; i < EACH; i++) {
                ck_assert_int_eq(hay_queue_put(queue, "q", 1, HAY_FOREVER), 0);
                ck_assert_int_eq(hay_connection_send(out, "c", 1, HAY_FOREVER), 0);
                if (i % 50 == 0)
                        kit_sleep_ms(1);
        }
        while (__atomic_load_n(&shared->taken, __ATOMIC_RELAXED) < 2 * EACH)
                kit_sleep_ms(1);
        ck_assert_int_eq(hay_queue_close(queue), 0);
}

static void open_all(void)
{
        shared = hay_new(struct shared);
        ck_assert_int_eq(hay_pipe_new(false, &in, &out), 0);
        ck_assert_int_eq(hay_queue_new(&queue, NULL), 0);
}

static void close_all(void)
{
        ck_assert_uint_eq(shared->taken, 2 * EACH);
        hay_connection_close(in);
        hay_connection_close(out);
        hay_queue_free(queue);
        hay_free(shared);
}

static void *take_in_thread(void *arg)
{
        ck_assert_int_eq(take_all(), 0);
        return arg;
}

TEST(threads_that_wait_for_the_same_take_everything)
{
        open_all();
        pthread_t waiters[WAITERS];
        for (int i = 0; i < WAITERS; i++)
                ck_assert_int_eq(pthread_create(&waiters[i], NULL, take_in_thread, NULL), 0);
        send_all();
        for (int i = 0; i < WAITERS; i++)
                pthread_join(waiters[i], NULL);
        close_all();
}

static int take_in_child(void *arg)
{
        (void)arg;
        return take_all();
}

TEST(processes_that_wait_for_the_same_take_everything)
{
        open_all();
        pid_t waiters[WAITERS];
        for (int i = 0; i < WAITERS; i++)
                waiters[i] = kit_fork(take_in_child, NULL);
        send_all();
        for (int i = 0; i < WAITERS; i++)
                ck_assert_int_eq(kit_wait(waiters[i]), 0);
        close_all();
}

KIT_MAIN
