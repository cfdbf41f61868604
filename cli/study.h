/* A study: one program, run with several numbers of workers, several times each. */
#ifndef CLI_STUDY_H
#define CLI_STUDY_H

#include "statistics.h"
#include "workers.h"

#include <stdbool.h>
#include <stddef.h>

/* What is known of one number of workers. */
struct measurement {
        int workers;
        double *seconds;     /* wall time of each run, in the order of the runs */
        double *cpu_seconds; /* processor time of each run, its children's with it */
        size_t count;        /* runs that were made */
        double others_s;     /* processor time of all else on the machine during all these runs */

        struct summary time;
        double spread; /* of the times, see statistics_spread() */
        double cpu;    /* median of cpu_seconds */
        double others; /* how many processors all else used, on average; NaN when unknown */
        double speedup, speedup_low, speedup_high;
        double efficiency;
        double karp_flatt; /* NaN for 1 worker */
};

struct study {
        char **argv; /* of the program */
        int repeat;
        int warmup;
        int processors; /* that this process may use */
        int online;     /* that the machine has */
        struct measurement *measurements;
        size_t count;
        struct fit fit;
        char **warnings; /* sentences */
        size_t warning_count;
};

/* Room for the times of all runs. */
void study_init(struct study *study, char **argv, const struct workers *workers, int repeat,
                int warmup, int processors);
void study_fini(struct study *study);

/* Of the times, derive the rest. Each measurement has `repeat` of them. */
void study_evaluate(struct study *study);

#endif
