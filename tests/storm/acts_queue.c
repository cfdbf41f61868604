/* Acts on queues and pipes. A message is {id, size, fill}: the id is of the record that sent it, so
 * none is ever sent twice. */
#include "storm.h"

#define MESSAGE_MOST 150000u
#define BATCH 8u
#define MANY 400 /* in a queue: then rather take */

struct message {
        uint64_t id;
        uint32_t size;
        unsigned char fill[];
};

static unsigned char buffers[BATCH][2048];
static unsigned char large[MESSAGE_MOST];

static uint64_t id_of(const struct storm_record *record, unsigned number)
{
        return (uint64_t)(record - storm->records) * BATCH + number + 1;
}

static size_t some_size(bool may_be_large)
{
        unsigned chance = storm_below(256);
        if (chance == 0 && may_be_large)
                return 70000 + storm_below(50000);
        if (chance < 64)
                return 1000 + storm_below(1000);
        return sizeof(struct message) + storm_below(80);
}

static void write_message(void *bytes, uint64_t id, size_t size)
{
        struct message *message = bytes;
        message->id = id;
        message->size = (uint32_t)size;
        memset(message->fill, (int)id, size - offsetof(struct message, fill));
}

static uint64_t read_message(const void *bytes, size_t size, const char *where)
{
        const struct message *message = bytes;
        size_t at = offsetof(struct message, fill);
        if (size < at || message->size != size) {
                storm_complain("%s: a message of %zu bytes says that it has %u", where, size,
                               size < at ? 0 : message->size);
                return 0;
        }
        for (; at < size; at++) {
                if (((const unsigned char *)bytes)[at] != (unsigned char)message->id) {
                        storm_complain("%s: message %lu is damaged at byte %zu of %zu", where,
                                       (unsigned long)message->id, at, size);
                        return 0;
                }
        }
        return message->id;
}

static void expect(int r, int allowed, const char *what)
{
        if (r < 0 && r != -ETIMEDOUT && r != allowed)
                storm_complain("%s: %s", what, strerror(-r));
}

static void put(unsigned object)
{
        struct storm_record *record =
                storm_begin(STORM_PUT, object, storm_patience(storm_below(8) ? 50 : 1500));
        size_t size = some_size(true);
        void *bytes = size > sizeof(buffers[0]) ? large : buffers[0];
        record->id = id_of(record, 0);
        write_message(bytes, record->id, size);
        int r = hay_queue_put(storm_objects->queues[object], bytes, size,
                              hay_in_ms(record->patience));
        expect(r, 0, "put");
        storm_end(record, r);
}

static void put_many(unsigned object)
{
        struct storm_record *record = storm_begin(STORM_PUT_MANY, object, 50);
        struct hay_part parts[BATCH];
        unsigned count = 1 + storm_below(BATCH);
        for (unsigned i = 0; i < count; i++) {
                parts[i] = (struct hay_part){ buffers[i], some_size(false) };
                write_message(buffers[i], id_of(record, i), parts[i].size);
        }
        record->count = count;
        record->id = id_of(record, 0);
        ssize_t r = hay_queue_put_many(storm_objects->queues[object], parts, count, hay_in_ms(50));
        expect((int)r, 0, "put_many");
        storm_end(record, (int)r);
}

static void send_lent(unsigned object)
{
        struct storm_record *record = storm_begin(STORM_PUT, object, 50);
        struct hay_message message;
        size_t size = some_size(true);
        record->id = id_of(record, 0);
        int r = hay_message_new(&message, size);
        if (r == 0) {
                write_message(message.data, record->id, size);
                r = hay_queue_send(storm_objects->queues[object], &message, hay_in_ms(50));
                if (r < 0)
                        hay_message_release(&message);
        }
        expect(r, 0, "send");
        storm_end(record, r);
}

static void get(unsigned object, hay_time deadline, unsigned patience)
{
        struct storm_record *record = storm_begin(STORM_GET, object, patience);
        size_t size;
        record->count = 1;
        int r = hay_queue_get(storm_objects->queues[object], large, sizeof(large), &size, deadline);
        expect(r, 0, "get");
        if (r >= 0)
                record->id = read_message(large, size, "get");
        storm_end(record, r);
}

static void get_many(unsigned object)
{
        struct storm_record *record = storm_begin(STORM_GET_MANY, object, storm_patience(50));
        struct hay_part parts[BATCH];
        unsigned count = 1 + storm_below(BATCH);
        for (unsigned i = 0; i < count; i++)
                parts[i] = (struct hay_part){ buffers[i], sizeof(buffers[i]) };
        record->count = count;
        ssize_t r = hay_queue_get_many(storm_objects->queues[object], parts, count,
                                       hay_in_ms(record->patience));
        expect((int)r, 0, "get_many");
        storm_note_delay(record);
        for (ssize_t i = 0; i < r; i++) {
                struct storm_record *delivered = storm_begin(STORM_DELIVERED, object, 0);
                delivered->id = read_message(parts[i].data, parts[i].size, "get_many");
                storm_end(delivered, 0);
        }
        storm_end(record, (int)r);
}

/* Take a message; then release it, or pass it on to another queue. */
static void take(unsigned object, hay_time deadline, unsigned patience, bool passes)
{
        struct storm_record *record = storm_begin(STORM_TAKE, object, patience);
        struct hay_message message;
        record->count = 1;
        int r = hay_queue_take(storm_objects->queues[object], &message, deadline);
        expect(r, 0, "take");
        if (r < 0) {
                storm_end(record, r);
                return;
        }
        record->id = read_message(message.data, message.size, "take");
        storm_got(record);
        storm_hold();
        struct storm_record *passed = NULL;
        if (passes) {
                passed = storm_begin(STORM_PUT, STORM_PASSED, 50);
                passed->id = record->id;
        }
        storm_leave(record);
        if (passes) {
                int s = hay_queue_send(storm_objects->queues[STORM_PASSED], &message,
                                       hay_in_ms(50));
                expect(s, 0, "pass on");
                storm_end(passed, s);
                passes = s == 0;
        }
        if (!passes && (r = hay_message_release(&message)) < 0)
                storm_complain("release: %s", strerror(-r));
        storm_end(record, 0);
}

static void do_task(hay_time deadline, unsigned patience)
{
        hay_queue *queue = storm_objects->queues[STORM_JOINABLE];
        struct storm_record *record = storm_begin(STORM_TASK, STORM_JOINABLE, patience);
        size_t size;
        record->count = 1;
        int r = hay_queue_get(queue, large, sizeof(large), &size, deadline);
        expect(r, 0, "get of a task");
        if (r < 0) {
                storm_end(record, r);
                return;
        }
        record->id = read_message(large, size, "task");
        record->result = r;
        storm_got(record);
        storm_hold();
        storm_leave(record);
        int done = hay_queue_task_done(queue);
        if (done < 0)
                storm_complain("task_done: %s", strerror(-done));
        storm_end(record, r);
}

void storm_act_queue(void)
{
        unsigned object = storm_below(STORM_QUEUES);
        bool puts = storm_below(2) && hay_queue_size(storm_objects->queues[object]) < MANY;
        unsigned patience = storm_patience(storm_below(16) ? 30 : 1500);
        if (puts && object == STORM_PASSED)
                take(STORM_LENT, hay_in_ms(30), 30, true);
        else if (puts && object == STORM_BATCHED)
                put_many(object);
        else if (puts && object == STORM_LENT)
                send_lent(object);
        else if (puts)
                put(object);
        else if (object == STORM_JOINABLE)
                do_task(hay_in_ms(patience), patience);
        else if (object == STORM_BATCHED && storm_below(4))
                get_many(object);
        else if (object == STORM_LENT || (object == STORM_PLAIN && storm_below(4) == 0))
                take(object, hay_in_ms(patience), patience, false);
        else
                get(object, hay_in_ms(patience), patience);
}

static void recv(unsigned object, hay_time deadline, unsigned patience)
{
        struct storm_record *record = storm_begin(STORM_RECV, object, patience);
        size_t size;
        record->count = 1;
        int r = hay_connection_recv(storm_receivers[object], large, sizeof(large), &size, deadline);
        expect(r, 0, "recv");
        if (r == 0)
                record->id = read_message(large, size, "recv");
        storm_end(record, r);
}

void storm_act_pipe(void)
{
        unsigned object = storm_below(STORM_PIPES);
        if (storm_below(2)) {
                unsigned patience = storm_patience(20);
                recv(object, hay_in_ms(patience), patience);
                return;
        }
        struct storm_record *record = storm_begin(STORM_SEND, object, 20);
        size_t size = some_size(true);
        record->id = id_of(record, 0);
        write_message(large, record->id, size);
        int r = hay_connection_send(storm_senders[object], large, size, hay_in_ms(20));
        expect(r, 0, "send over a pipe");
        storm_end(record, r);
}

static void drain(unsigned object)
{
        hay_queue *queue = storm_objects->queues[object];
        hay_time until = hay_in_ms(3000);
        while (hay_queue_size(queue) > 0 && hay_now() < until) {
                if (object == STORM_LENT)
                        take(object, hay_in_ms(100), 100, false);
                else
                        get(object, hay_in_ms(100), 100);
        }
        if (hay_queue_size(queue) != 0)
                storm_complain("queue %u: it can't be drained, %zd are left", object,
                               hay_queue_size(queue));
}

static void drain_tasks(void)
{
        hay_queue *queue = storm_objects->queues[STORM_JOINABLE];
        hay_time until = hay_in_ms(3000);
        int r;
        while ((r = hay_queue_join(queue, HAY_NOWAIT)) == -ETIMEDOUT && hay_now() < until)
                do_task(hay_in_ms(300), 300);
        if (r < 0)
                storm_complain("joinable: drained, and join says: %s", strerror(-r));
}

void storm_drain_queues(void)
{
        for (unsigned i = 0; i < STORM_QUEUES; i++) {
                if (i == STORM_JOINABLE)
                        drain_tasks();
                else
                        drain(i);
        }
        for (unsigned i = 0; i < STORM_PIPES; i++)
                while (hay_connection_poll(storm_receivers[i], HAY_NOWAIT) == 1)
                        recv(i, hay_in_ms(100), 100);
}
