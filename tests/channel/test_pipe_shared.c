/* Several processes share the ends of a pipe: each message is received once, whole, by one. */
#include "kit.h"

#include <signal.h>
#include <sys/mman.h>
#include <time.h>

#define SENDERS 3
#define RECEIVERS 3
#define EACH 400
#define LARGEST 300000

static hay_connection *in, *out;

struct tally {
        unsigned char received[SENDERS][EACH];
        unsigned failed;
};

static size_t size_of(unsigned sender, unsigned number)
{
        unsigned x = (sender * 7919 + number) * 2654435761u;
        return number % 8 ? 8 + x % 200 : 8 + x % (LARGEST - 8);
}

static void fill(unsigned char *bytes, unsigned sender, unsigned number)
{
        size_t size = size_of(sender, number);
        memset(bytes, (int)(sender * 31 + number), size);
        memcpy(bytes, &sender, 4);
        memcpy(bytes + 4, &number, 4);
}

static int send_all(void *arg)
{
        unsigned sender = (unsigned)(size_t)arg;
        unsigned char *bytes = malloc(LARGEST);
        in = hay_connection_close(in);
        for (unsigned i = 0; i < EACH; i++) {
                fill(bytes, sender, i);
                if (hay_connection_send(out, bytes, size_of(sender, i), HAY_FOREVER) < 0)
                        return 1;
        }
        free(bytes);
        return 0;
}

/* With a small buffer, that grows when it must: another may take the message meanwhile. */
static int receive_all(void *arg)
{
        struct tally *tally = arg;
        unsigned char *expected = malloc(LARGEST);
        size_t capacity = 8;
        unsigned char *bytes = malloc(capacity);
        out = hay_connection_close(out);
        for (;;) {
                size_t size;
                int r = hay_connection_recv(in, bytes, capacity, &size, HAY_FOREVER);
                if (r == -EMSGSIZE) {
                        capacity = size;
                        bytes = realloc(bytes, capacity);
                        continue;
                }
                if (r == -EPIPE)
                        break;
                unsigned sender, number;
                memcpy(&sender, bytes, 4);
                memcpy(&number, bytes + 4, 4);
                if (r < 0 || sender >= SENDERS || number >= EACH || size != size_of(sender, number))
                        return 1;
                fill(expected, sender, number);
                if (memcmp(bytes, expected, size) != 0)
                        return 2;
                __atomic_add_fetch(&tally->received[sender][number], 1, __ATOMIC_RELAXED);
                if (number % 16 == 0) {
                        capacity = 8;
                        bytes = realloc(bytes, capacity);
                }
        }
        free(bytes);
        free(expected);
        return 0;
}

TEST(many_senders_and_receivers_lose_and_double_nothing)
{
        struct tally *tally = hay_new(struct tally);
        ck_assert_int_eq(hay_pipe_new(false, &in, &out), 0);
        pid_t pids[SENDERS + RECEIVERS];
        for (size_t i = 0; i < SENDERS; i++)
                pids[i] = kit_fork(send_all, (void *)i);
        for (size_t i = 0; i < RECEIVERS; i++)
                pids[SENDERS + i] = kit_fork(receive_all, tally);
        in = hay_connection_close(in);
        out = hay_connection_close(out);
        for (size_t i = 0; i < SENDERS + RECEIVERS; i++)
                ck_assert_int_eq(kit_wait(pids[i]), 0);
        for (unsigned i = 0; i < SENDERS; i++)
                for (unsigned k = 0; k < EACH; k++)
                        ck_assert_int_eq(tally->received[i][k], 1);
        hay_free(tally);
}

static int hold_until_killed(void *arg)
{
        (void)arg;
        while (pause() < 0)
                ;
        return 0;
}

TEST(end_of_file_comes_when_the_last_holder_dies)
{
        ck_assert_int_eq(hay_pipe_new(false, &in, &out), 0);
        pid_t holder = kit_fork(hold_until_killed, NULL);
        out = hay_connection_close(out);
        ck_assert_int_eq(hay_connection_poll(in, hay_in_ms(20)), 0);
        ck_assert_int_eq(kill(holder, SIGKILL), 0);
        ck_assert_int_eq(hay_connection_recv(in, NULL, 0, NULL, hay_in_ms(5000)), -EPIPE);
        ck_assert_int_eq(kit_wait(holder), -SIGKILL);
        in = hay_connection_close(in);
}

static int talk(void *arg)
{
        hay_connection *mine = arg;
        for (;;) {
                long x;
                int r = hay_connection_recv(mine, &x, sizeof(x), NULL, HAY_FOREVER);
                if (r == -EPIPE)
                        return 0;
                x *= x;
                if (r < 0 || hay_connection_send(mine, &x, sizeof(x), HAY_FOREVER) < 0)
                        return 1;
        }
}

static int talk_as_child(void *arg)
{
        in = hay_connection_close(in);
        return talk(arg);
}

TEST(a_child_talks_back_over_a_duplex_pipe)
{
        ck_assert_int_eq(hay_pipe_new(true, &in, &out), 0);
        pid_t child = kit_fork(talk_as_child, out);
        out = hay_connection_close(out);
        for (long x = 0; x < 1000; x++) {
                long y;
                ck_assert_int_eq(hay_connection_send(in, &x, sizeof(x), HAY_FOREVER), 0);
                ck_assert_int_eq(hay_connection_recv(in, &y, sizeof(y), NULL, HAY_FOREVER), 0);
                ck_assert_int_eq(y, x * x);
        }
        in = hay_connection_close(in);
        ck_assert_int_eq(kit_wait(child), 0);
}

KIT_MAIN
