/* The interval of a speed-up is a quotient of the two times' intervals, each end against the
 * other's opposite one: wider than need be, never narrower. */
#include "study.h"

#include "cli.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A spread above this leaves the median's second digit open. */
#define SPREAD_LIMIT 0.10

/* Who gains less than this from any number of workers has not used them. */
#define LEAST_GAIN 0.10

/* So much of a processor may be missing: the kernel's own work, and steps of 10 ms. */
#define DISTURBANCE 0.2

/* To start and end a process takes up to a millisecond, which no number of workers shortens. */
#define SHORT_RUN_S 0.010

void study_init(struct study *study, char **argv, const struct workers *workers, int repeat,
                int warmup, int processors)
{
        *study = (struct study){
                .argv = argv,
                .repeat = repeat,
                .warmup = warmup,
                .processors = processors,
                .online = (int)sysconf(_SC_NPROCESSORS_ONLN),
                .measurements = cli_calloc(workers->count, sizeof(struct measurement)),
                .count = workers->count,
        };
        for (size_t i = 0; i < workers->count; i++) {
                struct measurement *one = &study->measurements[i];
                one->workers = workers->numbers[i];
                one->seconds = cli_calloc((size_t)repeat, sizeof(double));
                one->cpu_seconds = cli_calloc((size_t)repeat, sizeof(double));
        }
}

void study_fini(struct study *study)
{
        for (size_t i = 0; i < study->count; i++) {
                free(study->measurements[i].seconds);
                free(study->measurements[i].cpu_seconds);
        }
        free(study->measurements);
        for (size_t i = 0; i < study->warning_count; i++)
                free(study->warnings[i]);
        free(study->warnings);
        *study = (struct study){ 0 };
}

static void summarize(const double *values, size_t count, struct summary *ret_summary)
{
        double *sorted = cli_calloc(count, sizeof(double));
        memcpy(sorted, values, count * sizeof(double));
        statistics_summarize(sorted, count, ret_summary);
        free(sorted);
}

static void compare(struct measurement *one, const struct measurement *base)
{
        bool is_base = one == base;
        one->speedup = base->time.median / one->time.median;
        one->speedup_low = is_base ? 1 : base->time.low / one->time.high;
        one->speedup_high = is_base ? 1 : base->time.high / one->time.low;
        one->efficiency = one->speedup / one->workers;
        one->karp_flatt = statistics_karp_flatt(one->speedup, one->workers);
}

static void fit(struct study *study)
{
        int *workers = cli_calloc(study->count, sizeof(int));
        double *speedups = cli_calloc(study->count, sizeof(double));
        for (size_t i = 0; i < study->count; i++) {
                workers[i] = study->measurements[i].workers;
                speedups[i] = study->measurements[i].speedup;
        }
        statistics_fit(workers, speedups, study->count, study->processors, &study->fit);
        free(workers);
        free(speedups);
}

__attribute__((format(printf, 2, 3))) static void warn(struct study *study, const char *format, ...)
{
        char *text;
        va_list arguments;
        va_start(arguments, format);
        int r = vasprintf(&text, format, arguments);
        va_end(arguments);
        if (r < 0)
                return;
        char **more = cli_calloc(study->warning_count + 1, sizeof(char *));
        for (size_t i = 0; i < study->warning_count; i++)
                more[i] = study->warnings[i];
        more[study->warning_count++] = text;
        free(study->warnings);
        study->warnings = more;
}

static bool is_wide(const struct study *study, const struct measurement *one)
{
        (void)study;
        return one->spread > SPREAD_LIMIT;
}

static bool is_open(const struct study *study, const struct measurement *one)
{
        return study->repeat > 1 && one->workers > 1 && one->speedup_low <= 1 &&
               one->speedup_high >= 1;
}

/* "1 worker", "1, 2, 8 workers": those of which it is true, to be freed; NULL when of none. */
static char *list(const struct study *study,
                  bool (*is_true)(const struct study *study, const struct measurement *one))
{
        char *text = NULL;
        int last = 0;
        for (size_t i = 0; i < study->count; i++) {
                if (!is_true(study, &study->measurements[i]))
                        continue;
                last = study->measurements[i].workers;
                char *longer = cli_format("%s%s%d", text ? text : "", text ? ", " : "", last);
                free(text);
                text = longer;
        }
        char *whole = text ? cli_format("%s worker%s", text, last == 1 ? "" : "s") : NULL;
        free(text);
        return whole;
}

/* Whether all else left too few processors for the workers that could run. */
static bool is_disturbed(const struct study *study, const struct measurement *one)
{
        int wanted = one->workers < study->processors ? one->workers : study->processors;
        return study->online - one->others < wanted - DISTURBANCE;
}

static void warn_of_others(struct study *study)
{
        double most = 0;
        char *disturbed = list(study, is_disturbed);
        for (size_t i = 0; i < study->count; i++)
                most = fmax(most, study->measurements[i].others);
        if (disturbed)
                warn(study,
                     "other programs used up to %.1f of the %d processors meanwhile, so that too "
                     "little was left for %s: use an idle machine",
                     most, study->online, disturbed);
        free(disturbed);
}

static void warn_of_spread(struct study *study)
{
        double widest = 0;
        char *wide = list(study, is_wide);
        for (size_t i = 0; i < study->count; i++)
                widest = fmax(widest, study->measurements[i].spread);
        if (wide)
                warn(study,
                     "the spread is too wide to conclude with %s: up to %.3g %% of the median "
                     "(limit %.0f %%); use an idle machine, a longer run or more repeats",
                     wide, widest * 100, SPREAD_LIMIT * 100);
        free(wide);
}

static void warn_of_overlap(struct study *study)
{
        bool is_hopeless = study->count > 1;
        char *open = list(study, is_open);
        for (size_t i = 1; i < study->count; i++)
                is_hopeless = is_hopeless && study->measurements[i].speedup_high < 1 + LEAST_GAIN;
        if (open)
                warn(study,
                     "neither faster nor slower than 1 worker, as far as these runs can tell: %s",
                     open);
        if (is_hopeless && study->processors > 1)
                warn(study, "no number of workers gained anything: does the program take its "
                            "number of workers from HAYFORK_WORKERS?");
        free(open);
}

static void warn_of_all(struct study *study)
{
        int most = study->measurements[study->count - 1].workers;
        if (most > study->processors)
                warn(study,
                     "%d workers are more than this process's %d processor%s: those beyond have "
                     "nothing to run on, and are left out of the fit",
                     most, study->processors, study->processors == 1 ? "" : "s");
        if (study->repeat == 1)
                warn(study, "one repeat shows no spread: use --repeat 5 or more to conclude");
        if (study->measurements[0].time.median < SHORT_RUN_S)
                warn(study,
                     "a run takes only %.3g ms: to start and end the program is much of it; give "
                     "it more to do",
                     study->measurements[0].time.median * 1e3);
        warn_of_others(study);
        warn_of_spread(study);
        warn_of_overlap(study);
}

static double share_of_others(const struct measurement *one)
{
        double seconds = 0;
        for (size_t i = 0; i < one->count; i++)
                seconds += one->seconds[i];
        return isnan(one->others_s) ? NAN : fmax(one->others_s, 0) / seconds;
}

void study_evaluate(struct study *study)
{
        for (size_t i = 0; i < study->count; i++) {
                struct measurement *one = &study->measurements[i];
                struct summary cpu;
                summarize(one->cpu_seconds, one->count, &cpu);
                summarize(one->seconds, one->count, &one->time);
                one->cpu = cpu.median;
                one->others = share_of_others(one);
                one->spread = statistics_spread(&one->time);
                compare(one, &study->measurements[0]);
        }
        fit(study);
        warn_of_all(study);
}
