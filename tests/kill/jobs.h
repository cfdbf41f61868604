/* The positions of a plan, several at once: each a job that plays a stage, and is judged. */
#ifndef KILL_JOBS_H
#define KILL_JOBS_H

#include "plan.h"

#define KILL_JOBS 64

struct kill_sums {
        uint64_t positions, hangs, torn, leaks;
        int64_t slowest;
};

/* A sweep that runs, or one kill of it with all second ones. */
struct kill_run {
        const struct kill_sweep *sweep;
        const struct kill_plan *plan;
        struct kill_position model; /* what the positions have in common */
        unsigned char *found;       /* of each */
        struct kill_sums sums;
        unsigned told; /* failures told so far */
};

/* So many at once, before the first. */
void kill_jobs_prepare(int jobs);

/* All positions of the plan, or (not negative) only that one. */
void kill_jobs_run(struct kill_run *run, long only);

/* Step through the operation once (twice: through the recovery). False: that failed, and was told. */
bool kill_jobs_record(struct kill_run *run, struct kill_path *path);

/* How many tries came too late for want of a processor, and were made again. */
unsigned kill_jobs_again(void);

void *kill_share(size_t size);

#endif
