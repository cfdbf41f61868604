/* The n-th kernel call of an operation fails, for every n: the error is told, nothing leaks, and
 * the pipe is as it was. */
#include "kit.h"

#include "os/fault.h"

#define MEDIUM 150000

static hay_connection *in, *out;
static char *buffer;
/* Which call fails from now on, counted from 1 down; 0: none. */
static int countdown;
static int fault_code;

bool hf_fault(const char *call)
{
        (void)call;
        if (countdown == 0 || --countdown > 0)
                return false;
        errno = fault_code;
        return true;
}

static void open_all(void)
{
        ck_assert_int_eq(hay_pipe_new(false, &in, &out), 0);
        buffer = malloc(MEDIUM);
        memset(buffer, 'b', MEDIUM);
}

static void close_all(void)
{
        in = hay_connection_close(in);
        out = hay_connection_close(out);
        free(buffer);
}

static void expect(size_t expected)
{
        size_t size;
        ck_assert_int_eq(hay_connection_recv(in, buffer, MEDIUM, &size, HAY_FOREVER), 0);
        ck_assert_uint_eq(size, expected);
}

/* Run it with its n-th call failing; true when it made fewer calls. */
static bool fails_at(int n, int code, int (*operation)(void), int *ret_result)
{
        countdown = n;
        fault_code = code;
        *ret_result = operation();
        bool has_passed = countdown > 0;
        countdown = 0;
        return has_passed;
}

static int make_and_close(void)
{
        hay_connection *first = NULL, *second = NULL;
        int r = hay_pipe_new(true, &first, &second);
        hay_connection_close(first);
        hay_connection_close(second);
        return r;
}

TEST(pipe_new_tells_what_failed)
{
        int r;
        ck_assert(!fails_at(1, ENFILE, make_and_close, &r));
        ck_assert_int_eq(r, -ENFILE);
        ck_assert(!fails_at(1, ENOBUFS, make_and_close, &r));
        ck_assert_int_eq(r, -ENOMEM);
        ck_assert(fails_at(2, ENOMEM, make_and_close, &r));
        ck_assert_int_eq(r, 0);
}

static int send_small(void)
{
        return hay_connection_send(out, buffer, 100, HAY_NOWAIT);
}

static int send_medium(void)
{
        return hay_connection_send(out, buffer, MEDIUM, HAY_FOREVER);
}

static void check_sends(int (*operation)(void), size_t size)
{
        open_all();
        int r = -1;
        bool has_passed = false;
        for (int n = 1; !has_passed; n++) {
                has_passed = fails_at(n, ENOBUFS, operation, &r);
                ck_assert_int_eq(r, has_passed ? 0 : -ENOMEM);
                if (has_passed)
                        expect(size);
                ck_assert_int_eq(hay_connection_send(out, "next", 4, HAY_NOWAIT), 0);
                expect(4);
        }
        close_all();
}

TEST(send_tells_what_failed_and_sent_nothing)
{
        check_sends(send_small, 100);
        check_sends(send_medium, MEDIUM);
}

static int receive(void)
{
        return hay_connection_recv(in, buffer, MEDIUM, NULL, HAY_FOREVER);
}

TEST(recv_tells_what_failed_and_the_message_stays)
{
        open_all();
        int r = -1;
        bool has_passed = false;
        for (int n = 1; !has_passed; n++) {
                ck_assert_int_eq(hay_connection_send(out, "some", 4, HAY_NOWAIT), 0);
                has_passed = fails_at(n, ENOMEM, receive, &r);
                ck_assert_int_eq(r, has_passed ? 0 : -ENOMEM);
                if (!has_passed)
                        expect(4);
                ck_assert_int_eq(hay_connection_poll(in, HAY_NOWAIT), 0);
        }
        close_all();
}

TEST(recv_of_a_large_message_tells_what_failed_and_leaves_it_until_it_took_it)
{
        open_all();
        int r = -1;
        bool has_passed = false;
        int has_stayed = 0;
        for (int n = 1; !has_passed; n++) {
                ck_assert_int_eq(send_medium(), 0);
                has_passed = fails_at(n, ENOMEM, receive, &r);
                ck_assert_int_eq(r, has_passed ? 0 : -ENOMEM);
                if (hay_connection_poll(in, HAY_NOWAIT)) {
                        expect(MEDIUM);
                        has_stayed++;
                }
        }
        ck_assert_int_eq(has_stayed, 3);
        close_all();
}

static int receive_soon(void)
{
        return hay_connection_recv(in, buffer, MEDIUM, NULL, hay_in_ms(10));
}

static int poll_soon(void)
{
        return hay_connection_poll(in, hay_in_ms(10));
}

TEST(waits_tell_what_failed_and_go_on_after_an_interruption)
{
        open_all();
        int r;
        ck_assert(!fails_at(2, ENOMEM, receive_soon, &r));
        ck_assert_int_eq(r, -ENOMEM);
        ck_assert(!fails_at(1, ENOMEM, poll_soon, &r));
        ck_assert_int_eq(r, -ENOMEM);
        for (int n = 1; n < 3; n++) {
                ck_assert(!fails_at(n, EINTR, receive_soon, &r));
                ck_assert_int_eq(r, -ETIMEDOUT);
        }
        ck_assert(!fails_at(1, EINTR, poll_soon, &r));
        ck_assert_int_eq(r, 0);
        ck_assert(!fails_at(2, EINTR, send_medium, &r));
        ck_assert_int_eq(r, 0);
        expect(MEDIUM);
        close_all();
}

KIT_MAIN
