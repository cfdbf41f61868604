/* The storm: many processes over all objects at once, killed, stopped and signalled at random.
 * It blows in rounds. In a round the driver (round.c) forks actors, which do one act after another
 * (acts_*.c) and log each in memory that they share with the driver alone, outside of the region,
 * so that the log survives everybody. Then it is calm: the driver drains what is left, and the
 * checkers (check_*.c) hold the objects to the log. The seed decides who does what, and whom it
 * strikes; not how the machine interleaves them. */
#ifndef STORM_H
#define STORM_H

#include <hayfork.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STORM_MS 1000000ll
#define STORM_LIMIT (1000 * STORM_MS) /* what nobody may wait longer for */

enum storm_act {
        STORM_NOTHING,
        STORM_LOCK,
        STORM_RLOCK,
        STORM_ARRAY,
        STORM_PERMIT,
        STORM_RAISE,
        STORM_LOWER,
        STORM_TICKET,
        STORM_RIDE,
        STORM_SET,
        STORM_CLEAR,
        STORM_AWAIT,
        STORM_MEET,
        STORM_PUT,
        STORM_PUT_MANY,
        STORM_GET,
        STORM_GET_MANY,
        STORM_DELIVERED, /* one message of a get_many */
        STORM_TAKE,
        STORM_TASK,
        STORM_SEND,
        STORM_RECV,
        STORM_ALLOC,
        STORM_FORK,
        STORM_START,
        STORM_MAP,
        STORM_ACTS,
};

/* How far an act came: each is one store, so that a death is between two of them. */
enum storm_state {
        STORM_NEVER,
        STORM_BEGUN,
        STORM_GOT,     /* the lock is held, the message is here, the block is known */
        STORM_LEAVING, /* giving it back has begun */
        STORM_ENDED,
};

struct storm_record {
        uint8_t state;
        uint8_t act;
        uint8_t object; /* which of its kind */
        uint8_t used;   /* cleared by the checkers */
        int32_t result;
        uint32_t life;
        uint32_t count;    /* messages at most, parties, … */
        uint32_t patience; /* its deadline in ms; 0: none */
        uint32_t delay;    /* µs that its process waited for a processor, known of long acts */
        uint64_t id; /* of the message; the address of a block; whom a lock was taken over from */
        hay_time begun;
        hay_time got;
        hay_time leaving;
        hay_time ended;
};
_Static_assert(sizeof(struct storm_record) == 64, "a record is a cache line");

#define STORM_CHUNK 64u /* records that a life takes at once */
#define STORM_CHUNKS 32768u
#define STORM_LIVES 65536u
#define STORM_PROCESSES 256u
#define STORM_SPANS 8192u
#define STORM_COMPLAINTS 32u

struct storm_life {
        pid_t pid;
        uint32_t parent;
        hay_time killed; /* when it was decided; 0: not */
        uint32_t ended;  /* it went by itself */
};

struct storm_span {
        hay_time from;
        hay_time to; /* 0: not yet */
};

/* Shared by all, and never in the region. */
struct storm_common {
        uint64_t seed;
        uint32_t stop;
        uint32_t processes; /* of this round, at once */
        uint32_t lives;     /* given away; life 0 is the driver */
        uint32_t chunks;
        uint32_t kills; /* by others than the driver */
        uint32_t recovering;
        uint32_t complaint_count;
        char complaints[STORM_COMPLAINTS][200];
        struct storm_life life[STORM_LIVES];
        uint32_t stop_count; /* when some process stood still by SIGSTOP */
        struct storm_span stops[STORM_SPANS];
        uint32_t late_count; /* when the machine did not let a process run that only slept */
        struct storm_span late[STORM_SPANS];
        struct storm_record records[STORM_CHUNKS * STORM_CHUNK];
};
extern struct storm_common *storm;

/* The objects. */
#define STORM_LOCKS 6u
#define STORM_RLOCKS 3u
#define STORM_ARRAYS 3u
#define STORM_PERMITS 3u
#define STORM_COUNTERS 2u
#define STORM_STATIONS 2u
#define STORM_EVENTS 2u
#define STORM_BARRIERS 2u
#define STORM_PIPES 2u
#define STORM_PARTIES 3u
#define STORM_RAISED 4u /* a counting semaphore's first value */
enum storm_queue {
        STORM_PLAIN,
        STORM_BATCHED,
        STORM_BOUNDED,
        STORM_JOINABLE,
        STORM_LENT,
        STORM_PASSED
};
#define STORM_QUEUES 6u

/* What a lock guards: equal unless somebody died in between. */
struct storm_pair {
        uint64_t first;
        uint64_t second;
        uint64_t holder; /* a life */
};

struct storm_station {
        hay_lock lock;
        hay_rlock rlock;
        hay_condition condition;
        struct storm_pair pair;
        uint64_t tickets;
        hay_time since; /* when the first of them was there for all to see */
};

struct storm_objects {
        struct {
                hay_lock lock;
                struct storm_pair pair;
        } locks[STORM_LOCKS];
        struct {
                hay_rlock rlock;
                struct storm_pair pair;
        } rlocks[STORM_RLOCKS];
        hay_array *arrays[STORM_ARRAYS];
        hay_semaphore permits[STORM_PERMITS]; /* 1, 2, 12 of them */
        hay_semaphore counters[STORM_COUNTERS];
        struct storm_station stations[STORM_STATIONS];
        hay_event events[STORM_EVENTS];
        hay_barrier barriers[STORM_BARRIERS];
        uint64_t trips[STORM_BARRIERS];
        hay_queue *queues[STORM_QUEUES];
};
extern struct storm_objects *storm_objects;
extern hay_connection *storm_receivers[STORM_PIPES];
extern hay_connection *storm_senders[STORM_PIPES];

static inline unsigned storm_permits_of(unsigned object)
{
        return object == 2 ? 12 : object + 1;
}

/* log.c. Complaints are kept for the driver: what is wrong, in a sentence. */
__attribute__((format(printf, 1, 2))) void storm_complain(const char *format, ...);
uint32_t storm_new_life(uint32_t parent);
void storm_live(uint32_t life);
uint32_t storm_me(void);
bool storm_is_over(void);
/* That it is killed now. The first decision counts: the death comes a little later, and somebody
 * else may strike what is dead already. */
void storm_doom(uint32_t life);
/* Those who are soon to be killed don't wait for long, so as to be killed in the midst of work. */
void storm_be_hasty(void);
bool storm_is_hasty(void);
/* Be killed by a timer of one's own, in the midst of whatever is done in some microseconds. */
void storm_light_fuse(void);
bool storm_is_lit(void);
static inline unsigned storm_patience(unsigned ms)
{
        return storm_is_hasty() ? 1 : ms;
}
struct storm_record *storm_begin(enum storm_act act, unsigned object, unsigned patience);
void storm_got(struct storm_record *record);
/* Before another record begins within this one: there the sample is taken anew. */
void storm_note_delay(struct storm_record *record);
void storm_leave(struct storm_record *record);
void storm_end(struct storm_record *record, int result);
const char *storm_act_name(unsigned act);

/* Random numbers of the calling process. */
void storm_seed(uint64_t seed);
uint64_t storm_random(void);
static inline unsigned storm_below(unsigned limit)
{
        return (unsigned)(storm_random() >> 33) % limit;
}

/* Hold on for a moment, as a user does; at times for longer than a waiter sleeps at once. */
void storm_hold(void);
/* Between two acts, so that the processors are not what everybody waits for. */
void storm_think(void);

/* acts_*.c: one act each. */
void storm_act_sync(void);
void storm_act_queue(void);
void storm_act_pipe(void);
void storm_act_memory(void);
void storm_act_fork(void);
void storm_act_start(void);
void storm_free_blocks(void);
/* By the driver, in the calm: take every lock from the dead, every message that is left. */
void storm_settle_sync(void);
void storm_drain_queues(void);
/* Acts until it is over; at most so many. */
void storm_perform(unsigned acts);
/* An actor's life. */
int storm_actor(void);

/* pool.c: a life of a pool's owner; and 100,000 items of so much work, with a worker killed every
 * 10 ms. */
int storm_pool_owner(void);
int storm_hundred_thousand(uint32_t work, uint64_t *ret_kills);

/* objects.c */
int storm_objects_make(void);
int storm_count_trip(void *arg);
void storm_objects_free(void);

/* What stands in the region: before the storm, and what was left afterwards. */
void storm_region_before(void);
void storm_region_after(void);

/* check.c: what it amounted to, in memory that is shared with the one who adds up. */
struct storm_sums {
        uint64_t kills;
        uint64_t inside; /* of them in the midst of a call, but for those of the pool's workers */
        uint64_t operations;
        uint64_t lost;
        uint64_t stalls;
        uint64_t violations;
        pid_t group;   /* of the processes of one storm */
        uint64_t slow; /* over the limit, but without a processor, or behind a stopped one */
};
extern struct storm_sums *storm_sums;
#define STORM_RECOVERIES 4000000u
struct storm_recoveries {
        uint32_t count;
        hay_time times[STORM_RECOVERIES];
};
extern struct storm_recoveries *storm_recoveries;
void storm_check(void);
/* The round's records of a kind, in no order. */
struct storm_record **storm_records_of(unsigned act, unsigned object, size_t *ret_count);
/* When a life ended at the latest, by whatever kill; the round's end. */
hay_time storm_death_of(uint32_t life);
/* Whether it was, or may have been, killed in the midst of this. */
bool storm_is_cut(const struct storm_record *record);
/* Judge a wait from begun to ended that should have been over after `due`. */
void storm_judge(const struct storm_record *record, hay_time due, hay_time ended, hay_time delay,
                 const char *what);
void storm_check_sync(void);
void storm_check_queues(void);
/* Whose message this is, if it is one: what the log knows of it. */
void storm_tell_message(const void *bytes);
void storm_note_recovery(hay_time took);

/* main.c: memory that all share; how nice the actors are, to whom the driver comes before. */
void *storm_share(size_t size);
extern int storm_niceness;

/* recovery.c: waiters whose holder is killed, in the calm. */
void storm_measure_recovery(unsigned times);
/* Sorts them. */
void storm_tell_times(const char *where, hay_time *times, unsigned count);

/* round.c */
struct storm_options {
        double minutes;
        uint64_t seed;
        unsigned processes; /* 0: another number each round */
        uint64_t kills;     /* 0: as many as come in the time */
};
uint64_t storm_round(const struct storm_options *options, unsigned number, hay_time until);

#endif
