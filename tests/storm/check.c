/* After a round: its records by kind, who died when, and how long a wait may be excused.
 *
 * A wait is too long when it ended more than 1 s after it should have, not counting the time in
 * which its own process was ready but had no processor (the kernel's count), in which some process
 * was stopped (it may have held what the waiter needed), and in which the machine did not even run
 * a process that only slept. */
#include "storm.h"

struct storm_sums *storm_sums;
struct storm_recoveries *storm_recoveries;

#define OBJECTS 8u

static struct {
        struct storm_record **sorted;
        size_t start[STORM_ACTS * OBJECTS + 1];
        hay_time end; /* of the round */
} round_log;

static size_t key_of(const struct storm_record *record)
{
        return (size_t)record->act * OBJECTS + record->object;
}

static void sort_records(void)
{
        uint32_t chunks = storm->chunks < STORM_CHUNKS ? storm->chunks : STORM_CHUNKS;
        size_t all = (size_t)chunks * STORM_CHUNK;
        size_t next[STORM_ACTS * OBJECTS + 1] = { 0 };
        free(round_log.sorted);
        round_log.sorted = calloc(all + 1, sizeof(*round_log.sorted));
        if (!round_log.sorted)
                abort();
        for (size_t i = 0; i < all; i++) {
                if (storm->records[i].state != STORM_NEVER)
                        next[key_of(&storm->records[i]) + 1]++;
                storm_sums->inside +=
                        storm->records[i].state == STORM_BEGUN && storm_is_cut(&storm->records[i]);
        }
        for (size_t i = 0; i < STORM_ACTS * OBJECTS; i++)
                next[i + 1] += next[i];
        memcpy(round_log.start, next, sizeof(next));
        for (size_t i = 0; i < all; i++)
                if (storm->records[i].state != STORM_NEVER)
                        round_log.sorted[next[key_of(&storm->records[i])]++] = &storm->records[i];
        storm_sums->operations += round_log.start[STORM_ACTS * OBJECTS];
}

struct storm_record **storm_records_of(unsigned act, unsigned object, size_t *ret_count)
{
        size_t key = act * OBJECTS + object;
        *ret_count = round_log.start[key + 1] - round_log.start[key];
        return round_log.sorted + round_log.start[key];
}

hay_time storm_death_of(uint32_t life)
{
        hay_time death = round_log.end;
        for (unsigned depth = 0; life && life < STORM_LIVES && depth < 8; depth++) {
                hay_time killed = storm->life[life].killed;
                if (killed && killed < death)
                        death = killed;
                life = storm->life[life].parent;
        }
        return death;
}

bool storm_is_cut(const struct storm_record *record)
{
        return record->state != STORM_ENDED && record->life && !storm->life[record->life].ended;
}

/* How much of [from, to] the spans cover. They are in the order of their starts. */
static hay_time covered(const struct storm_span *spans, uint32_t count, hay_time from, hay_time to)
{
        hay_time sum = 0;
        for (uint32_t i = 0; i < count && i < STORM_SPANS && spans[i].from < to; i++) {
                hay_time end = spans[i].to ? spans[i].to : round_log.end;
                hay_time begin = spans[i].from > from ? spans[i].from : from;
                end = end < to ? end : to;
                if (end <= begin)
                        continue;
                sum += end - begin;
                from = end;
        }
        return sum;
}

void storm_judge(const struct storm_record *record, hay_time due, hay_time ended, hay_time delay,
                 const char *what)
{
        if (ended - due <= STORM_LIMIT)
                return;
        hay_time excused = covered(storm->stops, storm->stop_count, due, ended) +
                           covered(storm->late, storm->late_count, due, ended) + delay;
        if (ended - due - excused <= STORM_LIMIT) {
                storm_sums->slow++;
                return;
        }
        storm_sums->stalls++;
        hay_time end = record->got ? record->got : record->ended;
        storm_complain(
                "stall: life %u, %s %u: %s, %ld ms late (%ld ms of them excused); it took %ld "
                "ms of %u, result %d",
                record->life, storm_act_name(record->act), record->object, what,
                (long)((ended - due) / STORM_MS), (long)(excused / STORM_MS),
                (long)((end - record->begun) / STORM_MS), record->patience, record->result);
}

/* What has a deadline keeps it; what waits for a child may take as long as the child. */
static void check_deadlines(void)
{
        for (size_t i = 0; i < round_log.start[STORM_ACTS * OBJECTS]; i++) {
                const struct storm_record *record = round_log.sorted[i];
                if (record->state != STORM_ENDED || !record->patience)
                        continue;
                hay_time due = record->begun + record->patience * STORM_MS;
                storm_judge(record, due, record->got ? record->got : record->ended,
                            record->delay * 1000ll, "its deadline");
        }
}

/* Memory is taken and given in no time. */
static void check_memory(void)
{
        size_t count;
        struct storm_record **records = storm_records_of(STORM_ALLOC, 0, &count);
        for (size_t i = 0; i < count; i++) {
                if (records[i]->state >= STORM_GOT)
                        storm_judge(records[i], records[i]->begun, records[i]->got,
                                    records[i]->delay * 1000ll, "alloc");
                if (records[i]->state == STORM_ENDED)
                        storm_judge(records[i], records[i]->leaving, records[i]->ended,
                                    records[i]->delay * 1000ll, "free");
        }
}

void storm_note_recovery(hay_time took)
{
        uint32_t index = __atomic_fetch_add(&storm_recoveries->count, 1, __ATOMIC_RELAXED);
        if (index < STORM_RECOVERIES)
                storm_recoveries->times[index] = took;
}

void storm_check(void)
{
        round_log.end = hay_now();
        sort_records();
        check_deadlines();
        check_memory();
        storm_check_sync();
        storm_check_queues();
}
