#include "storm.h"

#include <getopt.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static void usage(void)
{
        fputs("usage: storm [--minutes M] [--seed S] [--processes N] [--kills K]\n", stderr);
        exit(2);
}

static double number_of(const char *text, double least, double most)
{
        char *end;
        double number = strtod(text, &end);
        if (end == text || *end || !(number >= least && number <= most))
                usage();
        return number;
}

static struct storm_options parse(int argc, char **argv)
{
        static const struct option known[] = {
                { "minutes", required_argument, NULL, 'm' },
                { "seed", required_argument, NULL, 's' },
                { "processes", required_argument, NULL, 'p' },
                { "kills", required_argument, NULL, 'k' },
                { 0 },
        };
        struct storm_options options = { .minutes = 1 };
        options.seed = (uint64_t)hay_now() / 1000 % 1000000000;
        bool has_minutes = false;
        for (int c; (c = getopt_long(argc, argv, "", known, NULL)) >= 0;) {
                if (c == 'm') {
                        options.minutes = number_of(optarg, 0, 1e6);
                        has_minutes = true;
                } else if (c == 's') {
                        options.seed = strtoull(optarg, NULL, 10);
                } else if (c == 'p') {
                        options.processes = (unsigned)number_of(optarg, 2, STORM_PROCESSES);
                } else if (c == 'k') {
                        options.kills = (uint64_t)number_of(optarg, 1, 1e12);
                } else {
                        usage();
                }
        }
        if (optind < argc)
                usage();
        if (options.kills && !has_minutes)
                options.minutes = 1e6;
        return options;
}

static void on_signal(int number)
{
        (void)number;
}

static void prepare(void)
{
        storm = mmap(NULL, sizeof(*storm), PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (storm == MAP_FAILED) {
                perror("storm: the log");
                exit(1);
        }
        struct sigaction action = { .sa_handler = on_signal };
        sigaction(SIGUSR1, &action, NULL);
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        /* Kills must not wait behind those that are to be killed. */
        setpriority(PRIO_PROCESS, 0, -10);
        /* The region, and its ledger of messages that belong to no queue, are no leak. */
        struct hay_message message;
        if (hay_message_new(&message, 16) == 0)
                hay_message_release(&message);
}

/* What is wrong, with all that is needed to see it again. */
static void tell_complaints(unsigned round, const struct storm_options *options, uint64_t stalls)
{
        static bool has_said_seed;
        uint32_t count = storm->complaint_count;
        stalls = storm_sums.stalls - stalls;
        storm_sums.violations += count > stalls ? count - stalls : 0;
        if (count && !has_said_seed)
                printf("seed %lu, round %u:\n", (unsigned long)options->seed, round);
        for (uint32_t i = 0; i < count && i < STORM_COMPLAINTS; i++)
                if (!i || strcmp(storm->complaints[i], storm->complaints[i - 1]) != 0)
                        printf("  %s\n", storm->complaints[i]);
        if (count > STORM_COMPLAINTS)
                printf("  and %u more\n", count - STORM_COMPLAINTS);
        storm->complaint_count = 0;
        fflush(stdout);
}

static int compare_times(const void *a, const void *b)
{
        hay_time x = *(const hay_time *)a;
        hay_time y = *(const hay_time *)b;
        return (x > y) - (x < y);
}

static void tell_recoveries(const char *where)
{
        size_t count = storm_sums.recovery_count;
        const hay_time *times = storm_sums.recoveries;
        if (!count)
                return;
        qsort(storm_sums.recoveries, count, sizeof(hay_time), compare_times);
        printf("recovery of a waiter: median %.1f ms, worst %.1f ms, of %zu %s\n",
               (double)times[count / 2] / STORM_MS, (double)times[count - 1] / STORM_MS, count,
               where);
        storm_sums.recovery_count = 0;
}

static void tell_progress(hay_time begun)
{
        if (!isatty(1))
                return;
        printf("\r%5.0f s: %lu kills, %lu operations, %lu stalls, %lu violations ",
               (double)(hay_now() - begun) / 1e9, (unsigned long)storm_sums.kills,
               (unsigned long)storm_sums.operations, (unsigned long)storm_sums.stalls,
               (unsigned long)storm_sums.violations);
        fflush(stdout);
}

/* Apart from the storm: the waiters' recovery on a calm machine; a pool of 100,000 items. */
static void run_calm_parts(const struct storm_options *options, bool brief)
{
        uint64_t kills = 0;
        storm_seed(options->seed);
        storm_measure_recovery(brief ? 40 : 200);
        tell_recoveries("in the calm");
        hay_time begun = hay_now();
        storm_hundred_thousand(&kills);
        printf("pool: 100000 items, %lu workers killed in %.1f s, one outcome each\n",
               (unsigned long)kills, (double)(hay_now() - begun) / 1e9);
        storm_sums.kills += kills;
        tell_complaints(0, options, 0);
}

int main(int argc, char **argv)
{
        struct storm_options options = parse(argc, argv);
        prepare();
        printf("seed: %lu (--seed)\n", (unsigned long)options.seed);
        fflush(stdout);
        hay_time begun = hay_now();
        hay_time until = begun + (hay_time)(options.minutes * 60e9);
        storm_live(0);
        run_calm_parts(&options, options.minutes < 1);
        for (unsigned round = 1; round == 1 || hay_now() < until; round++) {
                uint64_t stalls = storm_sums.stalls;
                storm_round(&options, round, until > hay_now() ? until : hay_in_ms(500));
                tell_complaints(round, &options, stalls);
                tell_progress(begun);
                if (options.kills && storm_sums.kills >= options.kills)
                        break;
        }
        if (isatty(1))
                putchar('\n');
        tell_recoveries("in the storm");
        if (storm_sums.slow)
                printf("%lu waits were longer than 1 s for want of a processor, or behind a "
                       "stopped "
                       "process\n",
                       (unsigned long)storm_sums.slow);
        printf("storm: %lu kills, %lu operations, %lu lost (all accounted), %lu stalls, %lu "
               "violations, slowest recovery %ld ms\n",
               (unsigned long)storm_sums.kills, (unsigned long)storm_sums.operations,
               (unsigned long)storm_sums.lost, (unsigned long)storm_sums.stalls,
               (unsigned long)storm_sums.violations, (long)(storm_sums.slowest / STORM_MS));
        return storm_sums.stalls || storm_sums.violations;
}
