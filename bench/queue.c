/* How many messages a second go from one process to another, small, large, and between several? */
#include "kit.h"

#include <hayfork.h>

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SMALL 8
#define LARGE ((size_t)1 << 20)
#define MANY 2000000L
#define SYSTEM_CALLS 100000L /* what a rival through the kernel moves, scaled */
#define FEW 400L
#define BATCH 64
#define SLOTS 4096u

/* The floor: a ring of 8-byte words for one producer and one consumer, that knows no sleep, no
 * death and no second producer. */
struct ring {
        _Alignas(64) unsigned long tail;
        _Alignas(64) unsigned long head;
        _Alignas(64) long slots[SLOTS];
};

static struct ring *ring;
static hay_queue *queue;
static int fds[2];
static char *buffer;

typedef int work(long count);

static int ring_put(long count)
{
        unsigned long tail = ring->tail;
        unsigned long head = 0;
        for (long i = 0; i < count; i++, tail++) {
                while (tail - head == SLOTS)
                        head = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE);
                ring->slots[tail % SLOTS] = i;
                __atomic_store_n(&ring->tail, tail + 1, __ATOMIC_RELEASE);
        }
        return 0;
}

static int ring_get(long count)
{
        unsigned long head = ring->head;
        unsigned long tail = 0;
        long sum = 0;
        for (long i = 0; i < count; i++, head++) {
                while (head == tail)
                        tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
                sum += ring->slots[head % SLOTS];
                __atomic_store_n(&ring->head, head + 1, __ATOMIC_RELEASE);
        }
        return sum < 0;
}

static int queue_put(long count)
{
        for (long i = 0; i < count; i++)
                if (hay_queue_put(queue, &i, SMALL, HAY_FOREVER) < 0)
                        return 1;
        return 0;
}

static int queue_get(long count)
{
        long number;
        for (long i = 0; i < count; i++)
                if (hay_queue_get(queue, &number, SMALL, NULL, HAY_FOREVER) < 0)
                        return 1;
        return 0;
}

static void prepare_parts(struct hay_part parts[BATCH], long numbers[BATCH])
{
        for (int i = 0; i < BATCH; i++) {
                numbers[i] = i;
                parts[i] = (struct hay_part){ &numbers[i], SMALL };
        }
}

static int queue_put_many(long count)
{
        long numbers[BATCH];
        struct hay_part parts[BATCH];
        prepare_parts(parts, numbers);
        for (long n = 0; n < count; n += BATCH)
                if (hay_queue_put_many(queue, parts, BATCH, HAY_FOREVER) != BATCH)
                        return 1;
        return 0;
}

static int queue_get_many(long count)
{
        long numbers[BATCH];
        struct hay_part parts[BATCH];
        prepare_parts(parts, numbers);
        for (long got = 0; got < count;) {
                ssize_t n = hay_queue_get_many(queue, parts, BATCH, HAY_FOREVER);
                if (n < 0)
                        return 1;
                got += n;
        }
        return 0;
}

static int fd_send(long count)
{
        for (long i = 0; i < count; i++)
                if (write(fds[1], &i, SMALL) != SMALL)
                        return 1;
        return 0;
}

static int fd_receive(long count)
{
        long number;
        for (long i = 0; i < count; i++)
                if (read(fds[0], &number, SMALL) != SMALL)
                        return 1;
        return 0;
}

static int large_put(long count)
{
        for (long i = 0; i < count; i++)
                if (hay_queue_put(queue, buffer, LARGE, HAY_FOREVER) < 0)
                        return 1;
        return 0;
}

static int large_get(long count)
{
        for (long i = 0; i < count; i++)
                if (hay_queue_get(queue, buffer, LARGE, NULL, HAY_FOREVER) < 0)
                        return 1;
        return 0;
}

static int large_send(long count)
{
        struct hay_message message;
        for (long i = 0; i < count; i++) {
                if (hay_message_new(&message, LARGE) < 0)
                        return 1;
                memset(message.data, (int)i, LARGE);
                if (hay_queue_send(queue, &message, HAY_FOREVER) < 0)
                        return 1;
        }
        return 0;
}

static int large_take(long count)
{
        struct hay_message message;
        for (long i = 0; i < count; i++)
                if (hay_queue_take(queue, &message, HAY_FOREVER) < 0 ||
                    hay_message_release(&message) < 0)
                        return 1;
        return 0;
}

static int large_write(long count)
{
        for (long i = 0; i < count; i++)
                for (size_t at = 0; at < LARGE;) {
                        ssize_t n = write(fds[1], buffer + at, LARGE - at);
                        if (n < 0)
                                return 1;
                        at += (size_t)n;
                }
        return 0;
}

static int large_read(long count)
{
        for (size_t left = LARGE * (size_t)count; left;) {
                ssize_t n = read(fds[0], buffer, left < LARGE ? left : LARGE);
                if (n <= 0)
                        return 1;
                left -= (size_t)n;
        }
        return 0;
}

/* Two copies in one process: what a large message through any buffer costs at least. */
static double copy_twice(void *arg)
{
        char *middle = malloc(LARGE);
        char *end = malloc(LARGE);
        (void)arg;
        memset(middle, 1, LARGE);
        memset(end, 1, LARGE);
        double begun = bench_now();
        for (long i = 0; i < FEW; i++) {
                memcpy(middle, buffer, LARGE);
                memcpy(end, middle, LARGE);
                __asm__ volatile("" ::: "memory");
        }
        double seconds = bench_now() - begun;
        free(middle);
        free(end);
        return seconds;
}

struct talk {
        work *put;
        work *get;
        long messages; /* of each pair, really moved */
        long counted;  /* as the bench counts them */
        int pairs;
        int sockets;
        size_t bound;
};

static pid_t start(work *body, long count)
{
        pid_t pid = fork();
        if (pid == 0)
                _exit(body(count));
        return pid;
}

static double run_talk(void *arg)
{
        const struct talk *talk = arg;
        int failed = 0;
        int status;
        ring = hay_new(struct ring);
        if (!ring ||
            hay_queue_new(&queue, &(struct hay_queue_options){ .max_messages = talk->bound }) < 0)
                return -1;
        if (talk->sockets ? socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) : pipe(fds))
                return -1;
        if (talk->sockets) {
                int swap = fds[0];
                fds[0] = fds[1];
                fds[1] = swap;
        }
        double begun = bench_now();
        for (int i = 0; i < talk->pairs; i++) {
                start(talk->get, talk->messages);
                start(talk->put, talk->messages);
        }
        for (int i = 0; i < 2 * talk->pairs; i++)
                failed |= wait(&status) < 0 || status;
        double seconds = bench_now() - begun;
        close(fds[0]);
        close(fds[1]);
        hay_queue_free(queue);
        hay_free(ring);
        return failed ? -1 : seconds * (double)talk->counted / (double)talk->messages;
}

#define TALK(...) \
        &(struct talk) \
        { \
                __VA_ARGS__ \
        }

int main(int argc, char **argv)
{
        buffer = malloc(LARGE);
        memset(buffer, 1, LARGE);
        const struct rival small[] = {
                { "bare ring", run_talk, TALK(ring_put, ring_get, MANY, MANY, 1, 0, 0) },
                { "put, get", run_talk, TALK(queue_put, queue_get, MANY, MANY, 1, 0, 0) },
                { "put, get, bound 1000", run_talk,
                  TALK(queue_put, queue_get, MANY, MANY, 1, 0, 1000) },
                { "put_many, get_many", run_talk,
                  TALK(queue_put_many, queue_get_many, MANY / BATCH * BATCH, MANY, 1, 0, 0) },
                { "pipe(2)", run_talk, TALK(fd_send, fd_receive, SYSTEM_CALLS, MANY, 1, 0, 0) },
                { "socketpair", run_talk, TALK(fd_send, fd_receive, SYSTEM_CALLS, MANY, 1, 1, 0) },
        };
        const struct rival several[] = {
                { "put, get", run_talk, TALK(queue_put, queue_get, MANY / 4, MANY / 4, 2, 0, 0) },
                { "put_many, get_many", run_talk,
                  TALK(queue_put_many, queue_get_many, MANY / 4 / BATCH * BATCH, MANY / 4, 2, 0,
                       0) },
                { "pipe(2)", run_talk,
                  TALK(fd_send, fd_receive, SYSTEM_CALLS / 4, MANY / 4, 2, 0, 0) },
        };
        const struct rival large[] = {
                { "two copies", copy_twice, NULL },
                { "put, get", run_talk, TALK(large_put, large_get, FEW, FEW, 1, 0, 8) },
                { "message, send, take", run_talk,
                  TALK(large_send, large_take, FEW, FEW, 1, 0, 8) },
                { "pipe(2)", run_talk, TALK(large_write, large_read, FEW, FEW, 1, 0, 0) },
        };
        const struct bench benches[] = {
                { "How fast do messages of 8 bytes go from one process to another?", "message",
                  (double)MANY, small, sizeof(small) / sizeof(*small) },
                { "And from two processes to two?", "message", (double)MANY / 2, several,
                  sizeof(several) / sizeof(*several) },
                { "How fast do messages of 1 MiB go from one process to another?", "message",
                  (double)FEW, large, sizeof(large) / sizeof(*large) },
        };
        int r = bench_main(argc, argv, benches, sizeof(benches) / sizeof(*benches));
        free(buffer);
        return r;
}
