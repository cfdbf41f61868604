/* Messages that are larger than a packet of a pipe. */
#include "kit.h"

#include "channel/connection.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#define MIB ((size_t)1 << 20)

/* A pattern that shows any byte in the wrong place. */
static unsigned char *pattern(size_t size, unsigned seed)
{
        unsigned char *bytes = malloc(size + 8);
        ck_assert_ptr_nonnull(bytes);
        uint64_t x = seed * 0x9e3779b97f4a7c15u + 1;
        for (size_t i = 0; i < size; i += 8) {
                x = x * 6364136223846793005u + 1442695040888963407u;
                memcpy(bytes + i, &x, 8);
        }
        return bytes;
}

struct job {
        hay_connection *connection;
        size_t size;
        unsigned seed;
        hay_time deadline;
        int result;
};

static void *send_it(void *arg)
{
        struct job *job = arg;
        unsigned char *bytes = pattern(job->size, job->seed);
        job->result = hay_connection_send(job->connection, bytes, job->size, job->deadline);
        free(bytes);
        return NULL;
}

static int send_in_child(void *arg)
{
        send_it(arg);
        return ((struct job *)arg)->result ? 1 : 0;
}

static void expect_pattern(hay_connection *connection, size_t size, unsigned seed,
                           hay_time deadline)
{
        unsigned char *expected = pattern(size, seed);
        unsigned char *got = malloc(size + 1);
        size_t got_size = 0;
        ck_assert_int_eq(hay_connection_recv(connection, got, size + 1, &got_size, deadline), 0);
        ck_assert_uint_eq(got_size, size);
        ck_assert(memcmp(got, expected, size) == 0);
        free(got);
        free(expected);
}

static void roundtrip(size_t size, hay_time send_deadline, hay_time recv_deadline)
{
        hay_connection *in, *out;
        ck_assert_int_eq(hay_pipe_new(false, &in, &out), 0);
        struct job job = { out, size, (unsigned)size, send_deadline, 0 };
        pid_t pid = kit_fork(send_in_child, &job);
        out = hay_connection_close(out);
        expect_pattern(in, size, (unsigned)size, recv_deadline);
        ck_assert_int_eq(kit_wait(pid), 0);
        ck_assert_int_eq(hay_connection_recv(in, NULL, 0, NULL, HAY_FOREVER), -EPIPE);
        hay_connection_close(in);
}

TEST(messages_around_the_packet_limit_come_whole)
{
        for (size_t size = 65534; size <= 65538; size++)
                roundtrip(size, HAY_FOREVER, HAY_FOREVER);
}

TEST(messages_of_64_mib_come_whole)
{
        roundtrip(64 * MIB, HAY_FOREVER, HAY_FOREVER);
}

TEST(deadlines_that_hold_change_nothing)
{
        roundtrip(20 * MIB + 1, hay_in_ms(60000), hay_in_ms(60000));
        roundtrip(20 * MIB + 1, HAY_FOREVER, hay_in_ms(60000));
        roundtrip(20 * MIB + 1, hay_in_ms(60000), HAY_FOREVER);
}

/* Give HUGE_MIB=3072 by hand. */
TEST(huge_messages_come_whole)
{
        const char *text = getenv("HUGE_MIB");
        roundtrip((text ? (size_t)atol(text) : 100) * MIB, HAY_FOREVER, HAY_FOREVER);
}

TEST(where_the_system_allows_small_packets_only_they_do)
{
        hay_connection *in, *out;
        ck_assert_int_eq(hay_pipe_new(false, &in, &out), 0);
        out->packet_limit = 100;
        struct job job = { out, 100000, 4, HAY_FOREVER, 0 };
        send_it(&job);
        ck_assert_int_eq(job.result, 0);
        expect_pattern(in, 100000, 4, HAY_FOREVER);
        hay_connection_close(in);
        hay_connection_close(out);
}

TEST(large_and_small_messages_keep_their_order)
{
        hay_connection *in, *out;
        ck_assert_int_eq(hay_pipe_new(false, &in, &out), 0);
        struct job job = { out, 0, 0, HAY_FOREVER, 0 };
        for (unsigned i = 0; i < 4; i++) {
                job.size = i % 2 ? 200000 : 10;
                job.seed = i;
                send_it(&job);
                ck_assert_int_eq(job.result, 0);
        }
        for (unsigned i = 0; i < 4; i++)
                expect_pattern(in, i % 2 ? 200000 : 10, i, HAY_FOREVER);
        hay_connection_close(in);
        hay_connection_close(out);
}

TEST(a_short_buffer_leaves_a_large_message_where_it_is)
{
        hay_connection *in, *out;
        ck_assert_int_eq(hay_pipe_new(false, &in, &out), 0);
        struct job job = { out, 5 * MIB, 3, HAY_FOREVER, 0 };
        pid_t pid = kit_fork(send_in_child, &job);
        size_t size = 0;
        char *buffer = malloc(MIB);
        ck_assert_int_eq(hay_connection_recv(in, NULL, 0, &size, HAY_FOREVER), -EMSGSIZE);
        ck_assert_uint_eq(size, 5 * MIB);
        ck_assert_int_eq(hay_connection_recv(in, buffer, MIB, &size, HAY_NOWAIT), -EMSGSIZE);
        ck_assert_uint_eq(size, 5 * MIB);
        free(buffer);
        expect_pattern(in, 5 * MIB, 3, HAY_FOREVER);
        ck_assert_int_eq(kit_wait(pid), 0);
        hay_connection_close(in);
        hay_connection_close(out);
}

TEST(a_sender_that_may_not_wait_sends_what_has_room_and_nothing_else)
{
        hay_connection *in, *out;
        ck_assert_int_eq(hay_pipe_new(false, &in, &out), 0);
        struct job job = { out, 130000, 7, HAY_NOWAIT, 0 };
        send_it(&job);
        ck_assert_int_eq(job.result, 0);
        job.size = 64 * MIB;
        send_it(&job);
        ck_assert_int_eq(job.result, -ETIMEDOUT);
        expect_pattern(in, 130000, 7, HAY_NOWAIT);
        ck_assert_int_eq(hay_connection_poll(in, HAY_NOWAIT), 0);
        hay_connection_close(in);
        hay_connection_close(out);
}

TEST(what_was_not_sent_by_the_deadline_is_dropped)
{
        hay_connection *in, *out;
        ck_assert_int_eq(hay_pipe_new(false, &in, &out), 0);
        struct job job = { out, 64 * MIB, 7, hay_in_ms(20), 0 };
        send_it(&job);
        ck_assert_int_eq(job.result, -ETIMEDOUT);
        ck_assert_int_eq(hay_connection_send(out, "next", 4, HAY_NOWAIT), 0);
        char *buffer = malloc(64 * MIB);
        size_t size;
        ck_assert_int_eq(hay_connection_recv(in, buffer, 64 * MIB, &size, HAY_FOREVER), 0);
        ck_assert_uint_eq(size, 4);
        ck_assert_mem_eq(buffer, "next", 4);
        ck_assert_int_eq(hay_connection_recv(in, buffer, 64 * MIB, &size, HAY_NOWAIT), -ETIMEDOUT);
        free(buffer);
        hay_connection_close(in);
        hay_connection_close(out);
}

TEST(a_receiver_that_may_not_wait_gets_large_messages_all_the_same)
{
        hay_connection *in, *out;
        ck_assert_int_eq(hay_pipe_new(false, &in, &out), 0);
        struct job job = { out, 30 * MIB, 9, HAY_FOREVER, 0 };
        pid_t pid = kit_fork(send_in_child, &job);
        char *buffer = malloc(30 * MIB);
        unsigned char *expected = pattern(30 * MIB, 9);
        int r;
        do
                r = hay_connection_recv(in, buffer, 30 * MIB, NULL, HAY_NOWAIT);
        while (r == -ETIMEDOUT);
        ck_assert_int_eq(r, 0);
        ck_assert(memcmp(buffer, expected, 30 * MIB) == 0);
        ck_assert_int_eq(kit_wait(pid), 0);
        free(buffer);
        free(expected);
        hay_connection_close(in);
        hay_connection_close(out);
}

TEST(a_message_that_its_receiver_gave_up_is_sent_again)
{
        hay_connection *in, *out;
        ck_assert_int_eq(hay_pipe_new(false, &in, &out), 0);
        struct job job = { out, 30 * MIB, 9, HAY_FOREVER, 0 };
        pid_t pid = kit_fork(send_in_child, &job);
        ck_assert_int_eq(hay_connection_poll(in, HAY_FOREVER), 1);
        kit_sleep_ms(20);
        ck_assert_int_eq(kill(pid, SIGSTOP), 0);
        char *buffer = malloc(30 * MIB);
        hay_time start = hay_now();
        ck_assert_int_eq(hay_connection_recv(in, buffer, 30 * MIB, NULL, hay_in_ms(30)),
                         -ETIMEDOUT);
        ck_assert_int_lt(hay_now() - start, 1000 * 1000000ll);
        free(buffer);
        ck_assert_int_eq(kill(pid, SIGCONT), 0);
        expect_pattern(in, 30 * MIB, 9, HAY_FOREVER);
        ck_assert_int_eq(kit_wait(pid), 0);
        hay_connection_close(in);
        hay_connection_close(out);
}

TEST(both_ends_send_large_messages_at_once)
{
        hay_connection *left, *right;
        ck_assert_int_eq(hay_pipe_new(true, &left, &right), 0);
        struct job to_right = { left, 16 * MIB, 1, HAY_FOREVER, 1 };
        struct job to_left = { right, 16 * MIB, 2, HAY_FOREVER, 1 };
        pthread_t senders[2];
        pthread_create(&senders[0], NULL, send_it, &to_right);
        pthread_create(&senders[1], NULL, send_it, &to_left);
        expect_pattern(right, 16 * MIB, 1, HAY_FOREVER);
        expect_pattern(left, 16 * MIB, 2, HAY_FOREVER);
        pthread_join(senders[0], NULL);
        pthread_join(senders[1], NULL);
        ck_assert_int_eq(to_left.result, 0);
        ck_assert_int_eq(to_right.result, 0);
        hay_connection_close(left);
        hay_connection_close(right);
}

/* Leave room for so many more fds; returns the limit as it was. */
static struct rlimit leave_fds(int count)
{
        struct rlimit old;
        ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
        int probe = dup(0);
        close(probe);
        struct rlimit tight = { (rlim_t)(probe + count), old.rlim_max };
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
        return old;
}

TEST(a_receiver_out_of_fds_is_told_and_the_message_stays)
{
        hay_connection *in, *out;
        ck_assert_int_eq(hay_pipe_new(false, &in, &out), 0);
        struct job job = { out, 200000, 5, HAY_NOWAIT, 0 };
        send_it(&job);
        ck_assert_int_eq(job.result, 0);
        char *buffer = malloc(200000);
        struct rlimit old = leave_fds(0);
        int r = hay_connection_recv(in, buffer, 200000, NULL, HAY_FOREVER);
        int poll_result = hay_connection_poll(in, HAY_NOWAIT);
        setrlimit(RLIMIT_NOFILE, &old);
        free(buffer);
        ck_assert_int_eq(r, -EMFILE);
        ck_assert_int_eq(poll_result, 1);
        expect_pattern(in, 200000, 5, HAY_NOWAIT);
        hay_connection_close(in);
        hay_connection_close(out);
}

TEST(a_sender_out_of_fds_is_told_and_sends_nothing)
{
        hay_connection *in, *out;
        ck_assert_int_eq(hay_pipe_new(false, &in, &out), 0);
        struct job job = { out, 200000, 5, HAY_FOREVER, 0 };
        struct rlimit old = leave_fds(1);
        send_it(&job);
        setrlimit(RLIMIT_NOFILE, &old);
        ck_assert_int_eq(job.result, -EMFILE);
        ck_assert_int_eq(hay_connection_poll(in, HAY_NOWAIT), 0);
        hay_connection_close(in);
        hay_connection_close(out);
}

KIT_MAIN
