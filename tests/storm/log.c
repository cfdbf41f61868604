#include "../kit/starved.h"
#include "storm.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <time.h>
#include <ucontext.h>

struct storm_common *storm;

static struct {
        uint32_t life;
        bool hasty;
        bool is_lit; /* its fuse */
        bool is_stepping;
        unsigned steps; /* instructions from the beginning of the next act on; 0: a timer's fuse */
        struct storm_record *next;
        struct storm_record *end;
        uint64_t random;
        hay_time sampled_at;
        uint64_t sample; /* ns of waiting for a processor until then */
} me;

void storm_complain(const char *format, ...)
{
        uint32_t index = __atomic_fetch_add(&storm->complaint_count, 1, __ATOMIC_RELAXED);
        if (index >= STORM_COMPLAINTS)
                return;
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(storm->complaints[index], sizeof(storm->complaints[index]), format, arguments);
        va_end(arguments);
}

void storm_seed(uint64_t seed)
{
        me.random = seed;
}

/* splitmix64. */
uint64_t storm_random(void)
{
        uint64_t word = me.random += 0x9e3779b97f4a7c15ull;
        word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9ull;
        word = (word ^ word >> 27) * 0x94d049bb133111ebull;
        return word ^ word >> 31;
}

uint32_t storm_new_life(uint32_t parent)
{
        uint32_t life = __atomic_fetch_add(&storm->lives, 1, __ATOMIC_RELAXED);
        if (life >= STORM_LIVES)
                return 0;
        storm->life[life] = (struct storm_life){ .parent = parent };
        return life;
}

void storm_live(uint32_t life)
{
        me.life = life;
        me.next = me.end = NULL;
        me.sampled_at = 0;
        me.is_lit = me.is_stepping = false;
        me.steps = 0;
        storm_seed(storm->seed ^ (uint64_t)life << 32);
        storm->life[life].pid = getpid();
}

void storm_hold(void)
{
        unsigned chance = storm_below(512);
        if (me.is_lit && chance % 4)
                return;
        if (chance == 0)
                usleep(25000);
        else if (chance < 8)
                usleep(200);
        for (volatile unsigned i = storm_below(chance < 100 ? 60000 : 50); i; i = i - 1)
                ;
}

void storm_think(void)
{
        if (storm->processes > 8)
                usleep(storm_below(storm->processes * 100));
}

void storm_be_hasty(void)
{
        me.hasty = true;
}

void storm_doom(uint32_t life)
{
        hay_time none = 0;
        __atomic_compare_exchange_n(&storm->life[life].killed, &none, hay_now(), false,
                                    __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}

static void set_timer(void)
{
        timer_t timer;
        struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL };
        static const unsigned spans[] = { 3000, 10000, 30000, 100000 };
        struct itimerspec when = { .it_value.tv_sec = 1 };
        if (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0)
                return;
        /* Setting a timer takes longer than most acts. A span of less would end in there. */
        hay_time begun = hay_now();
        timer_settime(timer, 0, &when, NULL);
        hay_time took = hay_now() - begun;
        when.it_value.tv_sec = 0;
        when.it_value.tv_nsec = took + storm_below(spans[storm_below(4)]);
        storm_doom(me.life);
        timer_settime(timer, 0, &when, NULL);
}

#ifdef __x86_64__
#define CAN_STEP true
#define TRAP_FLAG 0x100
#define STEPS_MOST 700u

/* After each instruction. A timer mostly ends what is slow: calls of the kernel, and first touches
 * of memory; an instruction's turn comes as often as any other's. */
static void on_step(int number, siginfo_t *info, void *context)
{
        (void)number;
        (void)info;
        ((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
        if (me.steps--)
                return;
        storm_doom(me.life);
        raise(SIGKILL);
}

static void begin_steps(void)
{
        struct sigaction action = { .sa_sigaction = on_step, .sa_flags = SA_SIGINFO };
        sigaction(SIGTRAP, &action, NULL);
        /* Slow motion: what it holds, the others wait for. */
        setpriority(PRIO_PROCESS, 0, storm_niceness - 5);
        raise(SIGTRAP);
}
#else
#define CAN_STEP false
#define STEPS_MOST 1u
static void begin_steps(void)
{
}
#endif

void storm_light_fuse(void)
{
        me.is_lit = true;
        if (CAN_STEP && storm_below(2))
                me.steps = 30 + storm_below(STEPS_MOST);
        else
                set_timer();
}

bool storm_is_lit(void)
{
        return me.is_lit;
}

bool storm_is_hasty(void)
{
        return me.hasty;
}

uint32_t storm_me(void)
{
        return me.life;
}

static bool take_chunk(void)
{
        uint32_t chunk = __atomic_fetch_add(&storm->chunks, 1, __ATOMIC_RELAXED);
        if (chunk >= STORM_CHUNKS)
                return false;
        me.next = &storm->records[chunk * STORM_CHUNK];
        me.end = me.next + STORM_CHUNK;
        return true;
}

bool storm_is_over(void)
{
        return __atomic_load_n(&storm->stop, __ATOMIC_RELAXED) ||
               __atomic_load_n(&storm->chunks, __ATOMIC_RELAXED) >= STORM_CHUNKS - 1024;
}

static void go_to(struct storm_record *record, enum storm_state state)
{
        __atomic_store_n(&record->state, (uint8_t)state, __ATOMIC_RELEASE);
}

struct storm_record *storm_begin(enum storm_act act, unsigned object, unsigned patience)
{
        static struct storm_record lost;
        hay_time now = hay_now();
        if (now - me.sampled_at > 50 * STORM_MS) {
                me.sampled_at = now;
                me.sample = (uint64_t)kit_starved(0);
        }
        if (me.next == me.end && !take_chunk()) {
                storm_complain("the log is full");
                return &lost;
        }
        struct storm_record *record = me.next++;
        record->act = (uint8_t)act;
        record->object = (uint8_t)object;
        record->life = me.life;
        record->patience = patience;
        record->begun = now;
        go_to(record, STORM_BEGUN);
        if (me.steps && !me.is_stepping) {
                me.is_stepping = true;
                begin_steps();
        }
        return record;
}

static void note_delay(struct storm_record *record, hay_time now)
{
        if (now - record->begun <= 200 * STORM_MS)
                return;
        uint32_t delay = (uint32_t)(((uint64_t)kit_starved(0) - me.sample) / 1000);
        record->delay = delay > record->delay ? delay : record->delay;
}

void storm_note_delay(struct storm_record *record)
{
        note_delay(record, hay_now());
}

void storm_got(struct storm_record *record)
{
        record->got = hay_now();
        note_delay(record, record->got);
        go_to(record, STORM_GOT);
}

void storm_leave(struct storm_record *record)
{
        record->leaving = hay_now();
        go_to(record, STORM_LEAVING);
}

void storm_end(struct storm_record *record, int result)
{
        record->result = result;
        record->ended = hay_now();
        note_delay(record, record->ended);
        go_to(record, STORM_ENDED);
}

const char *storm_act_name(unsigned act)
{
        static const char *const names[STORM_ACTS] = {
                "nothing",  "lock",  "rlock",    "array",     "permit", "raise", "lower",
                "ticket",   "ride",  "set",      "clear",     "await",  "meet",  "put",
                "put_many", "get",   "get_many", "delivered", "take",   "task",  "send",
                "recv",     "alloc", "fork",     "start",     "map",
        };
        return act < STORM_ACTS ? names[act] : "?";
}
