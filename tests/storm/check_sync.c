/* What the log of a round proves of locks, semaphores, conditions, events and barriers. */
#include "storm.h"

struct edge {
        hay_time at;
        int step; /* +1: begins, -1: ends */
};

static int compare_edges(const void *a, const void *b)
{
        const struct edge *x = a;
        const struct edge *y = b;
        return x->at != y->at ? (x->at > y->at) - (x->at < y->at) : x->step - y->step;
}

static int compare_times(const void *a, const void *b)
{
        hay_time x = *(const hay_time *)a;
        hay_time y = *(const hay_time *)b;
        return (x > y) - (x < y);
}

static void *room_for(size_t count, size_t size)
{
        void *memory = calloc(count + 1, size);
        if (!memory)
                abort();
        return memory;
}

/* Never more than so many hold it at once; of each the time for which that is certain. */
static void check_exclusion(unsigned act, unsigned object, int most)
{
        size_t count;
        size_t edges = 0;
        struct storm_record **records = storm_records_of(act, object, &count);
        struct edge *edge = room_for(2 * count, sizeof(*edge));
        for (size_t i = 0; i < count; i++) {
                const struct storm_record *record = records[i];
                if (record->state < STORM_GOT || !record->got)
                        continue;
                hay_time end = record->state >= STORM_LEAVING ? record->leaving
                                                              : storm_death_of(record->life);
                if (end <= record->got)
                        continue;
                edge[edges++] = (struct edge){ record->got, 1 };
                edge[edges++] = (struct edge){ end, -1 };
        }
        qsort(edge, edges, sizeof(*edge), compare_edges);
        int held = 0;
        for (size_t i = 0; i < edges; i++) {
                held += edge[i].step;
                if (held <= most)
                        continue;
                storm_complain("%s %u: held by %d at once, where %d may", storm_act_name(act),
                               object, held, most);
                break;
        }
        free(edge);
}

/* Each death of a certain holder is told once; and no more than there may have been. */
static void check_owner_deaths(unsigned act, unsigned object)
{
        size_t count;
        unsigned certain = 0;
        unsigned possible = 0;
        unsigned told = 0;
        struct storm_record **records = storm_records_of(act, object, &count);
        for (size_t i = 0; i < count; i++) {
                const struct storm_record *record = records[i];
                if (storm_is_cut(record))
                        *(record->state == STORM_GOT ? &certain : &possible) += 1;
                told += record->state >= STORM_GOT && record->result == HAY_OWNER_DIED;
        }
        if (told < certain || told > certain + possible)
                storm_complain("%s %u: %u died holding it, %u more perhaps, and %u were told",
                               storm_act_name(act), object, certain, possible, told);
}

/* From the kill of a holder to the return of one who waited already. It may be told too long: when
 * another one took it over in between, and was killed before it could say so. */
static void check_recovery(unsigned act, unsigned object)
{
        size_t count;
        struct storm_record **records = storm_records_of(act, object, &count);
        for (size_t i = 0; i < count; i++) {
                const struct storm_record *record = records[i];
                if (record->state < STORM_GOT || record->result != HAY_OWNER_DIED || !record->id)
                        continue;
                hay_time death = storm->life[record->id % STORM_LIVES].killed;
                if (death > record->begun && death < record->got)
                        storm_note_recovery(record->got - death);
        }
}

struct motion {
        hay_time *times;
        size_t count;
        hay_time delay; /* the longest that somebody there was without a processor */
};

/* The times within [from, to] at which something was done with an object. */
static struct motion motion_of(unsigned act, unsigned object, hay_time from, hay_time to)
{
        size_t count;
        struct storm_record **records = storm_records_of(act, object, &count);
        struct motion motion = { .times = room_for(3 * count + 2, sizeof(hay_time)) };
        motion.times[motion.count++] = from;
        motion.times[motion.count++] = to;
        for (size_t i = 0; i < count; i++) {
                const hay_time times[] = { records[i]->got, records[i]->leaving,
                                           records[i]->ended };
                for (unsigned j = 0; j < 3; j++)
                        if (times[j] > from && times[j] < to)
                                motion.times[motion.count++] = times[j];
                if (records[i]->begun < to && records[i]->ended > from &&
                    records[i]->delay * 1000ll > motion.delay)
                        motion.delay = records[i]->delay * 1000ll;
        }
        qsort(motion.times, motion.count, sizeof(hay_time), compare_times);
        return motion;
}

/* Who waits long may have been behind many others; but nothing may stand still for long. */
static void check_motion(unsigned act, unsigned object)
{
        size_t count;
        struct storm_record **records = storm_records_of(act, object, &count);
        for (size_t i = 0; i < count; i++) {
                const struct storm_record *record = records[i];
                hay_time end = record->got ? record->got : record->ended;
                if (end - record->begun <= STORM_LIMIT)
                        continue;
                struct motion motion = motion_of(act, object, record->begun, end);
                for (size_t j = 1; j < motion.count; j++)
                        storm_judge(record, motion.times[j - 1], motion.times[j], motion.delay,
                                    "nobody got on");
                free(motion.times);
        }
}

static void check_held(unsigned act, unsigned object, int most, bool has_owner)
{
        check_exclusion(act, object, most);
        check_motion(act, object);
        if (!has_owner)
                return;
        check_owner_deaths(act, object);
        check_recovery(act, object);
}

/* So many acts that did it, and that may have. */
static void count_acts(unsigned act, unsigned object, int *ret_done, int *ret_perhaps)
{
        size_t count;
        struct storm_record **records = storm_records_of(act, object, &count);
        *ret_done = *ret_perhaps = 0;
        for (size_t i = 0; i < count; i++) {
                *ret_done += records[i]->state == STORM_ENDED && records[i]->result == 0;
                *ret_perhaps += storm_is_cut(records[i]);
        }
}

static void check_counter(unsigned object)
{
        int raised, lowered, perhaps_raised, perhaps_lowered;
        count_acts(STORM_RAISE, object, &raised, &perhaps_raised);
        count_acts(STORM_LOWER, object, &lowered, &perhaps_lowered);
        int value = hay_semaphore_value(&storm_objects->counters[object]);
        int expected = (int)STORM_RAISED + raised - lowered;
        if (value < expected - perhaps_lowered || value > expected + perhaps_raised)
                storm_complain("counter %u is %d: %d raised and %d perhaps, %d lowered and %d "
                               "perhaps, from %u",
                               object, value, raised, perhaps_raised, lowered, perhaps_lowered,
                               STORM_RAISED);
}

/* A ticket that all could see was not taken for long, by one who waited for it. */
static void check_station(unsigned object)
{
        size_t count;
        struct storm_record **records = storm_records_of(STORM_RIDE, object, &count);
        for (size_t i = 0; i < count; i++) {
                const struct storm_record *record = records[i];
                if (record->state != STORM_ENDED || !record->count)
                        continue;
                hay_time since = (hay_time)record->id;
                since = since > record->begun ? since : record->begun;
                storm_judge(record, since, record->ended, record->delay * 1000ll,
                            "a ticket was there");
        }
        check_motion(STORM_TICKET, object);
}

/* After this it has no effect any more. */
static hay_time end_of(const struct storm_record *record)
{
        return record->state == STORM_ENDED ? record->ended : storm_death_of(record->life);
}

/* Nobody waits for an event that is set. It is certainly set from the end of a set to the beginning
 * of the next clear. */
static void check_event(unsigned object)
{
        size_t sets, clears, waits;
        struct storm_record **set = storm_records_of(STORM_SET, object, &sets);
        struct storm_record **clear = storm_records_of(STORM_CLEAR, object, &clears);
        struct storm_record **await = storm_records_of(STORM_AWAIT, object, &waits);
        for (size_t i = 0; i < waits; i++) {
                if (await[i]->state != STORM_ENDED ||
                    await[i]->ended - await[i]->begun <= STORM_LIMIT)
                        continue;
                for (size_t j = 0; j < sets; j++) {
                        hay_time from = set[j]->ended;
                        hay_time to = await[i]->ended;
                        if (set[j]->state != STORM_ENDED || from >= to)
                                continue;
                        for (size_t k = 0; k < clears; k++)
                                if (clear[k]->begun < to && end_of(clear[k]) > set[j]->begun)
                                        to = clear[k]->begun > from ? clear[k]->begun : from;
                        from = from > await[i]->begun ? from : await[i]->begun;
                        storm_judge(await[i], from, to, await[i]->delay * 1000ll, "it was set");
                }
        }
}

/* Of each meeting every party goes on once, but those that were killed or reset. */
static void check_barrier(unsigned object)
{
        size_t count;
        uint64_t went[STORM_PARTIES] = { 0 };
        uint64_t perhaps = 0;
        struct storm_record **records = storm_records_of(STORM_MEET, object, &count);
        uint64_t trips = storm_objects->trips[object];
        for (size_t i = 0; i < count; i++) {
                if (storm_is_cut(records[i]) || records[i]->result == -EPIPE)
                        perhaps++;
                else if (records[i]->state == STORM_ENDED && records[i]->result == 0)
                        went[records[i]->count % STORM_PARTIES]++;
        }
        for (unsigned i = 0; i < STORM_PARTIES; i++)
                if (went[i] > trips || went[i] + perhaps < trips)
                        storm_complain(
                                "barrier %u: %lu meetings, party %u of them went on %lu times, "
                                "%lu perhaps",
                                object, (unsigned long)trips, i, (unsigned long)went[i],
                                (unsigned long)perhaps);
}

void storm_check_sync(void)
{
        for (unsigned i = 0; i < STORM_LOCKS; i++)
                check_held(STORM_LOCK, i, 1, true);
        for (unsigned i = 0; i < STORM_RLOCKS; i++)
                check_held(STORM_RLOCK, i, 1, true);
        for (unsigned i = 0; i < STORM_ARRAYS; i++)
                check_held(STORM_ARRAY, i, 1, true);
        for (unsigned i = 0; i < STORM_PERMITS; i++)
                check_held(STORM_PERMIT, i, (int)storm_permits_of(i), false);
        for (unsigned i = 0; i < STORM_COUNTERS; i++)
                check_counter(i);
        for (unsigned i = 0; i < STORM_STATIONS; i++)
                check_station(i);
        for (unsigned i = 0; i < STORM_EVENTS; i++)
                check_event(i);
        for (unsigned i = 0; i < STORM_BARRIERS; i++)
                check_barrier(i);
}
