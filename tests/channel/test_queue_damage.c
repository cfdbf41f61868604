/* A region that is full, and one that was scribbled over: an error, never a crash. */
#include "kit.h"

#include "channel/queue_words.h"

#include <signal.h>
#include <sys/wait.h>

__attribute__((constructor)) static void small_region(void)
{
        setenv("HAYFORK_REGION_SIZE", "16M", 1);
}

TEST(a_full_region_refuses_a_put_and_loses_nothing)
{
        hay_queue *queue;
        static char bytes[300000];
        long small = 0;
        long large = 0;
        ck_assert_int_eq(hay_queue_new(&queue, NULL), 0);
        ck_assert_int_eq(hay_queue_put(queue, bytes, (size_t)20 << 20, HAY_NOWAIT), -EMSGSIZE);
        for (int round = 0; round < 3; round++) {
                int r;
                while ((r = hay_queue_put(queue, bytes, sizeof(bytes), HAY_NOWAIT)) == 0)
                        large++;
                ck_assert_int_eq(r, -ENOMEM);
                ck_assert_int_gt(large, 20);
                while ((r = hay_queue_put(queue, &small, sizeof(small), HAY_NOWAIT)) == 0)
                        small++;
                ck_assert_int_eq(r, -ENOMEM);
                ck_assert_int_eq(hay_queue_size(queue), small + large);
                struct hay_message message;
                ck_assert_int_eq(hay_message_new(&message, sizeof(bytes)), -ENOMEM);
                for (; large; large--)
                        ck_assert_int_eq(
                                hay_queue_get(queue, bytes, sizeof(bytes), NULL, HAY_NOWAIT), 0);
                for (long i = 0; i < small; i++) {
                        long got;
                        ck_assert_int_eq(hay_queue_get(queue, &got, sizeof(got), NULL, HAY_NOWAIT),
                                         0);
                        ck_assert_int_eq(got, i);
                }
                small = 0;
                ck_assert_int_eq(hay_queue_empty(queue), 1);
        }
        hay_queue_free(queue);
}

TEST(a_queue_that_does_not_fit_is_not_made)
{
        static hay_queue *queues[10000];
        int count = 0;
        int r;
        while ((r = hay_queue_new(&queues[count], NULL)) == 0)
                ck_assert_int_lt(++count, 10000);
        ck_assert_int_eq(r, -ENOMEM);
        ck_assert_int_gt(count, 2000);
        while (count)
                hay_queue_free(queues[--count]);
}

static unsigned seed;

/* Another value for one word: near, far, or anything. */
static uint64_t scribble(uint64_t word)
{
        switch (rand_r(&seed) % 4) {
        case 0:
                return word ^ (uint64_t)1 << rand_r(&seed) % 64;
        case 1:
                return word + (unsigned)rand_r(&seed) % 4096 - 2048;
        case 2:
                return (uint64_t)rand_r(&seed) << 33 ^ (uint64_t)rand_r(&seed) << 7;
        default:
                return UINT64_MAX - (unsigned)rand_r(&seed) % 64;
        }
}

/* All but the guards (their owners are believed), and the word before which is the magic. */
static void scribble_over(unsigned char *object, size_t size, const struct hay_queue *queue)
{
        for (int n = rand_r(&seed) % 4 + 1; n; n--) {
                size_t at = (size_t)rand_r(&seed) % (size / 8) * 8;
                uint64_t *word = (uint64_t *)(void *)(object + at);
                if ((void *)word == (void *)&queue->put.guard ||
                    (void *)word == (void *)&queue->get.side.guard)
                        continue;
                *word = scribble(*word);
        }
}

static int use_damaged(void *arg)
{
        struct hay_queue *queue = arg;
        static unsigned char bytes[5000];
        struct hay_part parts[3] = { { bytes, 8 }, { bytes, 100 }, { bytes, 4000 } };
        struct hay_message messages[2] = { { 0 } };
        size_t size;
        signal(SIGALRM, SIG_DFL);
        alarm(20);
        unsigned char *object = (unsigned char *)queue;
        size_t length = sizeof(*queue);
        hf_offset inside = queue->get.side.segment;
        if (rand_r(&seed) % 2) {
                object = hf_at(inside);
                length = 1024;
        }
        if (queue->get.table && rand_r(&seed) % 3 == 0) {
                object = hf_at(queue->get.table);
                length = 256;
        }
        hay_queue_take(queue, &messages[0], HAY_NOWAIT);
        scribble_over(object, length, queue);
        for (int i = 0; i < 20; i++) {
                hay_queue_put(queue, bytes, i % 3 ? 8 : 2000, HAY_NOWAIT);
                hay_queue_put_many(queue, parts, 3, HAY_NOWAIT);
                hay_queue_take(queue, &messages[1], HAY_NOWAIT);
                hay_queue_get(queue, bytes, sizeof(bytes), &size, HAY_NOWAIT);
                parts[0].size = parts[1].size = parts[2].size = 100;
                hay_queue_get_many(queue, parts, 3, HAY_NOWAIT);
                hay_queue_size(queue);
                hay_queue_task_done(queue);
                hay_message_release(&messages[i % 2]);
                parts[0].size = parts[1].size = 8; /* a short buffer's says what is needed */
                parts[2].size = 4000;
        }
        hay_queue_lost(queue);
        hay_queue_close(queue);
        hay_queue_free(queue);
        return 0;
}

TEST(a_scribbled_queue_gives_errors_and_never_a_crash)
{
        kit_may_keep_blocks();
        seed = (unsigned)kit_seed();
        for (int round = 0; round < 400; round++) {
                hay_queue *queue;
                static char bytes[2000];
                struct hay_queue_options options = { .joinable = round % 2 };
                ck_assert_int_eq(hay_queue_new(&queue, &options), 0);
                for (int i = 0; i < 10; i++)
                        ck_assert_int_eq(hay_queue_put(queue, bytes, i % 2 ? 8 : 2000, 0), 0);
                struct hay_message message;
                if (round % 3 == 0)
                        ck_assert_int_eq(hay_queue_take(queue, &message, HAY_NOWAIT), 0);
                pid_t pid = kit_fork(use_damaged, queue);
                int r = kit_wait(pid);
                ck_assert_msg(r == 0, "round %d: ended with %d", round, r);
                seed += 77;
        }
}

KIT_MAIN
