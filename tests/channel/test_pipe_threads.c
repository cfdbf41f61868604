/* Threads for processes: they share the handles of a pipe, and ThreadSanitizer looks on. */
#include "kit.h"

#include <pthread.h>

#define THREADS 3
#define EACH 300
#define STOP UINT32_MAX

static hay_connection *in, *out;
static uint32_t received[THREADS][EACH];

static size_t size_of(uint32_t number)
{
        return number % 10 ? 8 : 100000 + number;
}

static void *send_all(void *arg)
{
        uint32_t sender = (uint32_t)(size_t)arg;
        uint32_t *words = calloc(1, 200000);
        for (uint32_t i = 0; i < EACH; i++) {
                words[0] = sender;
                words[1] = i;
                size_t size = size_of(i);
                hay_time deadline = i % 2 ? HAY_FOREVER : hay_in_ms(60000);
                ck_assert_int_eq(hay_connection_send(out, words, size, deadline), 0);
        }
        free(words);
        return NULL;
}

static void *receive_all(void *arg)
{
        uint32_t *words = malloc(200000);
        for (;;) {
                size_t size;
                int r = hay_connection_recv(in, words, 200000, &size, HAY_FOREVER);
                ck_assert_int_eq(r, 0);
                if (words[0] == STOP)
                        break;
                ck_assert_uint_eq(size, size_of(words[1]));
                __atomic_add_fetch(&received[words[0]][words[1]], 1, __ATOMIC_RELAXED);
        }
        free(words);
        return arg;
}

TEST(threads_that_share_both_ends_lose_and_double_nothing)
{
        pthread_t senders[THREADS], receivers[THREADS];
        memset(received, 0, sizeof(received));
        ck_assert_int_eq(hay_pipe_new(false, &in, &out), 0);
        for (size_t i = 0; i < THREADS; i++) {
                pthread_create(&receivers[i], NULL, receive_all, NULL);
                pthread_create(&senders[i], NULL, send_all, (void *)i);
        }
        for (size_t i = 0; i < THREADS; i++)
                pthread_join(senders[i], NULL);
        uint32_t stop[2] = { STOP, 0 };
        for (size_t i = 0; i < THREADS; i++)
                ck_assert_int_eq(hay_connection_send(out, stop, 8, HAY_FOREVER), 0);
        for (size_t i = 0; i < THREADS; i++)
                pthread_join(receivers[i], NULL);
        for (size_t i = 0; i < THREADS; i++)
                for (size_t k = 0; k < EACH; k++)
                        ck_assert_uint_eq(received[i][k], 1);
        hay_connection_close(in);
        hay_connection_close(out);
}

KIT_MAIN
