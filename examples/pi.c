/* See pi.h. The command line is read by argp, which writes --help and the complaints. */
#include "pi.h"
#include "kernels.h"

#include <argp.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPTION_COUNT = 1, OPTION_WORKERS, OPTION_JSON, OPTION_SEED };

/* A whole number, also written as 1e9, within the limits; else a complaint. */
static uint64_t whole_number(const struct argp_state *state, const char *option, const char *text,
                             uint64_t least, uint64_t most)
{
        char *end = NULL;
        errno = 0;
        uint64_t number = strtoull(text, &end, 10);
        if (*end && strspn(text, "0123456789.eE+") == strlen(text)) {
                double value = strtod(text, &end);
                if (value != floor(value) || value > 0x1p53)
                        errno = ERANGE;
                else
                        number = (uint64_t)value;
        }
        if (*text < '0' || *text > '9' || *end || errno || number < least || number > most)
                argp_error(state, "--%s: '%s' is not a whole number from %llu to %llu", option,
                           text, (unsigned long long)least, (unsigned long long)most);
        return number;
}

static error_t read_option(int key, char *text, struct argp_state *state)
{
        struct pi_job *job = state->input;
        switch (key) {
        case OPTION_COUNT:
                job->count = whole_number(state, job->what, text, 1, 1000000000000000);
                return 0;
        case OPTION_WORKERS:
                job->workers = (int)whole_number(state, "workers", text, 1, 4096);
                return 0;
        case OPTION_SEED:
                job->seed = whole_number(state, "seed", text, 0, UINT64_MAX);
                return 0;
        case OPTION_JSON:
                job->json = true;
                return 0;
        default:
                return ARGP_ERR_UNKNOWN;
        }
}

void pi_begin(struct pi_job *job, int argc, char **argv, const char *what, const char *explanation)
{
        struct argp_option options[] = {
                { what, OPTION_COUNT, "N", 0, "How many (default 1e9)", 0 },
                { "workers", OPTION_WORKERS, "N", 0,
                  "How many processes (default HAYFORK_WORKERS, else one for each processor)", 0 },
                { "json", OPTION_JSON, NULL, 0, "Print the result as one JSON object", 0 },
                { "seed", OPTION_SEED, "N", 0, "Which random numbers (default 1)", 0 },
                { 0 },
        };
        if (strcmp(what, "points"))
                options[3] = (struct argp_option){ 0 };

        *job = (struct pi_job){ .what = what, .count = 1000000000, .seed = 1, .start = hay_now() };
        argp_err_exit_status = 2;
        argp_parse(&(struct argp){ options, read_option, NULL, explanation, NULL, NULL, NULL },
                   argc, argv, 0, NULL, job);
        if (!job->workers)
                job->workers = hay_default_workers();
        job->blocks = (job->count - 1) / BLOCK + 1;
        if (isatty(STDERR_FILENO))
                job->blocks_done = hay_new(uint64_t);
}

uint64_t pi_block_size(const struct pi_job *job, uint64_t block)
{
        uint64_t left = job->count - block * BLOCK;
        return left < BLOCK ? left : BLOCK;
}

void pi_progress(const struct pi_job *job)
{
        if (!job->blocks_done)
                return;
        uint64_t done = __atomic_add_fetch(job->blocks_done, 1, __ATOMIC_RELAXED);
        uint64_t percent = done * 100 / job->blocks;
        if (percent != (done - 1) * 100 / job->blocks)
                fprintf(stderr, "\r%3d %%", (int)percent);
}

void pi_end(const struct pi_job *job, double estimate)
{
        double seconds = (double)(hay_now() - job->start) / 1e9;
        double per_second = (double)job->count / seconds;

        if (job->blocks_done)
                fprintf(stderr, "\r     \r");
        if (job->json)
                printf("{\"estimate\": %.17g, \"error\": %.17g, \"seconds\": %.9f, "
                       "\"per_second\": %.9g, \"workers\": %d}\n",
                       estimate, estimate - M_PI, seconds, per_second, job->workers);
        else
                printf("estimate  %.17g\nerror     %.17g\nseconds   %.6f\n%-9s %.4g per second\n"
                       "workers   %d\n",
                       estimate, estimate - M_PI, seconds, job->what, per_second, job->workers);
        if (fflush(stdout) || ferror(stdout))
                pi_fail("cannot print the result", -errno, NULL);
}

void pi_fail(const char *what, int code, const struct hay_error *error)
{
        const char *why = error && *error->message ? error->message : strerror(-code);
        fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, why);
        exit(1);
}
