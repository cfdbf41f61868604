/* Which positions of a path are tried, and the quickest way to each. */
#ifndef KILL_PLAN_H
#define KILL_PLAN_H

#include "run.h"

struct kill_plan {
        size_t count;
        struct kill_way *ways; /* how to get there */
        uint32_t *position;    /* how many instructions that is */
};

/* All positions of a path and its end; or, if they are more than `most`, at least the first coming
 * to each instruction, and as many others by chance. */
struct kill_plan kill_plan_make(const struct kill_path *path, size_t most, unsigned *seed);
void kill_plan_free(struct kill_plan *plan);

/* The way without a short cut. */
struct kill_way kill_slow_way(uint32_t position, bool inside);

#endif
