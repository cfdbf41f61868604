/* Waiting for many things at once leaves nothing behind that others would miss. */
#include "kill.h"

static hay_queue *queue;
static hay_connection *in;
static hay_connection *out;

static void fresh(void)
{
        kill_expect(hay_queue_new(&queue, NULL) == 0, "no queue");
        kill_expect(hay_pipe_new(false, &in, &out) == 0, "no pipe");
}

static void wait_for_any(void)
{
        struct hay_waitable all[] = { { .queue = queue }, { .connection = in } };
        hay_wait(all, 2, HAY_FOREVER);
}

static void wait_a_moment(void)
{
        struct hay_waitable all[] = { { .queue = queue }, { .connection = in } };
        hay_wait(all, 2, hay_in_ms(5));
}

static void put(void)
{
        if (hay_queue_size(queue) == 0)
                hay_queue_put(queue, "x", 1, HAY_NOWAIT);
}

static int companion_waits(void)
{
        struct hay_waitable all[] = { { .queue = queue }, { .connection = in } };
        return hay_wait(all, 2, KILL_PATIENCE) >= 1 && all[0].ready ? 0 : 1;
}

/* Others can wait for the same, and are told. */
static enum kill_found survive(void)
{
        struct hay_waitable all[] = { { .queue = queue }, { .connection = in } };
        char byte;
        size_t size;
        put();
        int r = hay_wait(all, 2, hay_in_ms(1000));
        kill_expect(r == 1 && all[0].ready, "the queue is not ready: %d", r);
        kill_expect(hay_connection_send(out, "y", 1, hay_in_ms(1000)) == 0, "send");
        r = hay_wait(all, 2, hay_in_ms(1000));
        kill_expect(r == 2 && all[1].ready, "the pipe is not ready: %d", r);
        kill_expect(hay_connection_recv(in, &byte, 1, &size, hay_in_ms(1000)) == 0, "recv");
        return KILL_UNKNOWN;
}

static void deadline_holds(void)
{
        struct hay_waitable all[] = { { .queue = queue }, { .connection = in } };
        int r = hay_wait(all, 2, hay_in_ms(60));
        kill_expect(r >= 0 || r == -ETIMEDOUT, "beside a stopped one: %d", r);
}

static const struct kill_sweep table[] = {
        { "wait: a queue and a pipe", fresh, .operation = wait_for_any, .unblock = put,
          .survive = survive, .meanwhile = deadline_holds },
        { "wait: beside another", fresh, .operation = wait_for_any, .unblock = put,
          .companion = companion_waits, .patient = true, .survive = survive },
        { "wait: deadline passes", fresh, .operation = wait_a_moment, .survive = survive,
          .meanwhile = deadline_holds },
        { "wait: first use", fresh, .operation = wait_a_moment, .survive = survive,
          .stranger = true },
};

KILL_SWEEPS(table)
