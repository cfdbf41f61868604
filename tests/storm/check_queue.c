/* What the log of a round proves of queues and pipes: each message is delivered once, or accounted
 * to a kill. */
#include "storm.h"

#include "channel/queue_ring.h"

/* One message's fate in one queue. */
struct fate {
        uint64_t id;
        hay_time put;   /* since when it is certainly there; 0: perhaps never */
        hay_time taken; /* when the first taking of it began; 0: never */
        uint32_t deliveries;
        bool is_known;    /* somebody began to put it */
        bool was_put;     /* certainly */
        bool is_put_over; /* by a call that failed */
};

static struct {
        struct fate *fates;
        size_t count;
        size_t room;
} book;

static void enter(const struct fate *fate)
{
        if (book.count == book.room) {
                book.room = book.room ? 2 * book.room : 65536;
                book.fates = realloc(book.fates, book.room * sizeof(*book.fates));
                if (!book.fates)
                        abort();
        }
        book.fates[book.count++] = *fate;
}

static int compare(const void *a, const void *b)
{
        const struct fate *x = a;
        const struct fate *y = b;
        if (x->id != y->id)
                return x->id < y->id ? -1 : 1;
        return (int)(x->deliveries > y->deliveries) - (int)(x->deliveries < y->deliveries);
}

/* The puts: how many of a record's messages were put for certain, how many perhaps. */
static void enter_puts(unsigned act, unsigned object)
{
        size_t count;
        struct storm_record **records = storm_records_of(act, object, &count);
        for (size_t i = 0; i < count; i++) {
                const struct storm_record *record = records[i];
                bool ended = record->state == STORM_ENDED;
                uint32_t parts = act == STORM_PUT_MANY ? record->count : 1;
                uint32_t done = !ended || record->result < 0 ? 0
                                : act == STORM_PUT_MANY      ? (uint32_t)record->result
                                                             : 1;
                for (uint32_t j = 0; j < parts && record->id; j++)
                        enter(&(struct fate){
                                .id = record->id + j,
                                .is_known = true,
                                .put = j < done ? record->ended : 0,
                                .was_put = j < done,
                                .is_put_over = ended && j >= done,
                        });
        }
}

static void enter_gets(unsigned act, unsigned object)
{
        size_t count;
        struct storm_record **records = storm_records_of(act, object, &count);
        for (size_t i = 0; i < count; i++) {
                const struct storm_record *record = records[i];
                bool got = record->state == STORM_GOT || record->state == STORM_LEAVING ||
                           (record->state == STORM_ENDED && record->result >= 0);
                if (got && record->id && act != STORM_GET_MANY)
                        enter(&(struct fate){
                                .id = record->id, .taken = record->begun, .deliveries = 1 });
        }
}

/* All entries of one message become one. */
static void merge(void)
{
        size_t kept = 0;
        qsort(book.fates, book.count, sizeof(*book.fates), compare);
        for (size_t i = 0; i < book.count; i++) {
                struct fate *last = kept ? &book.fates[kept - 1] : NULL;
                const struct fate *fate = &book.fates[i];
                if (!last || last->id != fate->id) {
                        book.fates[kept++] = *fate;
                        continue;
                }
                last->deliveries += fate->deliveries;
                if (fate->taken && (!last->taken || fate->taken < last->taken))
                        last->taken = fate->taken;
        }
        book.count = kept;
}

/* What calls that were cut short may have taken with them: they name the kills. */
static uint64_t taken_by_dead(unsigned object)
{
        static const unsigned acts[] = { STORM_GET, STORM_GET_MANY, STORM_TAKE, STORM_RECV };
        uint64_t sum = 0;
        for (unsigned i = 0; i < sizeof(acts) / sizeof(*acts); i++) {
                size_t count;
                struct storm_record **records = storm_records_of(acts[i], object, &count);
                for (size_t j = 0; j < count; j++)
                        if (records[j]->state == STORM_BEGUN && storm_is_cut(records[j]))
                                sum += records[j]->count;
        }
        return sum;
}

/* A get that waited long found nothing, though something was there all the while. */
static void check_long_waits(unsigned act, unsigned object)
{
        size_t count;
        struct storm_record **records = storm_records_of(act, object, &count);
        for (size_t i = 0; i < count; i++) {
                const struct storm_record *record = records[i];
                if (record->state < STORM_GOT)
                        continue;
                hay_time end = record->got ? record->got : record->ended;
                if (end - record->begun <= STORM_LIMIT)
                        continue;
                hay_time worst = 0;
                hay_time due = end;
                for (size_t j = 0; j < book.count; j++) {
                        const struct fate *fate = &book.fates[j];
                        if (!fate->was_put || !fate->taken)
                                continue;
                        hay_time from = fate->put > record->begun ? fate->put : record->begun;
                        hay_time to = fate->taken < end ? fate->taken : end;
                        if (to - from > worst) {
                                worst = to - from;
                                due = end - worst;
                        }
                }
                storm_judge(record, due, end, record->delay * 1000ll, "a message was there");
        }
}

struct sums {
        uint64_t missing;
        uint64_t doubled;
        uint64_t delivered; /* different ones */
};

static struct sums judge_fates(const char *what, unsigned object)
{
        struct sums sums = { 0 };
        for (size_t i = 0; i < book.count; i++) {
                const struct fate *fate = &book.fates[i];
                sums.missing += fate->was_put && !fate->deliveries;
                sums.delivered += fate->deliveries > 0;
                sums.doubled += fate->deliveries > 1 ? fate->deliveries - 1 : 0;
                if (fate->deliveries && (fate->is_put_over || !fate->is_known))
                        storm_complain(
                                "%s %u: message %lu came though its put had failed, or never "
                                "began",
                                what, object, (unsigned long)fate->id);
        }
        return sums;
}

/* Deaths while a message was lent: each is a message that the queue must count as lost. */
static void count_lent(unsigned object, uint64_t *ret_certain, uint64_t *ret_perhaps)
{
        size_t count;
        struct storm_record **records = storm_records_of(STORM_TAKE, object, &count);
        *ret_certain = *ret_perhaps = 0;
        for (size_t i = 0; i < count; i++)
                if (storm_is_cut(records[i]) && records[i]->state != STORM_BEGUN)
                        *(records[i]->state == STORM_GOT ? ret_certain : ret_perhaps) += 1;
}

static void check_lost(unsigned object, const struct sums *sums, uint64_t dead)
{
        uint64_t lost = hay_queue_lost(storm_objects->queues[object]);
        uint64_t lent, perhaps_lent;
        count_lent(object, &lent, &perhaps_lent);
        storm_sums->lost += sums->missing + lent;
        uint64_t came_out = hf_count(storm_objects->queues[object]->head.place);
        if (sums->delivered > came_out || lost > lent + perhaps_lent + came_out - sums->delivered)
                storm_complain("queue %u: says that %lu were lost, while %lu came out of it, %lu "
                               "arrived, and %lu were lent to the dead, %lu perhaps",
                               object, (unsigned long)lost, (unsigned long)came_out,
                               (unsigned long)sums->delivered, (unsigned long)lent,
                               (unsigned long)perhaps_lent);
        if (lost < lent || lost > lent + perhaps_lent + dead)
                storm_complain(
                        "queue %u: says that %lu were lost, while %lu were lent to the dead, "
                        "%lu perhaps, and %lu perhaps taken by them",
                        object, (unsigned long)lost, (unsigned long)lent,
                        (unsigned long)perhaps_lent, (unsigned long)dead);
}

/* A task may come again after the death of who had it, and is told to be one that came before. */
static void check_redelivered(const struct sums *sums)
{
        size_t count;
        uint64_t told = 0;
        uint64_t deaths = 0;
        uint64_t deaths_unseen = 0;
        struct storm_record **records = storm_records_of(STORM_TASK, STORM_JOINABLE, &count);
        for (size_t i = 0; i < count; i++) {
                const struct storm_record *record = records[i];
                told += record->state >= STORM_GOT && record->result == HAY_REDELIVERED;
                if (storm_is_cut(record))
                        *(record->state == STORM_BEGUN ? &deaths_unseen : &deaths) += 1;
        }
        if (sums->doubled > told || told > deaths + deaths_unseen || sums->doubled > deaths)
                storm_complain("joinable: %lu came again, %lu were told to, %lu died with a task, "
                               "%lu perhaps",
                               (unsigned long)sums->doubled, (unsigned long)told,
                               (unsigned long)deaths, (unsigned long)deaths_unseen);
        if (sums->missing)
                storm_complain("joinable: %lu tasks were lost", (unsigned long)sums->missing);
}

static void check_queue(unsigned object)
{
        static const unsigned gets[] = { STORM_GET, STORM_GET_MANY, STORM_DELIVERED, STORM_TAKE,
                                         STORM_TASK };
        book.count = 0;
        enter_puts(STORM_PUT, object);
        enter_puts(STORM_PUT_MANY, object);
        for (unsigned i = 0; i < sizeof(gets) / sizeof(*gets); i++)
                enter_gets(gets[i], object);
        merge();
        struct sums sums = judge_fates("queue", object);
        uint64_t dead = taken_by_dead(object);
        for (unsigned i = 0; i < sizeof(gets) / sizeof(*gets); i++)
                if (gets[i] != STORM_DELIVERED)
                        check_long_waits(gets[i], object);
        if (object == STORM_JOINABLE) {
                check_redelivered(&sums);
                return;
        }
        if (sums.doubled)
                storm_complain("queue %u: %lu messages came twice", object,
                               (unsigned long)sums.doubled);
        if (sums.missing > dead)
                storm_complain("queue %u: %lu messages are missing, %lu may be with the dead",
                               object, (unsigned long)sums.missing, (unsigned long)dead);
        check_lost(object, &sums, dead);
}

static void check_pipe(unsigned object)
{
        book.count = 0;
        enter_puts(STORM_SEND, object);
        enter_gets(STORM_RECV, object);
        merge();
        struct sums sums = judge_fates("pipe", object);
        uint64_t dead = taken_by_dead(object);
        storm_sums->lost += sums.missing;
        if (sums.doubled || sums.missing > dead)
                storm_complain("pipe %u: %lu messages came twice, %lu are missing, %lu may be with "
                               "the dead",
                               object, (unsigned long)sums.doubled, (unsigned long)sums.missing,
                               (unsigned long)dead);
}

void storm_check_queues(void)
{
        for (unsigned i = 0; i < STORM_QUEUES; i++)
                check_queue(i);
        for (unsigned i = 0; i < STORM_PIPES; i++)
                check_pipe(i);
}

void storm_tell_message(const void *bytes)
{
        uint64_t id;
        memcpy(&id, bytes, sizeof(id));
        for (uint32_t i = 0; i < storm->chunks * STORM_CHUNK; i++) {
                const struct storm_record *record = &storm->records[i];
                if (record->state == STORM_NEVER || !id || record->id > id ||
                    id >= record->id + (record->act == STORM_PUT_MANY ? record->count : 1))
                        continue;
                storm_complain("  message %lu: %s %u by life %u, state %u, result %d%s",
                               (unsigned long)id, storm_act_name(record->act), record->object,
                               record->life, record->state, record->result,
                               storm_is_cut(record) ? ", killed" : "");
        }
}
