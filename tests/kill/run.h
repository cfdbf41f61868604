/* Between the driver, its stages and the tracer. */
#ifndef KILL_RUN_H
#define KILL_RUN_H

#include "kill.h"

#include <sys/types.h>

/* How a position was, told by its stage in shared memory. */
enum kill_outcome {
        KILL_NOTHING, /* the stage has not told: it hangs, or crashed */
        KILL_FINE,
        KILL_STRAYED, /* the quick way did not lead to the position: take the slow one */
        KILL_STARVED, /* late, perhaps for want of a processor: try again */
        KILL_HANG,
        KILL_TORN,
        KILL_LEAK,
};

struct kill_verdict {
        enum kill_outcome outcome;
        enum kill_found found;
        int64_t recovery; /* ns until all survivors had what they wanted */
        int64_t since;    /* when the kill was; 0 before */
        uint64_t at;      /* the instruction that was not executed any more */
        bool inside;      /* the victim was asleep in a call */
        char message[240];
};

/* Who is late so often hangs, whatever the machine has to do. */
#define KILL_STARVED_MOST 20

/* A way to a position: let it run until it has come so many times to an instruction, then step. */
struct kill_way {
        uint64_t checkpoint; /* 0: step from the start */
        uint32_t hits;
        uint32_t steps;
        bool inside; /* after that, into the call that it sleeps in */
};

/* The path of an operation, recorded by stepping through it: the instructions, and whether the
 * victim slept in them. In memory that is shared with the stages. */
#define KILL_PATH_MOST (1u << 20)
struct kill_path {
        uint32_t count;
        bool too_long;
        uint64_t instruction[KILL_PATH_MOST]; /* bit 63: slept */
};
#define KILL_SLEPT (1ull << 63)

enum kill_way_end { KILL_AT_POSITION, KILL_AT_END, KILL_GONE_ASTRAY };

/* trace.c: a victim that stops just before `operation`, and can then be led. */
pid_t kill_victim(const struct kill_sweep *sweep, void (*operation)(void));
void kill_adopt(pid_t victim);
enum kill_way_end kill_lead(pid_t victim, const struct kill_sweep *sweep,
                            const struct kill_way *way, uint64_t *ret_at);
void kill_record(pid_t victim, const struct kill_sweep *sweep, struct kill_path *path);
/* While it ticks, a wait is interrupted now and then. */
void kill_tick(bool on);
void kill_let_go(pid_t victim, const struct kill_sweep *sweep);
void kill_reap(pid_t victim);
/* The state letter in /proc, '?' when it is gone. */
char kill_state_of(pid_t pid);

/* stage.c: play one position; never returns. */
enum kill_mode { KILL_ONCE, KILL_TWICE, KILL_STOP };
struct kill_position {
        enum kill_mode mode;
        struct kill_way first;
        struct kill_way second; /* twice: where the second victim dies */
        bool reap_late;         /* the victim is a zombie while the survivors act */
};
__attribute__((noreturn)) void kill_play(const struct kill_sweep *sweep,
                                         const struct kill_position *position,
                                         struct kill_verdict *verdict);
/* The same, but the victim (of the second kill, if there is a first) is recorded, to its end. */
__attribute__((noreturn)) void kill_rehearse(const struct kill_sweep *sweep,
                                             const struct kill_position *position,
                                             struct kill_verdict *verdict, struct kill_path *path);

/* Its parts, for drivers that do something else to the victim. Until the victim stands before its
 * operation and the companion sleeps; the end of the companion; the checks at the end. */
pid_t kill_begin(const struct kill_sweep *sweep, struct kill_verdict *verdict);
void kill_begin_recovery(void);
void kill_end_recovery(void);
void kill_end_companion(hay_time since);
void kill_check_leaks(void);
/* In a process that sets it, what is found wrong is told to it instead. */
extern void (*kill_objection)(const char *message);

/* How long survivors may take. */
#define KILL_LIMIT (1000 * 1000000ll)

#endif
