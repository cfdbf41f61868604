/* The n-th system call fails. The operations, their start states and what must hold afterwards are
 * the sweeps of tests/kill; here nobody is killed, but one call into the kernel is answered with an
 * error, whoever made it: the engine, or the C library for it. */
#ifndef FAULT_H
#define FAULT_H

#include "../kill/run.h"

#define FAULT_CALLS 600
#define FAULT_NOTES 12

/* What fails. */
struct fault {
        uint32_t number; /* which of the victim's calls, from 1; 0: none */
        long call;       /* its number for the kernel, so that it is known to be the same */
        int error;
        bool from_then_on; /* and all later ones of its kind */
};

/* What a process has; the engine gives back all that a call took which then failed. */
struct fault_shape {
        int fds;
        int children;
        int mappings;
        long blocks;
        long heap; /* bytes from malloc() */
};

/* A public function that returned an error. */
struct fault_note {
        char function[32];
        int error;
};

/* One run of an operation, in memory that the driver, the stage and the victim share. */
struct fault_run {
        struct kill_verdict verdict;
        struct fault_shape shape; /* by how much the operation changed it */
        struct fault_note note[FAULT_NOTES];
        int notes;
        uint32_t count;
        short call[FAULT_CALLS]; /* what was called, in order */
        bool counting;
        bool hit;     /* the call that was to fail was made */
        bool crashed; /* by a signal */
        bool refused; /* a public function returned an error that it does not return otherwise */
        bool retried; /* then the operation was done again, without a fault */
        int balance;  /* objects that were made, less those that were freed */
        uint64_t signals;
};

enum fault_mode {
        FAULT_CALL,
        FAULT_STORM,         /* of signals, without SA_RESTART */
        FAULT_STORM_RESTART, /* with it */
};

struct fault_position {
        enum fault_mode mode;
        struct fault fault;
        bool alive;                     /* the survivor acts while the victim lives */
        const struct fault_run *normal; /* NULL: this is how it goes without faults */
};

/* calls.c: which errors a call can return, up to a 0. NULL: none; `ret_known` tells whether the call
 * is in the table at all. */
const short *fault_errors(long call, bool *ret_known);
const char *fault_call_name(long call);
/* It is done, and then said to have failed: close() gives the fd back even so. */
bool fault_is_done_anyway(long call);
/* Whether it makes sense that it fails from now on: not for what is asked again until it succeeds. */
bool fault_may_last(long call);

/* inject.c: let the victim run, from before its operation to the end of it. */
void fault_lead(pid_t victim, const struct kill_sweep *sweep, const struct fault *fault,
                struct fault_run *run);

/* play.c: one position, in a stage of its own. */
__attribute__((noreturn)) void fault_play(const struct kill_sweep *sweep,
                                          const struct fault_position *position,
                                          struct fault_run *run);

/* notes.c: where results are noted while the operation runs; NULL: nowhere. */
extern struct fault_run *fault_noting;

#endif
