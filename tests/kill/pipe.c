/* Pipes: a message came whole or not at all; an end of file comes from the dead. */
#include "kill.h"

static hay_connection *in;
static hay_connection *out;
static hay_connection *first;
static hay_connection *second;
static int *done; /* [0]: the victim's call has returned, [1]: the companion's */

#define SMALL 100
#define LARGE ((size_t)1500 << 10)
static unsigned char buffer[LARGE];

static void fresh(void)
{
        done = hay_alloc(2 * sizeof(*done), 0);
        int r = hay_pipe_new(false, &in, &out);
        kill_expect(done && r == 0, "no pipe: %d", r);
}

static void duplex(void)
{
        done = hay_alloc(2 * sizeof(*done), 0);
        kill_expect(done && hay_pipe_new(true, &first, &second) == 0, "no pipe");
        in = first;
        out = second;
}

static int send_message(size_t size, int number, hay_time deadline)
{
        memset(buffer, number, size);
        return hay_connection_send(out, buffer, size, deadline);
}

/* The number of the next message, or an error. */
static int receive(size_t size, hay_time deadline)
{
        size_t got;
        int r = hay_connection_recv(in, buffer, sizeof(buffer), &got, deadline);
        if (r < 0)
                return r;
        kill_expect(got == size, "%zu bytes, not %zu", got, size);
        kill_expect(memcmp(buffer, buffer + 1, size - 1) == 0, "a torn message");
        return buffer[0];
}

static void send_small(void)
{
        int r = send_message(SMALL, 1, HAY_FOREVER);
        kill_expect(r == 0, "send: %d", r);
        *done = 1;
}

static void send_large(void)
{
        int r = send_message(LARGE, 1, HAY_FOREVER);
        kill_expect(r == 0, "send: %d", r);
        *done = 1;
}

static void two_in_it(void)
{
        fresh();
        for (int i = 1; i < 3; i++)
                kill_expect(send_message(SMALL, i, HAY_NOWAIT) == 0, "send");
}

static void receive_small(void)
{
        int r = receive(SMALL, HAY_FOREVER);
        kill_expect(r > 0, "receive: %d", r);
        *done = r;
}

static void receive_large(void)
{
        size_t got;
        int r = hay_connection_recv(in, buffer, sizeof(buffer), &got, HAY_FOREVER);
        kill_expect(r == 0 && got == LARGE, "receive: %d", r);
        *done = 1;
}

static void poll_it(void)
{
        hay_connection_poll(in, hay_in_ms(5));
}

static void close_both(void)
{
        in = hay_connection_close(in);
        out = hay_connection_close(out);
}

static void make(void)
{
        hay_connection *a;
        hay_connection *b;
        if (hay_pipe_new(true, &a, &b) < 0)
                return;
        hay_connection_close(a);
        hay_connection_close(b);
}

static void send_from_here(void)
{
        send_message(SMALL, 7, HAY_NOWAIT);
}

/* After it, messages go through as ever; and with all senders gone comes the end of file. */
static void use(void)
{
        kill_expect(send_message(SMALL, 9, hay_in_ms(1000)) == 0, "it can't be sent to");
        kill_expect(kill_in_time(receive(SMALL, hay_in_ms(1000))) == 9, "another message");
        hay_connection *sender = out;
        if (in == first)
                return;
        out = NULL;
        hay_connection_close(sender);
        int r = kill_in_time(receive(SMALL, hay_in_ms(1000)));
        kill_expect(r == -EPIPE, "no end of file: %d", r);
        /* The fds are counted. */
        kill_expect(hay_pipe_new(false, &first, &out) == 0, "no other pipe");
        hay_connection_close(first);
        first = NULL;
}

static enum kill_found survive_send(void)
{
        int r = receive(SMALL, HAY_NOWAIT);
        kill_expect(r == 1 || r == -ETIMEDOUT, "receive: %d", r);
        kill_expect(r == 1 || !*done, "sent, and not there");
        use();
        return r == 1 ? KILL_AFTER : KILL_BEFORE;
}

static enum kill_found survive_receive(void)
{
        int r = kill_in_time(receive(SMALL, hay_in_ms(1000)));
        kill_expect(r == 1 || r == 2, "receive: %d", r);
        kill_expect(r == 2 || !*done, "received twice");
        enum kill_found found = r == 2 ? KILL_AFTER : KILL_BEFORE;
        if (r == 1)
                kill_expect(kill_in_time(receive(SMALL, hay_in_ms(1000))) == 2, "the second");
        use();
        return found;
}

static enum kill_found survive_use(void)
{
        while (receive(SMALL, HAY_NOWAIT) > 0)
                ;
        use();
        return KILL_UNKNOWN;
}

/* It gets the victim's message, or else the next one. */
static int companion_receives_large(void)
{
        int r = receive(LARGE, KILL_PATIENCE);
        __atomic_store_n(&done[1], 1, __ATOMIC_SEQ_CST);
        return r == 1 || r == 2 ? 0 : 1;
}

/* The companion has one, perhaps the dead one's; then nobody receives the other. */
static enum kill_found survive_send_large(void)
{
        int r = -ETIMEDOUT;
        hay_time until = hay_in_ms(900);
        while (r < 0 && !__atomic_load_n(&done[1], __ATOMIC_SEQ_CST) && hay_now() < until) {
                r = send_message(LARGE, 2, hay_in_ms(200));
                kill_expect(r == 0 || r == -ETIMEDOUT, "send: %d", r);
        }
        return KILL_UNKNOWN;
}

static int companion_sends_large(void)
{
        return send_message(LARGE, 1, KILL_PATIENCE) == 0 ? 0 : 1;
}

static enum kill_found survive_receive_large(void)
{
        int r = receive(LARGE, hay_in_ms(300));
        kill_expect(r == 1 || r == -ETIMEDOUT, "receive: %d", r);
        return KILL_UNKNOWN;
}

static void deadline_holds(void)
{
        int r = receive(SMALL, hay_in_ms(60));
        kill_expect(r >= 0 || r == -ETIMEDOUT, "beside a stopped one: %d", r);
        r = send_message(SMALL, 30, hay_in_ms(60));
        kill_expect(r == 0 || r == -ETIMEDOUT, "beside a stopped one: %d", r);
        receive(SMALL, hay_in_ms(60));
}

static const struct kill_sweep table[] = {
        { "pipe: send", fresh, .operation = send_small, .survive = survive_send },
        { "pipe: send, duplex", duplex, .operation = send_small, .survive = survive_send },
        { "pipe: send, first use", fresh, .operation = send_small, .survive = survive_send,
          .stranger = true },
        { "pipe: send, large", fresh, .operation = send_large, .survive = survive_send_large,
          .companion = companion_receives_large, .patient = true },
        { "pipe: recv", two_in_it, .operation = receive_small, .survive = survive_receive },
        { "pipe: recv, empty", fresh, .operation = receive_small, .survive = survive_use,
          .unblock = send_from_here, .meanwhile = deadline_holds },
        { "pipe: recv, large", fresh, .operation = receive_large, .survive = survive_receive_large,
          .companion = companion_sends_large, .patient = true },
        { "pipe: poll", fresh, .operation = poll_it, .survive = survive_use,
          .meanwhile = deadline_holds },
        { "pipe: close", two_in_it, .operation = close_both, .survive = survive_use },
        { "pipe: new", fresh, .operation = make, .survive = survive_use },
};

KILL_SWEEPS(table)
