/* See kit.h. A round runs every rival once, beginning each time with another one. The first round
 * only warms up. A round in which others used more than 5 % of the machine is thrown out and
 * repeated; when there are too many of those, all are used and the table says so. A single round is
 * not repeated: it shows that the benchmark works, and no more. */
#include "kit.h"
#include "quiet.h"

#include <argp.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define QUIET 0.05
#define PATIENCE 3 /* times as many rounds as were asked for */

struct options {
        size_t rounds;
        const char *only;
};

double bench_now(void)
{
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int compare_doubles(const void *left, const void *right)
{
        double a = *(const double *)left, b = *(const double *)right;
        return (a > b) - (a < b);
}

/* Sorted values at a part of the way, 0.5 being the median. */
static double quantile(const double *sorted, size_t count, double part)
{
        double place = part * (double)(count - 1);
        size_t below = (size_t)place;
        if (below + 1 >= count)
                return sorted[count - 1];
        return sorted[below] + (place - (double)below) * (sorted[below + 1] - sorted[below]);
}

struct summary {
        double best, median, spread; /* spread: half of all lie within so much, over the median */
};

static struct summary summarize(double *values, size_t count)
{
        qsort(values, count, sizeof(*values), compare_doubles);
        double median = quantile(values, count, 0.5);
        double middle_half = quantile(values, count, 0.75) - quantile(values, count, 0.25);
        return (struct summary){ values[0], median, middle_half / median };
}

/* A number with three digits and the prefix of its size: "6.95 G". */
static const char *scaled(double value, char buffer[static 32])
{
        static const char *prefixes[] = { "p", "n", "u", "m", "", "k", "M", "G", "T" };
        int scale = value > 0 ? (int)floor(log10(value) / 3) : 0;
        scale = scale < -4 ? -4 : scale > 4 ? 4 : scale;
        value /= pow(1000, scale);
        int digits = value < 10 ? 2 : value < 100 ? 1 : 0;
        snprintf(buffer, 32, "%.*f %s", digits, value, prefixes[scale + 4]);
        return buffer;
}

static void print_row(const struct bench *bench, size_t rival, const double *seconds,
                      const double *floor_seconds, size_t rounds)
{
        double *values = calloc(rounds, sizeof(*values));
        char time[32], rate[32];
        if (!values)
                exit(1);
        memcpy(values, seconds, rounds * sizeof(*values));
        struct summary own = summarize(values, rounds);
        for (size_t round = 0; round < rounds; round++)
                values[round] = floor_seconds[round] / seconds[round];
        struct summary ratio = summarize(values, rounds);
        free(values);
        printf("%-44s %9ss %5.1f %% %10s/s %8.3f\n", bench->rivals[rival].name,
               scaled(own.median / bench->units, time), 100 * own.spread,
               scaled(bench->units / own.median, rate), ratio.median);
}

/* All rivals once, into seconds[rival * stride]; returns the part that others used. */
static double run_round(const struct bench *bench, const bool *takes_part, size_t first,
                        double *seconds, size_t stride)
{
        struct usage before = usage_now();
        for (size_t i = 0; i < bench->count; i++) {
                size_t rival = (first + i) % bench->count;
                if (takes_part[rival])
                        seconds[rival * stride] =
                                bench->rivals[rival].run(bench->rivals[rival].arg);
        }
        return usage_by_others(before, usage_now());
}

static bool is_wanted(const struct bench *bench, size_t rival, const struct options *options)
{
        return rival == 0 || !options->only || strstr(bench->rivals[rival].name, options->only);
}

static void print_table(const struct bench *bench, const struct options *options,
                        const bool *takes_part, const double *seconds, size_t stride, size_t rounds)
{
        char title[32];
        snprintf(title, sizeof(title), "per %s", bench->unit);
        printf("%-44s %10s %7s %12s %8s\n", "", title, "spread", "rate", "of floor");
        for (size_t rival = 0; rival < bench->count; rival++)
                if (takes_part[rival])
                        print_row(bench, rival, seconds + rival * stride, seconds, rounds);
                else if (is_wanted(bench, rival, options))
                        printf("%-44s not here\n", bench->rivals[rival].name);
}

static void run_bench(const struct bench *bench, const struct options *options)
{
        size_t most = options->rounds == 1 ? 1 : options->rounds * PATIENCE, quiet = 0, noisy = 0;
        double *seconds = calloc(most * bench->count, sizeof(*seconds));
        bool *takes_part = calloc(bench->count, sizeof(*takes_part));
        if (!seconds || !takes_part) {
                fprintf(stderr, "no memory for %zu rounds\n", options->rounds);
                exit(1);
        }
        for (size_t rival = 0; rival < bench->count; rival++)
                takes_part[rival] = is_wanted(bench, rival, options) &&
                                    bench->rivals[rival].run(bench->rivals[rival].arg) >= 0;
        /* Quiet rounds fill the table from the left, noisy ones from the right. */
        while (quiet < options->rounds && quiet + noisy < most) {
                double others = run_round(bench, takes_part, quiet + noisy, seconds + quiet, most);
                if (others <= QUIET) {
                        quiet++;
                        continue;
                }
                noisy++;
                for (size_t rival = 0; rival < bench->count; rival++)
                        seconds[rival * most + most - noisy] = seconds[rival * most + quiet];
        }
        printf("%s\n", bench->question);
        bool enough = quiet == options->rounds;
        print_table(bench, options, takes_part, seconds, most, enough ? quiet : most);
        if (enough)
                printf("%zu rounds, and %zu thrown out in which others used the machine\n\n", quiet,
                       noisy);
        else
                printf("THE MACHINE WAS NOT IDLE: in %zu of these %zu rounds others used it\n\n",
                       noisy, most);
        free(seconds);
        free(takes_part);
}

static error_t read_option(int key, char *text, struct argp_state *state)
{
        struct options *options = state->input;
        char *end;
        switch (key) {
        case 'r':
                options->rounds = strtoul(text, &end, 10);
                if (*text < '0' || *text > '9' || *end || options->rounds < 1 ||
                    options->rounds > 10000)
                        argp_error(state, "--rounds: '%s' is not a number from 1 to 10000", text);
                return 0;
        case 'o':
                options->only = text;
                return 0;
        default:
                return ARGP_ERR_UNKNOWN;
        }
}

int bench_main(int argc, char **argv, const struct bench *benches, size_t count)
{
        static const struct argp_option known[] = {
                { "rounds", 'r', "N", 0, "How often each rival runs (default 15)", 0 },
                { "only", 'o', "TEXT", 0, "Only the rivals with TEXT in their name, and the floor",
                  0 },
                { 0 },
        };
        struct options options = { .rounds = 15 };
        argp_err_exit_status = 2;
        argp_parse(
                &(struct argp){ known, read_option, NULL, benches[0].question, NULL, NULL, NULL },
                argc, argv, 0, NULL, &options);
        for (size_t i = 0; i < count; i++)
                run_bench(&benches[i], &options);
        return fflush(stdout) ? 1 : 0;
}
