/* The frame of the benchmarks: rivals run in turn, round after round, so that what disturbs one
 * disturbs all; the table shows medians with their spread, and ratios. */
#ifndef BENCH_KIT_H
#define BENCH_KIT_H

#include <stddef.h>

struct rival {
        const char *name;
        /* Do the work once. Returns the seconds that it took, by the rival's own measure (what only
         * prepares it is left out), or a negative number: not possible on this machine. */
        double (*run)(void *arg);
        void *arg;
};

struct bench {
        const char *question;
        const char *unit;           /* what is counted, in the singular: "point", "message" */
        double units;               /* how many of them a run is */
        const struct rival *rivals; /* the first is the floor: ratios are to it */
        size_t count;
};

/* Read the command line (--rounds N, --only RIVAL, --help), run and print each bench. Returns
 * main's exit code: 2 for a bad command line. */
int bench_main(int argc, char **argv, const struct bench *benches, size_t count);

/* Seconds, on a clock that only goes forward. */
double bench_now(void);

#endif
