#include "storm.h"

#include <getopt.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

int storm_niceness;

/* Storms side by side, each over a region and objects of its own: while all of one wait for what a
 * dead process held, the others get on. */
#define JOBS 4u
#define CALM_NS (120 * 1000 * STORM_MS) /* what the calm parts may take, */
#define END_NS (40 * 1000 * STORM_MS)   /* and a storm to come to its end */

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

void *storm_share(size_t size)
{
        void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) {
                perror("storm: memory");
                exit(1);
        }
        return memory;
}

static void prepare(void)
{
        storm = storm_share(sizeof(*storm));
        struct sigaction action = { .sa_handler = on_signal };
        sigaction(SIGUSR1, &action, NULL);
        sigaction(SIGCHLD, &action, NULL);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        /* Kills must not wait behind those that are to be killed. */
        storm_niceness = getpriority(PRIO_PROCESS, 0);
        setpriority(PRIO_PROCESS, 0, storm_niceness - 10);
        /* The region, and its ledger of messages that belong to no queue, are no leak. */
        struct hay_message message;
        if (hay_message_new(&message, 16) == 0)
                hay_message_release(&message);
        storm_live(0);
}

/* What is wrong, with all that is needed to see it again. */
static void tell_complaints(const char *where, uint64_t stalls)
{
        uint32_t count = storm->complaint_count;
        stalls = storm_sums->stalls - stalls;
        storm_sums->violations += count > stalls ? count - stalls : 0;
        if (count)
                printf("%s:\n", where);
        for (uint32_t i = 0; i < count && i < STORM_COMPLAINTS; i++)
                if (!i || strcmp(storm->complaints[i], storm->complaints[i - 1]) != 0)
                        printf("  %s\n", storm->complaints[i]);
        if (count > STORM_COMPLAINTS)
                printf("  and %u more\n", count - STORM_COMPLAINTS);
        storm->complaint_count = 0;
        fflush(stdout);
}

/* Apart from the storm: the waiters' recovery in the calm; a pool of 100,000 items. */
static void run_calm_parts(const struct storm_options *options)
{
        uint64_t kills = 0;
        prepare();
        storm_seed(options->seed);
        bool is_short = options->minutes < 1;
        storm_measure_recovery(is_short ? 40 : 100);
        hay_time begun = hay_now();
        storm_hundred_thousand(is_short ? 15000 : 150000, &kills);
        storm_sums->kills += kills;
        tell_complaints("the calm parts", 0);
        if (!storm_sums->violations)
                printf("pool: 100000 items, %lu workers killed in %.1f s, one outcome each\n",
                       (unsigned long)kills, (double)(hay_now() - begun) / 1e9);
        fflush(stdout);
}

static void run_storm(struct storm_options options, hay_time until, unsigned job)
{
        char where[80];
        options.seed += job * 0x632be59bd9b4e019ull;
        prepare();
        for (unsigned round = 1; round == 1 || hay_now() < until; round++) {
                uint64_t stalls = storm_sums->stalls;
                storm_round(&options, round, until > hay_now() ? until : hay_in_ms(500));
                snprintf(where, sizeof(where), "storm %u, round %u of %u processes", job, round,
                         storm->processes);
                tell_complaints(where, stalls);
                if (options.kills && storm_sums->kills >= options.kills)
                        break;
        }
}

static struct storm_sums add_up(const struct storm_sums *sums)
{
        struct storm_sums all = { 0 };
        for (unsigned i = 0; i <= JOBS; i++) {
                all.kills += sums[i].kills;
                all.inside += sums[i].inside;
                all.operations += sums[i].operations;
                all.lost += sums[i].lost;
                all.stalls += sums[i].stalls;
                all.violations += sums[i].violations;
                all.slow += sums[i].slow;
        }
        return all;
}

static void tell_progress(const struct storm_sums *sums, hay_time begun)
{
        if (!isatty(1))
                return;
        struct storm_sums all = add_up(sums);
        printf("\r%5.0f s: %lu kills, %lu operations, %lu stalls, %lu violations ",
               (double)(hay_now() - begun) / 1e9, (unsigned long)all.kills,
               (unsigned long)all.operations, (unsigned long)all.stalls,
               (unsigned long)all.violations);
        fflush(stdout);
}

static pid_t job_pids[JOBS + 1];

static pid_t start_job(unsigned job)
{
        fflush(stdout);
        pid_t pid = fork();
        if (pid == 0) {
                storm_sums += job;
                return 0;
        }
        if (pid < 0) {
                perror("storm: fork");
                exit(1);
        }
        job_pids[job] = pid;
        return pid;
}

static void end_hanging_jobs(void)
{
        for (unsigned job = 0; job <= JOBS; job++) {
                if (!job_pids[job])
                        continue;
                printf("storm %u: hang: it did not end\n", job);
                storm_sums[job].stalls++;
                if (storm_sums[job].group)
                        kill(-storm_sums[job].group, SIGKILL);
                kill(job_pids[job], SIGKILL);
        }
}

/* Wait for `count` jobs; one that does not end well is a violation. */
static void wait_for_jobs(unsigned count, hay_time begun, hay_time until)
{
        int status;
        while (count) {
                pid_t pid = waitpid(-1, &status, WNOHANG);
                if (pid > 0) {
                        count--;
                        for (unsigned job = 0; job <= JOBS; job++)
                                if (job_pids[job] == pid)
                                        job_pids[job] = 0;
                        storm_sums[0].violations += status != 0;
                        continue;
                }
                if (hay_now() > until) {
                        end_hanging_jobs();
                        until = INT64_MAX;
                }
                tell_progress(storm_sums, begun);
                usleep(100000);
        }
        if (isatty(1))
                printf("\r%*s\r", 79, "");
}

static int compare_times(const void *a, const void *b)
{
        hay_time x = *(const hay_time *)a;
        hay_time y = *(const hay_time *)b;
        return (x > y) - (x < y);
}

void storm_tell_times(const char *where, hay_time *times, unsigned count)
{
        if (!count)
                return;
        qsort(times, count, sizeof(*times), compare_times);
        printf("recovery of a waiter: median %5.1f ms, worst %5.1f ms, of %u, %s\n",
               (double)times[count / 2] / STORM_MS, (double)times[count - 1] / STORM_MS, count,
               where);
        fflush(stdout);
}

/* Returns the slowest since the last time. */
static hay_time tell_recoveries(const char *where)
{
        uint32_t count = storm_recoveries->count;
        hay_time *times = storm_recoveries->times;
        count = count < STORM_RECOVERIES ? count : STORM_RECOVERIES;
        storm_recoveries->count = 0;
        if (!count)
                return 0;
        storm_tell_times(where, times, count);
        return times[count - 1];
}

static int tell(hay_time slowest)
{
        struct storm_sums all = add_up(storm_sums);
        if (all.slow)
                printf("%lu waits were longer than 1 s for want of a processor, or behind a "
                       "stopped "
                       "process\n",
                       (unsigned long)all.slow);
        printf("%lu of the killed were in the midst of a call\n", (unsigned long)all.inside);
        printf("storm: %lu kills, %lu operations, %lu lost%s, %lu stalls, %lu violations, slowest "
               "recovery %ld ms\n",
               (unsigned long)all.kills, (unsigned long)all.operations, (unsigned long)all.lost,
               all.violations ? "" : " (all accounted)", (unsigned long)all.stalls,
               (unsigned long)all.violations, (long)(slowest / STORM_MS));
        return all.stalls || all.violations;
}

int main(int argc, char **argv)
{
        struct storm_options options = parse(argc, argv);
        hay_time begun = hay_now();
        storm_sums = storm_share((JOBS + 1) * sizeof(*storm_sums));
        storm_recoveries = storm_share(sizeof(*storm_recoveries));
        printf("seed: %lu (--seed)\n", (unsigned long)options.seed);
        if (!start_job(JOBS)) {
                run_calm_parts(&options);
                return 0;
        }
        wait_for_jobs(1, begun, begun + CALM_NS);
        hay_time calm = tell_recoveries("all in the calm");
        hay_time until = hay_now() + (hay_time)(options.minutes * 60e9);
        unsigned jobs = options.processes > STORM_PROCESSES / JOBS
                                ? STORM_PROCESSES / options.processes
                                : JOBS;
        options.kills = (options.kills + jobs - 1) / jobs;
        for (unsigned job = 0; job < jobs; job++) {
                if (!start_job(job)) {
                        run_storm(options, until, job);
                        return 0;
                }
        }
        wait_for_jobs(jobs, begun, (until > hay_now() ? until : hay_now()) + END_NS);
        hay_time storms = tell_recoveries("locks in the storm");
        return tell(calm > storms ? calm : storms);
}
