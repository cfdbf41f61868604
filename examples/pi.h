/* What pi1 and pi2 have in common: the command line, the progress, the report. */
#ifndef PI_H
#define PI_H

#include <hayfork.h>

struct pi_job {
        const char *what;      /* "points" or "steps" */
        uint64_t count;        /* how many of them: --points, --steps */
        uint64_t blocks;       /* of BLOCK each, the last perhaps of fewer */
        uint64_t seed;         /* --seed, where there is one */
        int workers;           /* --workers */
        bool json;             /* --json */
        uint64_t *blocks_done; /* shared; NULL: there is no terminal to show the progress on */
        hay_time start;
};

/* Read the command line; the time runs from here. Bad input ends the program with code 2. */
void pi_begin(struct pi_job *job, int argc, char **argv, const char *what, const char *explanation);

/* How many points or steps are in a block. */
uint64_t pi_block_size(const struct pi_job *job, uint64_t block);

/* In a worker: another block is done. */
void pi_progress(const struct pi_job *job);

/* Print the result. */
void pi_end(const struct pi_job *job, double estimate);

/* Print why it can't go on, and exit with code 1. `error` may be NULL. */
_Noreturn void pi_fail(const char *what, int code, const struct hay_error *error);

#endif
