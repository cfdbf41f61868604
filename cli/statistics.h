/* What few noisy times can tell: medians, how sure they are, speed-up, and the serial fraction. */
#ifndef CLI_STATISTICS_H
#define CLI_STATISTICS_H

#include <stddef.h>

/* How sure an interval should be, where there are enough repeats (5 give 0.9375). */
#define STATISTICS_LEVEL 0.9

/* A sample's summary. [low, high] holds the true median with probability `coverage`, whatever the
 * distribution: order statistics, no bell curve assumed. */
struct summary {
        double median, low, high, least, most;
        double coverage;
};

/* count >= 1; `values` is sorted in place. */
void statistics_summarize(double *values, size_t count, struct summary *ret_summary);

/* (high - low) / median. */
double statistics_spread(const struct summary *summary);

/* The serial fraction that a speed-up on `workers` > 1 workers shows; NaN for 1. */
double statistics_karp_flatt(double speedup, int workers);

/* Amdahl's law: the speed-up of `workers` workers with a serial fraction. */
double statistics_amdahl(double serial_fraction, double workers);

struct fit {
        size_t points;          /* how many numbers of workers above 1 were used; 0: no fit */
        double serial_fraction; /* from 0 to 1 */
        double error;           /* root mean square of (time - fit) / time of one worker */
};

/* Least squares for the serial fraction, over the points with 1 < workers <= processors: beyond
 * them the law does not speak of what the machine does. speedups[i] belongs to workers[i]. */
void statistics_fit(const int *workers, const double *speedups, size_t count, int processors,
                    struct fit *ret_fit);

#endif
