/* Did others use the processors meanwhile? */
#ifndef BENCH_QUIET_H
#define BENCH_QUIET_H

#include <stdbool.h>

/* Processor time used since the machine started, in seconds. */
struct usage {
        double all; /* by everybody, also by other guests of the same host */
        double own; /* by this program and its children (its process group) */
        double at;  /* when this was */
};

struct usage usage_now(void);

/* The part of the machine that others used between the two, 0 to 1; what is too little to be told
 * from the clock's tick counts as nothing. */
double usage_by_others(struct usage from, struct usage to);

#endif
