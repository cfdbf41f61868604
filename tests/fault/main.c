/* The driver: every sweep; in it every system call, with every error that it can give, and storms of
 * signals. */
#include "fault.h"

#include "member/park.h"

#include <getopt.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/time.h>
#include <sys/wait.h>

#define SWEEPS 512
#define JOBS 64
#define FAULTS 8192
#define STORMS 3
#define MANY 6

static struct {
        bool list;
        bool verbose;
        int jobs;
        long at; /* only this call; 0: all */
        int names;
        char **name;
} options = { .jobs = 6 };

struct sums {
        uint64_t failed, refused, crashes, leaks, wrong, strayed, signals;
};

struct job {
        pid_t pid;
        hay_time until;
        int starved; /* so often it was late for want of a processor */
        struct fault_position position;
};

static const struct kill_sweep *sweeps[SWEEPS];
static size_t sweep_count;
static struct job jobs[JOBS];
static struct fault_run *runs; /* one a job, shared with its stage; then the two normal ones */
static struct fault_run *normal;
static struct sums sums;
static unsigned told; /* failures of this sweep */

void kill_add(const struct kill_sweep *added, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                if (sweep_count == SWEEPS)
                        abort();
                sweeps[sweep_count++] = &added[i];
        }
}

static void on_tick(int signal)
{
        (void)signal;
}

static const char *mode_name(enum fault_mode mode)
{
        return mode == FAULT_STORM           ? "a storm of signals"
               : mode == FAULT_STORM_RESTART ? "a storm of signals, restarting"
                                             : "no fault";
}

static void tell(const struct kill_sweep *sweep, const struct fault_position *position,
                 const struct fault_run *run, const char *word)
{
        const struct fault *fault = &position->fault;
        if (++told > 12)
                return;
        printf("  %s: %s: ", word, sweep->name);
        if (fault->number)
                printf("call %u, %s: %s%s", fault->number, fault_call_name(fault->call),
                       strerrorname_np(fault->error), fault->from_then_on ? " from then on" : "");
        else
                fputs(mode_name(position->mode), stdout);
        printf("%s: %s\n", position->alive ? ", the victim alive" : "",
               run->verdict.message[0] ? run->verdict.message : "the stage crashed or hangs");
        fflush(stdout);
}

static void judge(const struct kill_sweep *sweep, const struct fault_position *position,
                  const struct fault_run *run)
{
        const char *word = NULL;
        if (run->verdict.outcome == KILL_STRAYED) {
                sums.strayed++;
                return;
        }
        sums.failed += position->fault.number > 0;
        sums.refused += run->refused;
        sums.signals += run->signals;
        if (run->crashed) {
                sums.crashes++;
                word = "CRASH";
        } else if (run->verdict.outcome == KILL_LEAK) {
                sums.leaks++;
                word = "LEAK";
        } else if (run->verdict.outcome != KILL_FINE) {
                sums.wrong++;
                word = "WRONG";
        }
        if (word)
                tell(sweep, position, run, word);
        else if (options.verbose && run->refused && position->fault.number)
                printf("    call %u, %s: %s: %s returned %s%s\n", position->fault.number,
                       fault_call_name(position->fault.call),
                       strerrorname_np(position->fault.error), run->note[run->notes - 1].function,
                       strerrorname_np(run->note[run->notes - 1].error),
                       run->retried ? ", then succeeded" : "");
}

static void start(const struct kill_sweep *sweep, struct job *job, struct fault_run *run)
{
        memset(run, 0, sizeof(*run));
        fflush(NULL);
        job->until = hay_in_ms(15000);
        job->pid = fork();
        if (job->pid == 0)
                fault_play(sweep, &job->position, run);
        if (job->pid < 0) {
                perror("fork");
                exit(2);
        }
}

static void finish(const struct kill_sweep *sweep, struct job *job, struct fault_run *run)
{
        bool any_left = kill(-job->pid, SIGKILL) == 0;
        job->pid = 0;
        if (any_left && run->verdict.outcome == KILL_FINE) {
                run->verdict.outcome = KILL_LEAK;
                snprintf(run->verdict.message, sizeof(run->verdict.message), "processes are left");
        }
        if (run->verdict.outcome == KILL_STARVED) {
                if (++job->starved < KILL_STARVED_MOST) {
                        start(sweep, job, run);
                        return;
                }
                run->verdict.outcome = KILL_HANG;
        }
        judge(sweep, &job->position, run);
}

static void wait_for_jobs(const struct kill_sweep *sweep)
{
        int status;
        pid_t pid = waitpid(-1, &status, 0);
        for (int i = 0; i < options.jobs; i++) {
                struct job *job = &jobs[i];
                if (job->pid && pid != job->pid && hay_now() > job->until) {
                        kill(-job->pid, SIGKILL);
                        kill(job->pid, SIGKILL);
                        waitpid(job->pid, &status, 0);
                        finish(sweep, job, &runs[i]);
                } else if (job->pid && pid == job->pid) {
                        finish(sweep, job, &runs[i]);
                }
        }
}

static void wait_for_all(const struct kill_sweep *sweep)
{
        for (int i = 0; i < options.jobs; i++)
                while (jobs[i].pid)
                        wait_for_jobs(sweep);
}

static void play(const struct kill_sweep *sweep, const struct fault_position *position)
{
        for (;;) {
                for (int i = 0; i < options.jobs; i++) {
                        if (jobs[i].pid)
                                continue;
                        jobs[i].starved = 0;
                        jobs[i].position = *position;
                        start(sweep, &jobs[i], &runs[i]);
                        return;
                }
                wait_for_jobs(sweep);
        }
}

/* How it goes without faults. */
static bool play_normal(const struct kill_sweep *sweep, const struct fault_position *position,
                        struct fault_run *run)
{
        play(sweep, position);
        wait_for_all(sweep);
        *run = runs[0];
        return run->verdict.outcome == KILL_FINE;
}

/* Every call fails, and the first and last of a kind with every error; those between, in long rows of
 * the same, with one each. */
static bool is_one_of_many(uint32_t number)
{
        uint32_t before = 0;
        uint32_t after = 0;
        for (uint32_t i = 0; i < normal->count; i++)
                if (normal->call[i] == normal->call[number - 1]) {
                        before += i + 1 < number;
                        after += i + 1 > number;
                }
        return before >= MANY && after >= 2;
}

static void add_faults(const struct kill_sweep *sweep, struct fault_position *position,
                       uint32_t number)
{
        bool known;
        bool first = true;
        long call = normal->call[number - 1];
        const short *error = fault_errors(call, &known);
        if (!known) {
                printf("  WRONG: %s: call %u has number %ld, which is not in the table\n",
                       sweep->name, number, call);
                sums.wrong++;
        }
        for (uint32_t i = 0; i + 1 < number; i++)
                first = first && normal->call[i] != call;
        unsigned kinds = 0;
        while (error && error[kinds])
                kinds++;
        unsigned only = kinds && is_one_of_many(number) ? number % kinds : kinds;
        for (unsigned i = 0; i < kinds; i++) {
                if (only < kinds && i != only)
                        continue;
                position->fault = (struct fault){ number, call, error[i], false };
                /* A kernel has a call or it does not. */
                if (error[i] != ENOSYS)
                        play(sweep, position);
                if (!first || error[i] == EINTR || !fault_may_last(call))
                        continue;
                position->fault.from_then_on = true;
                play(sweep, position);
        }
}

static void run_faults(const struct kill_sweep *sweep, bool alive)
{
        struct fault_position position = { .mode = FAULT_CALL, .alive = alive, .normal = normal };
        if (normal->count > FAULT_CALLS) {
                printf("  WRONG: %s: makes %u calls\n", sweep->name, normal->count);
                sums.wrong++;
                return;
        }
        for (uint32_t i = 1; i <= normal->count; i++)
                if (!options.at || options.at == i)
                        add_faults(sweep, &position, i);
}

static void run_storms(const struct kill_sweep *sweep, bool alive)
{
        struct fault_position position = { .alive = alive, .normal = normal };
        for (int i = 0; i < STORMS && !sweep->adopt && !sweep->ends; i++) {
                position.mode = FAULT_STORM;
                play(sweep, &position);
                position.mode = FAULT_STORM_RESTART;
                play(sweep, &position);
        }
}

static void run_sweep(const struct kill_sweep *sweep)
{
        struct fault_position position = { .mode = FAULT_CALL };
        struct sums before = sums;
        hay_time begun = hay_now();
        told = 0;
        if (!play_normal(sweep, &position, normal))
                return;
        bool alive = false;
        if (!sweep->adopt && !sweep->ends) {
                /* Where the victim keeps what it got, nobody else gets it: that is no failure. */
                struct sums kept = sums;
                unsigned kept_told = told;
                position.alive = true;
                told = 1000;
                alive = play_normal(sweep, &position, normal + 1);
                sums = kept;
                told = kept_told;
        }
        run_faults(sweep, alive);
        if (!options.at)
                run_storms(sweep, alive);
        wait_for_all(sweep);
        printf("%-46s %4u calls %5lu failed %4lu refused %4ld ms%s\n", sweep->name, normal->count,
               (unsigned long)(sums.failed - before.failed),
               (unsigned long)(sums.refused - before.refused),
               (long)((hay_now() - begun) / 1000000), told ? "  FAILED" : "");
        fflush(stdout);
}

static bool is_wanted(const char *name)
{
        /* Its operation calls no public function. */
        if (strcmp(name, "memory: two notes") == 0)
                return false;
        for (int i = 0; i < options.names; i++)
                if (strstr(name, options.name[i]))
                        return true;
        return options.names == 0;
}

static void usage(void)
{
        puts("fault [--verbose] [--at N] [--jobs N] [--list] [NAME...]\n"
             "  Fail each system call of each operation with NAME in its name, with each error "
             "that\n"
             "  it can give; and send signals meanwhile.\n"
             "  --verbose  tell what was refused by whom\n"
             "  --at N     only the N-th call\n"
             "  --jobs N   stages at once (6)\n"
             "  --list     the names of the operations");
        exit(2);
}

static void parse(int argc, char **argv)
{
        static const struct option known[] = {
                { "verbose", no_argument, NULL, 'v' },
                { "at", required_argument, NULL, 'a' },
                { "jobs", required_argument, NULL, 'j' },
                { "list", no_argument, NULL, 'l' },
                { 0 },
        };
        for (int c; (c = getopt_long(argc, argv, "", known, NULL)) >= 0;) {
                switch (c) {
                case 'v':
                        options.verbose = true;
                        break;
                case 'a':
                        options.at = atol(optarg);
                        break;
                case 'j':
                        options.jobs = atoi(optarg);
                        break;
                case 'l':
                        options.list = true;
                        break;
                default:
                        usage();
                }
        }
        if (options.jobs < 1 || options.jobs > JOBS || options.at < 0)
                usage();
        options.names = argc - optind;
        options.name = argv + optind;
}

/* The same addresses in every run, and a malloc() whose sum is what is in use. */
static void fix_process(char **argv)
{
        int now = personality(0xffffffff);
        if (now < 0 || now & ADDR_NO_RANDOMIZE ||
            personality((unsigned)now | ADDR_NO_RANDOMIZE) < 0)
                return;
        setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0", 1);
        execv("/proc/self/exe", argv);
}

/* What is found out once a process is found out before the first fork. */
static void warm_up(void)
{
        uint32_t word = 0;
        uint32_t hint = 0;
        hf_spin(&word, 0, &hint);
        hay_now();
}

int main(int argc, char **argv)
{
        fix_process(argv);
        hay_main(argc, argv);
        parse(argc, argv);
        runs = mmap(NULL, (JOBS + 2) * sizeof(*runs), PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (runs == MAP_FAILED)
                return 2;
        normal = runs + JOBS;
        warm_up();
        struct sigaction action = { .sa_handler = on_tick };
        sigaction(SIGALRM, &action, NULL);
        struct itimerval timer = { .it_interval.tv_usec = 200000, .it_value.tv_usec = 200000 };
        if (!options.list)
                setitimer(ITIMER_REAL, &timer, NULL);
        size_t wanted = 0;
        for (size_t i = 0; i < sweep_count; i++) {
                if (!is_wanted(sweeps[i]->name))
                        continue;
                wanted++;
                if (options.list)
                        puts(sweeps[i]->name);
                else
                        run_sweep(sweeps[i]);
        }
        if (options.list)
                return wanted ? 0 : 1;
        printf("%lu calls were refused, %lu came otherwise, %lu signals\n",
               (unsigned long)sums.refused, (unsigned long)sums.strayed,
               (unsigned long)sums.signals);
        printf("fault: %lu calls failed, %lu crashes, %lu leaks, %lu wrong\n",
               (unsigned long)sums.failed, (unsigned long)sums.crashes, (unsigned long)sums.leaks,
               (unsigned long)sums.wrong);
        return sums.failed == 0 || sums.crashes || sums.leaks || sums.wrong;
}
