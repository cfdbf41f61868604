/* Queues: a message is in it once, or not yet; or it was taken, and is delivered, lost and counted,
 * or delivered again. */
#include "kill.h"

#include <sys/wait.h>

static hay_queue *queue;

/* What the victim says, after the call returned. */
static struct {
        int done;
        int got; /* the message's number */
} * shared;

static unsigned first; /* messages are numbered; these are in it at the start */
static unsigned last;
static size_t size;   /* of each */
static size_t others; /* blocks that are none of the queue's */
static struct hay_message lent;

#define MOST (256u << 10)
static unsigned char buffer[MOST];

/* Every byte of a message tells its number. */
static void write_message(unsigned char *data, size_t bytes, unsigned number)
{
        memset(data, (int)(number & 0xff), bytes);
}

static unsigned read_message(const unsigned char *data, size_t bytes)
{
        kill_expect(bytes == size, "a message of %zu bytes, not %zu", bytes, size);
        kill_expect(memcmp(data, data + 1, bytes - 1) == 0, "a torn message");
        return data[0];
}

static void put_next(void)
{
        write_message(buffer, size, last + 1);
        int r = hay_queue_put(queue, buffer, size, HAY_FOREVER);
        kill_expect(r == 0, "put: %d", r);
        shared->done = 1;
}

static void new_and_release(void)
{
        struct hay_message message;
        if (hay_message_new(&message, 3000) == 0)
                hay_message_release(&message);
}

static void make(size_t message_size, unsigned count, size_t max_messages, bool joinable)
{
        struct hay_queue_options options = { .max_messages = max_messages, .joinable = joinable };
        size = message_size;
        first = 1;
        last = 0;
        shared = hay_alloc(sizeof(*shared), 0);
        /* The region's ledger is made at the first such call, and stays. */
        new_and_release();
        struct hay_audit now;
        kill_expect(hay_audit(&now) == 0, "damage");
        others = now.blocks;
        int r = hay_queue_new(&queue, &options);
        kill_expect(shared && r == 0, "no queue: %d", r);
        for (; last < count; last++)
                put_next();
        shared->done = 0;
}

static void empty(void)
{
        make(100, 0, 0, false);
}

static void some(void)
{
        make(100, 5, 0, false);
}

static void bounded_full(void)
{
        make(100, 3, 3, false);
}

/* The next message does not fit into the ring's rest: it wraps. */
static void about_to_wrap(void)
{
        make(200, 0, 0, false);
        for (int i = 0; i < 9; i++) {
                put_next();
                last++;
                if (i > 6)
                        continue;
                size_t got;
                hay_queue_get(queue, buffer, MOST, &got, HAY_NOWAIT);
                first++;
        }
        shared->done = 0;
}

/* The next message does not fit into the ring at all: a larger one follows. */
static void about_to_grow(void)
{
        make(200, 9, 0, false);
}

/* The oldest message is the last of an old ring. */
static void grown(void)
{
        make(200, 15, 0, false);
        size_t got;
        for (; first < 10; first++)
                hay_queue_get(queue, buffer, MOST, &got, HAY_NOWAIT);
}

static void big(void)
{
        make(70000, 0, 0, false);
}

static void some_big(void)
{
        make(70000, 2, 0, false);
}

static void joinable_some(void)
{
        make(100, 3, 0, true);
}

static void joinable_big(void)
{
        make(5000, 2, 0, true);
}

static void get_next(void)
{
        size_t got;
        int r = hay_queue_get(queue, buffer, MOST, &got, HAY_FOREVER);
        kill_expect(r >= 0, "get: %d", r);
        shared->got = (int)read_message(buffer, got);
}

static void take_next(void)
{
        int r = hay_queue_take(queue, &lent, HAY_FOREVER);
        kill_expect(r >= 0, "take: %d", r);
        read_message(lent.data, lent.size);
        hay_message_release(&lent);
        shared->got = 1;
}

static void send_next(void)
{
        struct hay_message message;
        kill_expect(hay_message_new(&message, size) == 0, "no message");
        write_message(message.data, size, last + 1);
        int r = hay_queue_send(queue, &message, HAY_FOREVER);
        kill_expect(r == 0, "send: %d", r);
        shared->done = 1;
}

/* What was taken goes back to the end, without a copy. */
static void pass_on(void)
{
        if (hay_queue_take(queue, &lent, HAY_FOREVER) < 0)
                return;
        memset(lent.data, (int)(last + 1), lent.size);
        hay_queue_send(queue, &lent, HAY_FOREVER);
        shared->done = 1;
}

#define RUN 6
static void put_run(void)
{
        struct hay_part parts[RUN];
        for (unsigned i = 0; i < RUN; i++) {
                parts[i] = (struct hay_part){ buffer + i * size, size };
                write_message(parts[i].data, size, last + 1 + i);
        }
        kill_expect(hay_queue_put_many(queue, parts, RUN, HAY_FOREVER) == RUN, "put_many");
        shared->done = 1;
}

static void get_run(void)
{
        struct hay_part parts[RUN];
        for (unsigned i = 0; i < RUN; i++)
                parts[i] = (struct hay_part){ buffer + i * 1000, 1000 };
        kill_expect(hay_queue_get_many(queue, parts, RUN, HAY_FOREVER) > 0, "get_many");
        shared->got = 1;
}

static void get_and_be_done(void)
{
        get_next();
        hay_queue_task_done(queue);
        shared->done = 1;
}

static void close_it(void)
{
        hay_queue_close(queue);
}

static void get_one_here(void)
{
        size_t got;
        if (hay_queue_get(queue, buffer, MOST, &got, HAY_NOWAIT) >= 0)
                first++;
}

/* Bury the dead, and let others have what became free by that, before anybody looks at messages. */
static void let_others_in(void)
{
        void *blocks[4];
        kill_expect(hay_audit(NULL) == 0, "damage");
        for (int i = 0; i < 4; i++) {
                blocks[i] = hay_alloc(size, 0);
                kill_expect(blocks[i], "no memory");
                memset(blocks[i], 0xee - i, size);
                ((unsigned char *)blocks[i])[0] = 0;
        }
        for (int i = 0; i < 4; i++)
                kill_expect(!hay_free(blocks[i]), "a block of others is gone");
}

/* Messages come out in order, each whole; the numbers of the first and the last. */
static unsigned drain(unsigned *ret_first, unsigned *ret_last, unsigned *ret_again)
{
        unsigned count = 0;
        *ret_again = 0;
        let_others_in();
        for (;;) {
                size_t got;
                int r = hay_queue_get(queue, buffer, MOST, &got, HAY_NOWAIT);
                if (r == -ETIMEDOUT && hay_queue_size(queue) > 0)
                        r = kill_in_time(hay_queue_get(queue, buffer, MOST, &got, hay_in_ms(1000)));
                if (r == -ETIMEDOUT || r == -EPIPE)
                        return count;
                kill_expect(r == 0 || r == HAY_REDELIVERED, "get: %d", r);
                unsigned number = read_message(buffer, got);
                *ret_again += r == HAY_REDELIVERED;
                kill_expect(count == 0 || number == *ret_last + 1, "%u follows %u", number,
                            *ret_last);
                if (count++ == 0)
                        *ret_first = number;
                *ret_last = number;
        }
}

/* Messages go through it, and then it goes. */
static void use_and_free(void)
{
        for (unsigned i = 0; i < 3; i++) {
                size_t got;
                write_message(buffer, size, 200 + i);
                int r = kill_in_time(hay_queue_put(queue, buffer, size, hay_in_ms(1000)));
                if (r == -EPIPE)
                        break;
                kill_expect(r == 0, "put: %d", r);
                r = kill_in_time(hay_queue_get(queue, buffer, MOST, &got, hay_in_ms(1000)));
                kill_expect(r == 0 && read_message(buffer, got) == 200 + i, "get: %d", r);
        }
        kill_expect(hay_queue_empty(queue) == 1, "drained, and not empty");
        kill_expect(!hay_queue_free(queue), "it can't be freed");
        long more = kill_more_blocks();
        kill_expect(more < 0, "%ld blocks are left of the queue", more);
        kill_keep_blocks(more);
}

static void expect_only_others(void)
{
        struct hay_audit now;
        kill_expect(hay_audit(&now) == 0, "damage");
        if (now.blocks != others)
                kill_leak("%zu blocks are left of the queue", now.blocks - others);
}

/* After puts of up to `count` messages; in a row, so that a part of a run may be there. */
static enum kill_found survive_puts(unsigned count)
{
        unsigned from = first;
        unsigned to = first - 1;
        unsigned again;
        drain(&from, &to, &again);
        kill_expect(from == first, "the oldest message is %u, not %u", from, first);
        kill_expect(to >= last && to <= last + count, "the last message is %u of %u", to, last);
        kill_expect(!shared->done || to == last + count, "put has returned, but no message");
        kill_expect(hay_queue_lost(queue) == 0, "%lu lost", (unsigned long)hay_queue_lost(queue));
        use_and_free();
        expect_only_others();
        return to > last ? KILL_AFTER : KILL_BEFORE;
}

static enum kill_found survive_put(void)
{
        return survive_puts(1);
}

static enum kill_found survive_put_run(void)
{
        return survive_puts(RUN);
}

/* The queue was full, and room came when the victim slept. */
static enum kill_found survive_put_full(void)
{
        survive_put();
        return KILL_UNKNOWN;
}

/* After gets of up to `count`: what is not in it was taken, and is lost unless it was returned. */
static enum kill_found survive_gets(unsigned count)
{
        unsigned from = last + 1;
        unsigned to = last;
        unsigned again;
        drain(&from, &to, &again);
        unsigned taken = from - first;
        kill_expect(to == last, "the last message is %u, not %u", to, last);
        kill_expect(taken <= count, "%u messages are gone", taken);
        uint64_t lost = hay_queue_lost(queue);
        kill_expect(lost <= taken, "%lu lost, %u gone", (unsigned long)lost, taken);
        kill_expect(!shared->got || (taken && !lost), "delivered: %u gone, %lu lost", taken,
                    (unsigned long)lost);
        use_and_free();
        expect_only_others();
        return taken ? KILL_AFTER : KILL_BEFORE;
}

static enum kill_found survive_get(void)
{
        return survive_gets(1);
}

static enum kill_found survive_get_run(void)
{
        return survive_gets(RUN);
}

/* Nothing is lost: it is in the queue, or delivered again, perhaps behind the others. */
static enum kill_found survive_joinable(void)
{
        unsigned count = 0;
        unsigned again = 0;
        bool seen[8] = { false };
        let_others_in();
        /* Who is in the middle of settling what the dead one had may not have counted it yet. */
        kill_expect(hay_queue_lost(queue) == 0, "a joinable queue lost one");
        while (hay_queue_size(queue) > 0) {
                size_t got;
                int r = kill_in_time(hay_queue_get(queue, buffer, MOST, &got, hay_in_ms(1000)));
                kill_expect(r == 0 || r == HAY_REDELIVERED, "get: %d", r);
                unsigned number = read_message(buffer, got);
                kill_expect(number >= first && number <= last && !seen[number], "message %u",
                            number);
                seen[number] = true;
                kill_expect(r == 0 || number == first, "%u was delivered before", number);
                again += r == HAY_REDELIVERED;
                count++;
        }
        bool gone = !seen[first];
        kill_expect(count + gone == last - first + 1, "%u messages", count);
        kill_expect(!shared->done || gone, "dealt with, and delivered again");
        kill_expect(!shared->got || gone || again == 1, "delivered again, and not flagged");
        for (unsigned i = 0; i < count; i++)
                kill_expect(hay_queue_task_done(queue) == 0, "task_done %u", i);
        kill_expect(hay_queue_task_done(queue) == -EPERM, "more than there were");
        int r = kill_in_time(hay_queue_join(queue, hay_in_ms(1000)));
        kill_expect(r == 0, "join: %d", r);
        return gone ? KILL_AFTER : KILL_BEFORE;
}

static enum kill_found survive_joinable_free(void)
{
        enum kill_found found = survive_joinable();
        hay_queue_free(queue);
        expect_only_others();
        kill_keep_blocks(kill_more_blocks());
        return found;
}

static enum kill_found survive_pass_on(void)
{
        unsigned count = 0;
        let_others_in();
        for (;; count++) {
                size_t got;
                int r = hay_queue_get(queue, buffer, MOST, &got, HAY_NOWAIT);
                if (r == -ETIMEDOUT)
                        break;
                kill_expect(r == 0, "get: %d", r);
                unsigned number = read_message(buffer, got);
                kill_expect(number >= first && number <= last + 1, "message %u", number);
        }
        uint64_t lost = hay_queue_lost(queue);
        kill_expect(count + lost == last - first + 1 || (lost == 0 && count == last - first),
                    "%u messages and %lu lost of %u", count, (unsigned long)lost, last - first + 1);
        use_and_free();
        expect_only_others();
        return KILL_UNKNOWN;
}

static enum kill_found survive_use(void)
{
        unsigned from = 0;
        unsigned to = 0;
        unsigned again;
        drain(&from, &to, &again);
        use_and_free();
        expect_only_others();
        return KILL_UNKNOWN;
}

static int companion_gets(void)
{
        unsigned char data[1000];
        size_t got;
        int r = hay_queue_get(queue, data, sizeof(data), &got, KILL_PATIENCE);
        if (r < 0 || got != size)
                return 1;
        shared->got = data[0];
        return 0;
}

/* The message goes to the companion; if it never came, another one does. */
static enum kill_found survive_with_getter(void)
{
        hay_time until = hay_in_ms(400);
        while (!shared->got && hay_now() < until && hay_queue_size(queue) > 0)
                usleep(1000);
        enum kill_found found = shared->got || hay_queue_size(queue) > 0 ? KILL_AFTER : KILL_BEFORE;
        if (found == KILL_BEFORE) {
                write_message(buffer, size, 9);
                kill_expect(hay_queue_put(queue, buffer, size, HAY_NOWAIT) == 0, "put");
        }
        return found;
}

static int companion_puts(void)
{
        unsigned char data[1000];
        memset(data, (int)last + 1, size);
        return hay_queue_put(queue, data, size, KILL_PATIENCE) < 0;
}

/* Room comes for the companion, if the victim has not made it. */
static enum kill_found survive_with_putter(void)
{
        size_t got;
        if (hay_queue_full(queue) == 1)
                kill_expect(hay_queue_get(queue, buffer, MOST, &got, hay_in_ms(1000)) >= 0, "get");
        return KILL_UNKNOWN;
}

static int companion_sees_close(void)
{
        unsigned char data[1000];
        size_t got;
        int r = hay_queue_get(queue, data, sizeof(data), &got, KILL_PATIENCE);
        return r == -EPIPE ? 0 : 1;
}

static enum kill_found survive_close(void)
{
        int r = hay_queue_put(queue, buffer, size, HAY_NOWAIT);
        kill_expect(r == 0 || r == -EPIPE, "put: %d", r);
        if (r == 0) {
                size_t got;
                /* The companion may have been faster. */
                hay_queue_get(queue, buffer, MOST, &got, HAY_NOWAIT);
                hay_queue_close(queue);
        }
        kill_expect(hay_queue_put(queue, buffer, size, HAY_NOWAIT) == -EPIPE, "closed, and open");
        return r ? KILL_AFTER : KILL_BEFORE;
}

static enum kill_found survive_close_with_getter(void)
{
        hay_queue_close(queue);
        return KILL_UNKNOWN;
}

static int companion_joins(void)
{
        return hay_queue_join(queue, KILL_PATIENCE) < 0;
}

static enum kill_found survive_with_joiner(void)
{
        enum kill_found found = survive_joinable();
        kill_keep_blocks(kill_more_blocks());
        return found;
}

/* Nothing was lent in this region before. */
static void fresh_region(void)
{
        hay_free(hay_alloc(16, 0));
}

static enum kill_found survive_first_message(void)
{
        long more = kill_more_blocks();
        kill_expect(more >= 0 && more <= 2, "%ld blocks more", more);
        new_and_release();
        more = kill_more_blocks();
        kill_expect(more == 2, "%ld blocks in the region's ledger", more);
        kill_keep_blocks(more);
        return KILL_UNKNOWN;
}

static void make_one(void)
{
        hay_queue *other;
        hay_queue_new(&other, NULL);
}

static enum kill_found survive_new(void)
{
        long more = kill_more_blocks();
        kill_expect(more >= 0 && more <= 2, "%ld blocks more", more);
        hay_queue *other;
        kill_expect(hay_queue_new(&other, NULL) == 0 && !hay_queue_free(other), "no other queue");
        kill_expect(more == kill_more_blocks(), "a queue leaves blocks");
        kill_expect(more != 1, "half a queue is left");
        kill_keep_blocks(more);
        return more ? KILL_AFTER : KILL_BEFORE;
}

static void free_it(void)
{
        hay_queue_free(queue);
}

/* Who died in the middle of it wanted it gone; who died before it begins it leaves it whole. */
static enum kill_found survive_free(void)
{
        kill_expect(hay_audit(NULL) == 0, "damage");
        ssize_t count = hay_queue_size(queue);
        kill_expect(count == -EINVAL || count == (ssize_t)(last - first + 1), "size %zd", count);
        hay_queue_free(queue);
        expect_only_others();
        kill_keep_blocks(kill_more_blocks());
        return count < 0 ? KILL_AFTER : KILL_BEFORE;
}

/* Beside a stopped one. */
static void deadlines_hold(void)
{
        size_t got;
        hay_time begun = hay_now();
        int r = hay_queue_put(queue, buffer, size, hay_in_ms(60));
        kill_expect(r == 0 || r == -ETIMEDOUT, "put: %d", r);
        r = hay_queue_get(queue, buffer, MOST, &got, hay_in_ms(60));
        kill_expect(r >= 0 || r == -ETIMEDOUT, "get: %d", r);
        r = hay_queue_get(queue, buffer, MOST, &got, HAY_NOWAIT);
        kill_expect(r >= 0 || r == -ETIMEDOUT, "get: %d", r);
        kill_expect(hay_now() - begun < 700 * 1000000ll, "it took too long");
}

/* Others have put and got meanwhile, so that any message may be there. */
static enum kill_found survive_others(void)
{
        size_t got;
        while (hay_queue_get(queue, buffer, MOST, &got, HAY_NOWAIT) >= 0)
                ;
        use_and_free();
        expect_only_others();
        return KILL_UNKNOWN;
}

static void put_here(void)
{
        if (hay_queue_size(queue) == 0 && !shared->done) {
                put_next();
                last++;
        }
}

/* It came when the victim slept; if it never slept, nothing came. */
static enum kill_found survive_get_late(void)
{
        survive_get();
        return KILL_UNKNOWN;
}

#define STOP .meanwhile = deadlines_hold
#define PUT .operation = put_next, .survive = survive_put
#define GET .operation = get_next, .survive = survive_get

static const struct kill_sweep table[] = {
        { "queue: put, empty", empty, PUT },
        { "queue: put, some in it", some, PUT },
        { "queue: put, others too", some, .operation = put_next, .survive = survive_others, STOP },
        { "queue: get, others too", some, .operation = get_next, .survive = survive_others, STOP },
        { "queue: take, others too", some, .operation = take_next, .survive = survive_others,
          STOP },
        { "queue: put, first use", some, PUT, .stranger = true },
        { "queue: put, wrapping", about_to_wrap, PUT },
        { "queue: put, growing", about_to_grow, PUT },
        { "queue: put, big", big, PUT },
        { "queue: put, full", bounded_full, .operation = put_next, .survive = survive_put_full,
          .unblock = get_one_here },
        { "queue: put, a getter asleep", empty, .operation = put_next,
          .survive = survive_with_getter, .companion = companion_gets, .patient = true },
        { "queue: put_many", some, .operation = put_run, .survive = survive_put_run },
        { "queue: put_many, growing", about_to_grow, .operation = put_run,
          .survive = survive_put_run },
        { "queue: send", empty, .operation = send_next, .survive = survive_put },
        { "queue: get", some, GET },
        { "queue: get, the last", empty, .operation = get_next, .survive = survive_get_late,
          .unblock = put_here },
        { "queue: get, wrapping", about_to_wrap, GET },
        { "queue: get, from the next ring", grown, GET },
        { "queue: get, big", some_big, GET },
        { "queue: get, a putter asleep", bounded_full, .operation = get_next,
          .survive = survive_with_putter, .companion = companion_puts, .patient = true },
        { "queue: get_many", some, .operation = get_run, .survive = survive_get_run },
        { "queue: take, release", some, .operation = take_next, .survive = survive_get },
        { "queue: take, release, big", some_big, .operation = take_next, .survive = survive_get },
        { "queue: take, send", some_big, .operation = pass_on, .survive = survive_pass_on },
        { "queue: message_new, release", some, .operation = new_and_release,
          .survive = survive_use },
        { "queue: message_new, first use", fresh_region, .operation = new_and_release,
          .survive = survive_first_message, .stranger = true },
        { "queue: joinable, get, task_done", joinable_some, .operation = get_and_be_done,
          .survive = survive_joinable_free },
        { "queue: joinable, get, task_done, big", joinable_big, .operation = get_and_be_done,
          .survive = survive_joinable_free },
        { "queue: joinable, the last, a joiner asleep", joinable_some, .operation = get_and_be_done,
          .survive = survive_with_joiner, .companion = companion_joins, .patient = true },
        { "queue: close", some, .operation = close_it, .survive = survive_close },
        { "queue: close, a getter asleep", empty, .operation = close_it,
          .survive = survive_close_with_getter, .companion = companion_sees_close,
          .patient = true },
        { "queue: new", some, .operation = make_one, .survive = survive_new },
        { "queue: free, empty", empty, .operation = free_it, .survive = survive_free },
        { "queue: free, some in it", grown, .operation = free_it, .survive = survive_free },
        { "queue: free, big", some_big, .operation = free_it, .survive = survive_free },
        { "queue: free, joinable", joinable_big, .operation = free_it, .survive = survive_free },
};

KILL_SWEEPS(table)
