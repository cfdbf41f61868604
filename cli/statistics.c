/* The median's interval (David and Nagaraja, Order Statistics, 3rd ed., section 7.1): each value of
 * a sample lies below the true median with probability 1/2, so the number that do is binomial, and
 * the k-th least and the k-th most enclose the median with probability 1 - 2 P(B(n, 1/2) < k). With
 * 5 values, the least and the most enclose it with 15/16. We take the largest k that still is as
 * sure as STATISTICS_LEVEL, and k = 1 where none is: then the coverage tells.
 *
 * The serial fraction of one speed-up S on p workers: e = (1/S - 1/p) / (1 - 1/p) (Karp and Flatt,
 * "Measuring parallel processor performance", CACM 33(5), 1990).
 *
 * Of all: time(p) / time(1) = f + (1 - f) / p (Amdahl, AFIPS 30, 1967), that is, y = f a with
 * y = time(p)/time(1) - 1/p and a = 1 - 1/p: a line through the origin, whose least-squares slope
 * is sum(a y) / sum(a a). A fraction below 0 (speed-up above p: caches) counts as 0. */
#include "statistics.h"

#include <math.h>
#include <stdlib.h>

static int by_size(const void *a, const void *b)
{
        double x = *(const double *)a;
        double y = *(const double *)b;
        return (x > y) - (x < y);
}

/* The rank from each end, counted from 0. Up to 1000 values 2^-n is no less than 1e-302. */
static size_t interval_rank(size_t count, double *ret_coverage)
{
        double probability = ldexp(1, -(int)count); /* of exactly `rank` below the median */
        double below = probability;
        size_t rank = 0;
        *ret_coverage = fmax(1 - 2 * below, 0);
        while (2 * (rank + 1) < count) {
                probability *= (double)(count - rank) / (double)(rank + 1);
                below += probability;
                if (1 - 2 * below < STATISTICS_LEVEL)
                        break;
                rank++;
                *ret_coverage = 1 - 2 * below;
        }
        return rank;
}

void statistics_summarize(double *values, size_t count, struct summary *ret_summary)
{
        qsort(values, count, sizeof(*values), by_size);
        double coverage;
        size_t rank = interval_rank(count, &coverage);
        *ret_summary = (struct summary){
                .median = (values[(count - 1) / 2] + values[count / 2]) / 2,
                .low = values[rank],
                .high = values[count - 1 - rank],
                .least = values[0],
                .most = values[count - 1],
                .coverage = coverage,
        };
}

double statistics_spread(const struct summary *summary)
{
        return (summary->high - summary->low) / summary->median;
}

double statistics_karp_flatt(double speedup, int workers)
{
        if (workers < 2)
                return NAN;
        double ideal = 1.0 / workers;
        return (1 / speedup - ideal) / (1 - ideal);
}

double statistics_amdahl(double serial_fraction, double workers)
{
        return 1 / (serial_fraction + (1 - serial_fraction) / workers);
}

void statistics_fit(const int *workers, const double *speedups, size_t count, int processors,
                    struct fit *ret_fit)
{
        double products = 0;
        double squares = 0;
        *ret_fit = (struct fit){ .serial_fraction = NAN, .error = NAN };
        for (size_t i = 0; i < count; i++) {
                if (workers[i] < 2 || workers[i] > processors)
                        continue;
                double a = 1 - 1.0 / workers[i];
                products += a * (1 / speedups[i] - 1.0 / workers[i]);
                squares += a * a;
                ret_fit->points++;
        }
        if (!ret_fit->points)
                return;
        double fraction = fmin(fmax(products / squares, 0), 1);
        double sum = 0;
        for (size_t i = 0; i < count; i++) {
                if (workers[i] < 2 || workers[i] > processors)
                        continue;
                double miss = 1 / speedups[i] - 1 / statistics_amdahl(fraction, workers[i]);
                sum += miss * miss;
        }
        ret_fit->serial_fraction = fraction;
        ret_fit->error = sqrt(sum / (double)ret_fit->points);
}
