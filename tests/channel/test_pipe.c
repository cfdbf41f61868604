/* A pipe in one process: what is sent comes, whole and in order; what can't be is said. */
#include "kit.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>

static void open_pipe(bool duplex, hay_connection **first, hay_connection **second)
{
        ck_assert_int_eq(hay_pipe_new(duplex, first, second), 0);
}

static void close_both(hay_connection *first, hay_connection *second)
{
        ck_assert_ptr_null(hay_connection_close(first));
        ck_assert_ptr_null(hay_connection_close(second));
}

static void send_text(hay_connection *connection, const char *text)
{
        ck_assert_int_eq(hay_connection_send(connection, text, strlen(text), HAY_FOREVER), 0);
}

static void expect_text(hay_connection *connection, const char *text)
{
        char got[64];
        size_t size = 99;
        ck_assert_int_eq(hay_connection_recv(connection, got, sizeof(got), &size, HAY_FOREVER), 0);
        ck_assert_uint_eq(size, strlen(text));
        ck_assert_mem_eq(got, text, size);
}

TEST(one_way_pipe_carries_messages_in_order)
{
        hay_connection *in, *out;
        open_pipe(false, &in, &out);
        send_text(out, "one");
        send_text(out, "");
        send_text(out, "three");
        expect_text(in, "one");
        expect_text(in, "");
        expect_text(in, "three");
        close_both(in, out);
}

TEST(duplex_pipe_carries_messages_both_ways)
{
        hay_connection *left, *right;
        open_pipe(true, &left, &right);
        send_text(left, "to the right");
        send_text(right, "to the left");
        expect_text(left, "to the left");
        expect_text(right, "to the right");
        close_both(left, right);
}

TEST(one_way_ends_refuse_the_wrong_direction)
{
        hay_connection *in, *out;
        open_pipe(false, &in, &out);
        char byte = 0;
        ck_assert_int_eq(hay_connection_send(in, &byte, 1, HAY_NOWAIT), -EBADF);
        ck_assert_int_eq(hay_connection_recv(out, &byte, 1, NULL, HAY_NOWAIT), -EBADF);
        ck_assert_int_eq(hay_connection_poll(out, HAY_NOWAIT), -EBADF);
        close_both(in, out);
}

TEST(bad_arguments_are_refused)
{
        hay_connection *in, *out;
        ck_assert_int_eq(hay_pipe_new(true, NULL, &out), -EINVAL);
        ck_assert_int_eq(hay_pipe_new(true, &in, NULL), -EINVAL);
        open_pipe(false, &in, &out);
        char byte = 0;
        ck_assert_int_eq(hay_connection_send(NULL, &byte, 1, HAY_NOWAIT), -EINVAL);
        ck_assert_int_eq(hay_connection_send(out, NULL, 1, HAY_NOWAIT), -EINVAL);
        ck_assert_int_eq(hay_connection_recv(NULL, &byte, 1, NULL, HAY_NOWAIT), -EINVAL);
        ck_assert_int_eq(hay_connection_recv(in, NULL, 1, NULL, HAY_NOWAIT), -EINVAL);
        ck_assert_int_eq(hay_connection_poll(NULL, HAY_NOWAIT), -EINVAL);
        ck_assert_int_eq(hay_connection_fd(NULL), -EINVAL);
        ck_assert_ptr_null(hay_connection_close(NULL));
        close_both(in, out);
}

TEST(a_message_of_no_bytes_is_not_the_end_of_file)
{
        hay_connection *in, *out;
        open_pipe(false, &in, &out);
        ck_assert_int_eq(hay_connection_send(out, NULL, 0, HAY_NOWAIT), 0);
        hay_connection_close(out);
        size_t size = 99;
        ck_assert_int_eq(hay_connection_recv(in, NULL, 0, &size, HAY_NOWAIT), 0);
        ck_assert_uint_eq(size, 0);
        ck_assert_int_eq(hay_connection_recv(in, NULL, 0, &size, HAY_NOWAIT), -EPIPE);
        hay_connection_close(in);
}

TEST(what_was_sent_before_the_close_is_still_received)
{
        hay_connection *left, *right;
        open_pipe(true, &left, &right);
        send_text(left, "never read");
        send_text(right, "last words");
        hay_connection_close(right);
        ck_assert_int_eq(hay_connection_poll(left, HAY_NOWAIT), 1);
        expect_text(left, "last words");
        char byte;
        ck_assert_int_eq(hay_connection_recv(left, &byte, 1, NULL, HAY_FOREVER), -EPIPE);
        ck_assert_int_eq(hay_connection_recv(left, &byte, 1, NULL, HAY_FOREVER), -EPIPE);
        hay_connection_close(left);
}

TEST(send_to_nobody_is_an_error_and_no_signal)
{
        hay_connection *left, *right;
        open_pipe(true, &left, &right);
        send_text(left, "never read");
        hay_connection_close(right);
        ck_assert_int_eq(hay_connection_send(left, "x", 1, HAY_FOREVER), -EPIPE);
        ck_assert_int_eq(hay_connection_send(left, "x", 1, HAY_NOWAIT), -EPIPE);
        void *large = calloc(1, 1 << 20);
        ck_assert_int_eq(hay_connection_send(left, large, 1 << 20, HAY_FOREVER), -EPIPE);
        free(large);
        hay_connection_close(left);
}

TEST(a_short_buffer_is_told_the_needed_size_and_loses_nothing)
{
        hay_connection *in, *out;
        open_pipe(false, &in, &out);
        send_text(out, "twelve bytes");
        send_text(out, "next");
        char buffer[12] = { 0 };
        size_t size = 0;
        ck_assert_int_eq(hay_connection_recv(in, buffer, 11, &size, HAY_FOREVER), -EMSGSIZE);
        ck_assert_uint_eq(size, 12);
        ck_assert_int_eq(buffer[0], 0);
        ck_assert_int_eq(hay_connection_recv(in, NULL, 0, &size, HAY_NOWAIT), -EMSGSIZE);
        ck_assert_int_eq(hay_connection_recv(in, buffer, 5, NULL, HAY_NOWAIT), -EMSGSIZE);
        ck_assert_int_eq(hay_connection_poll(in, HAY_NOWAIT), 1);
        ck_assert_int_eq(hay_connection_recv(in, buffer, 12, &size, HAY_FOREVER), 0);
        ck_assert_mem_eq(buffer, "twelve bytes", 12);
        expect_text(in, "next");
        close_both(in, out);
}

TEST(recv_and_poll_time_out_on_an_empty_pipe)
{
        hay_connection *left, *right;
        open_pipe(true, &left, &right);
        char byte;
        size_t size = 77;
        ck_assert_int_eq(hay_connection_recv(left, &byte, 1, &size, HAY_NOWAIT), -ETIMEDOUT);
        ck_assert_uint_eq(size, 77);
        hay_time start = hay_now();
        ck_assert_int_eq(hay_connection_recv(left, &byte, 1, &size, hay_in_ms(30)), -ETIMEDOUT);
        ck_assert_int_ge(hay_now() - start, 30 * 1000000);
        ck_assert_int_eq(hay_connection_poll(left, HAY_NOWAIT), 0);
        start = hay_now();
        ck_assert_int_eq(hay_connection_poll(left, hay_in_ms(30)), 0);
        ck_assert_int_ge(hay_now() - start, 30 * 1000000);
        close_both(left, right);
}

TEST(send_times_out_on_a_full_pipe_which_stays_whole)
{
        hay_connection *in, *out;
        open_pipe(false, &in, &out);
        unsigned sent = 0;
        while (hay_connection_send(out, &sent, sizeof(sent), HAY_NOWAIT) == 0)
                sent++;
        ck_assert_uint_gt(sent, 100);
        hay_time start = hay_now();
        ck_assert_int_eq(hay_connection_send(out, &sent, sizeof(sent), hay_in_ms(20)), -ETIMEDOUT);
        ck_assert_int_ge(hay_now() - start, 20 * 1000000);
        for (unsigned i = 0; i < sent; i++) {
                unsigned got;
                ck_assert_int_eq(hay_connection_recv(in, &got, sizeof(got), NULL, HAY_NOWAIT), 0);
                ck_assert_uint_eq(got, i);
        }
        ck_assert_int_eq(hay_connection_send(out, &sent, sizeof(sent), HAY_NOWAIT), 0);
        close_both(in, out);
}

TEST(the_fd_tells_poll_when_a_recv_would_not_wait)
{
        hay_connection *left, *right;
        open_pipe(true, &left, &right);
        struct pollfd entry = { .fd = hay_connection_fd(left), .events = POLLIN };
        ck_assert_int_ge(entry.fd, 0);
        ck_assert_int_ne(fcntl(entry.fd, F_GETFD) & FD_CLOEXEC, 0);
        ck_assert_int_ne(fcntl(hay_connection_fd(right), F_GETFD) & FD_CLOEXEC, 0);
        ck_assert_int_eq(poll(&entry, 1, 0), 0);
        send_text(right, "x");
        ck_assert_int_eq(poll(&entry, 1, 0), 1);
        expect_text(left, "x");
        ck_assert_int_eq(poll(&entry, 1, 0), 0);
        hay_connection_close(right);
        ck_assert_int_eq(poll(&entry, 1, 0), 1);
        hay_connection_close(left);
}

TEST(out_of_fds_is_said_and_nothing_leaks)
{
        int before = kit_fds();
        struct rlimit old, none;
        ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
        int probe = dup(0);
        close(probe);
        none = (struct rlimit){ (rlim_t)probe + 1, old.rlim_max };
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
        hay_connection *first = NULL, *second = NULL;
        int r = hay_pipe_new(true, &first, &second);
        setrlimit(RLIMIT_NOFILE, &old);
        ck_assert_int_eq(r, -EMFILE);
        ck_assert_ptr_null(first);
        ck_assert_ptr_null(second);
        ck_assert_int_eq(kit_fds(), before);
}

TEST(errno_is_left_alone)
{
        hay_connection *in, *out;
        open_pipe(false, &in, &out);
        char byte;
        errno = 4711;
        hay_connection_recv(in, &byte, 1, NULL, hay_in_ms(1));
        hay_connection_poll(in, HAY_NOWAIT);
        while (hay_connection_send(out, "x", 1, HAY_NOWAIT) == 0)
                ;
        hay_connection_close(in);
        hay_connection_send(out, "x", 1, HAY_FOREVER);
        hay_connection_close(out);
        ck_assert_int_eq(errno, 4711);
}

static volatile sig_atomic_t signals;

static void count_signal(int number)
{
        (void)number;
        signals++;
}

static int ring_then_send(void *arg)
{
        for (int i = 0; i < 5; i++) {
                kit_sleep_ms(10);
                kill(getppid(), SIGUSR1);
        }
        kit_sleep_ms(10);
        return hay_connection_send(arg, "late", 4, HAY_FOREVER) ? 1 : 0;
}

TEST(signals_do_not_end_a_wait)
{
        struct sigaction action = { .sa_handler = count_signal };
        ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
        hay_connection *in, *out;
        open_pipe(false, &in, &out);
        pid_t pid = kit_fork(ring_then_send, out);
        expect_text(in, "late");
        ck_assert_int_eq(kit_wait(pid), 0);
        ck_assert_int_ge(signals, 1);
        signals = 0;
        pid = kit_fork(ring_then_send, out);
        hay_time start = hay_now();
        char byte;
        ck_assert_int_eq(hay_connection_recv(in, &byte, 0, NULL, hay_in_ms(30)), -ETIMEDOUT);
        ck_assert_int_ge(hay_now() - start, 30 * 1000000);
        expect_text(in, "late");
        ck_assert_int_eq(kit_wait(pid), 0);
        close_both(in, out);
}

KIT_MAIN
