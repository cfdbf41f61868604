/* The driver: every sweep, every position, several stages at once (most of them wait for the end of
 * somebody's slice). */
#include "plan.h"

#include "member/park.h"

#include <getopt.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>

#define SWEEPS 512
#define JOBS 64
#define SHORT_POSITIONS 160

static struct {
        bool brief;
        bool list;
        enum kill_mode mode;
        unsigned seed;
        int jobs;
        long most; /* positions a sweep */
        long at;   /* only this one; -1: all */
        int names;
        char **name;
} options = { .jobs = 8, .at = -1 };

struct sums {
        uint64_t positions, hangs, torn, leaks;
        int64_t slowest;
};

struct job {
        pid_t pid;
        size_t index; /* of the position in the plan */
        hay_time until;
        bool stalled; /* the machine stood still meanwhile */
        struct kill_position position;
};

/* A sweep that runs, or one kill of it with all second ones. */
struct run {
        const struct kill_sweep *sweep;
        const struct kill_plan *plan;
        struct kill_position model; /* what the positions have in common */
        unsigned char *found;       /* of each */
        struct sums sums;
        unsigned told; /* failures told so far */
};

static const struct kill_sweep *sweeps[SWEEPS];
static size_t sweep_count;
static struct job jobs[JOBS];
static hay_time last_awake;
static struct kill_verdict *verdicts; /* one a job, shared with its stage */
static struct kill_path *path;        /* shared with the stage that records */

void kill_add(const struct kill_sweep *added, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                if (sweep_count == SWEEPS)
                        abort();
                sweeps[sweep_count++] = &added[i];
        }
}

static void *shared(size_t size)
{
        void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
                abort();
        return memory;
}

static void on_tick(int signal)
{
        (void)signal;
}

/* Function and line of an instruction, by the tool that comes with the compiler. */
static void tell_place(uint64_t at)
{
        extern const char __executable_start[];
        extern const char etext[];
        uint64_t start = (uint64_t)(uintptr_t)__executable_start;
        if (at < start || at >= (uint64_t)(uintptr_t)etext) {
                printf("      at %#lx, in a library\n", (unsigned long)at);
                return;
        }
        char command[128];
        char line[512];
        snprintf(command, sizeof(command), "addr2line -fpse /proc/%d/exe %#lx", (int)getpid(),
                 (unsigned long)(at - start));
        FILE *tool = popen(command, "r");
        printf("      at %s", tool && fgets(line, sizeof(line), tool) ? line : "?\n");
        if (tool)
                pclose(tool);
}

static void tell_failure(struct run *run, const struct job *job, const struct kill_verdict *verdict)
{
        static const char *const words[] = { [KILL_NOTHING] = "HANG",
                                             [KILL_HANG] = "HANG",
                                             [KILL_TORN] = "TORN",
                                             [KILL_LEAK] = "LEAK" };
        if (++run->told > 8)
                return;
        printf("  %s: %s at position %u%s", words[verdict->outcome], run->sweep->name,
               run->plan->position[job->index], verdict->inside ? " (asleep in the call)" : "");
        printf(": %s\n", verdict->outcome == KILL_NOTHING ? "the stage does not end or crashed"
                                                          : verdict->message);
        if (verdict->at)
                tell_place(verdict->at);
        fflush(stdout);
}

static void add_up(struct sums *sums, const struct sums *more)
{
        sums->positions += more->positions;
        sums->hangs += more->hangs;
        sums->torn += more->torn;
        sums->leaks += more->leaks;
        sums->slowest = sums->slowest > more->slowest ? sums->slowest : more->slowest;
}

static void start(struct run *run, struct job *job, struct kill_verdict *verdict)
{
        memset(verdict, 0, sizeof(*verdict));
        const struct kill_way *way =
                run->model.mode == KILL_TWICE ? &job->position.second : &job->position.first;
        fflush(NULL);
        job->stalled = false;
        job->until = hay_in_ms(20000 + way->steps / 2 + way->hits / 2);
        job->pid = fork();
        if (job->pid == 0)
                kill_play(run->sweep, &job->position, verdict);
        if (job->pid < 0) {
                perror("fork");
                exit(2);
        }
}

/* What the processes of a stage that does not end wait for. */
static void tell_group(pid_t group)
{
        char command[200];
        snprintf(command, sizeof(command),
                 "for p in $(pgrep -g %d); do echo \"      $p $(cut -d' ' -f3 /proc/$p/stat) in "
                 "call "
                 "$(cat /proc/$p/syscall 2>&1)\"; done",
                 (int)group);
        fflush(stdout);
        if (system(command) < 0)
                puts("      ?");
}

/* Whatever the stage left. */
static bool end_group(pid_t pid)
{
        bool any = kill(-pid, SIGKILL) == 0;
        return any;
}

static void judge(struct run *run, struct job *job, const struct kill_verdict *verdict)
{
        struct sums *sums = &run->sums;
        sums->positions++;
        run->found[job->index] = (unsigned char)verdict->found;
        if (verdict->recovery > sums->slowest)
                sums->slowest = verdict->recovery;
        sums->hangs += verdict->outcome == KILL_HANG || verdict->outcome == KILL_NOTHING;
        sums->torn += verdict->outcome == KILL_TORN;
        sums->leaks += verdict->outcome == KILL_LEAK;
        if (verdict->outcome != KILL_FINE)
                tell_failure(run, job, verdict);
}

/* Where the machine (a virtual one) stands still for a while, no deadline holds. The driver is
 * awake several times a second: when it was not, what hung meanwhile is tried again. */
static void watch_machine(void)
{
        hay_time now = hay_now();
        hay_time gap = last_awake ? now - last_awake : 0;
        last_awake = now;
        if (gap < 700 * 1000000ll)
                return;
        for (int i = 0; i < options.jobs; i++) {
                jobs[i].stalled = true;
                jobs[i].until += gap;
        }
}

/* A stage has ended, or was ended: judge it, or try again. */
static void finish(struct run *run, struct job *job, struct kill_verdict *verdict)
{
        if (end_group(job->pid) && verdict->outcome == KILL_FINE) {
                verdict->outcome = KILL_LEAK;
                snprintf(verdict->message, sizeof(verdict->message), "processes are left");
        }
        if (verdict->outcome == KILL_STRAYED) {
                struct kill_way *way = run->model.mode == KILL_TWICE ? &job->position.second
                                                                     : &job->position.first;
                if (way->checkpoint) {
                        *way = kill_slow_way(run->plan->position[job->index], way->inside);
                        start(run, job, verdict);
                        return;
                }
                /* The path went elsewhere; where it went is as good a position. */
                job->pid = 0;
                return;
        }
        if (job->stalled && verdict->outcome <= KILL_HANG && verdict->outcome != KILL_FINE) {
                start(run, job, verdict);
                return;
        }
        judge(run, job, verdict);
        job->pid = 0;
}

static void wait_for_jobs(struct run *run)
{
        int status;
        pid_t pid = waitpid(-1, &status, 0);
        watch_machine();
        for (int i = 0; i < options.jobs; i++) {
                struct job *job = &jobs[i];
                if (!job->pid)
                        continue;
                if (pid == job->pid) {
                        finish(run, job, &verdicts[i]);
                } else if (hay_now() > job->until) {
                        tell_group(job->pid);
                        end_group(job->pid);
                        kill(job->pid, SIGKILL);
                        waitpid(job->pid, &status, 0);
                        finish(run, job, &verdicts[i]);
                }
        }
}

static struct job *free_job(void)
{
        for (int i = 0; i < options.jobs; i++)
                if (!jobs[i].pid)
                        return &jobs[i];
        return NULL;
}

static bool any_job(void)
{
        for (int i = 0; i < options.jobs; i++)
                if (jobs[i].pid)
                        return true;
        return false;
}

static void run_positions(struct run *run)
{
        last_awake = 0;
        for (size_t i = 0; i < run->plan->count; i++) {
                if (options.at >= 0 && run->model.mode != KILL_TWICE &&
                    run->plan->position[i] != (uint32_t)options.at)
                        continue;
                struct job *job;
                while (!(job = free_job()))
                        wait_for_jobs(run);
                job->index = i;
                job->position = run->model;
                job->position.reap_late = i % 2;
                if (run->model.mode == KILL_TWICE)
                        job->position.second = run->plan->ways[i];
                else
                        job->position.first = run->plan->ways[i];
                start(run, job, &verdicts[job - jobs]);
        }
        while (any_job())
                wait_for_jobs(run);
}

/* One commit: what had not happened at a position had not at an earlier one. And once the operation
 * has returned, it has happened. Beside a companion the way is not the same each time, so that
 * positions of different runs can't be compared. */
static void check_order(struct run *run)
{
        if (run->sweep->unordered || run->sweep->companion || run->model.mode != KILL_ONCE)
                return;
        const struct kill_plan *plan = run->plan;
        size_t first = SIZE_MAX;
        for (size_t i = 0; i < plan->count; i++) {
                if (run->found[i] == KILL_AFTER && first == SIZE_MAX)
                        first = i;
                if (run->found[i] != KILL_BEFORE || (first == SIZE_MAX && i + 1 < plan->count))
                        continue;
                run->sums.torn++;
                printf("  TORN: %s: it had happened at position %ld, but not at %u of %u\n",
                       run->sweep->name, first == SIZE_MAX ? -1 : (long)plan->position[first],
                       plan->position[i], path->count);
                return;
        }
}

/* Step through it once. False: that failed, and was told. */
static bool record(struct run *run)
{
        int status;
        struct kill_verdict *verdict = &verdicts[JOBS];
        memset(verdict, 0, sizeof(*verdict));
        path->count = 0;
        fflush(NULL);
        pid_t pid = fork();
        if (pid == 0)
                kill_rehearse(run->sweep, &run->model, verdict, path);
        hay_time until = hay_in_ms(120000);
        while (waitpid(pid, &status, 0) != pid && hay_now() < until)
                ;
        end_group(pid);
        if (verdict->outcome == KILL_FINE && !path->too_long)
                return true;
        if (run->model.mode == KILL_TWICE && verdict->outcome == KILL_STRAYED)
                return false;
        kill(pid, SIGKILL);
        printf("  TORN: %s: it can't be stepped through: %s\n", run->sweep->name,
               path->too_long ? "too long" : verdict->message);
        run->sums.torn++;
        return false;
}

static void make_found(struct run *run)
{
        free(run->found);
        run->found = calloc(run->plan->count + 1, 1);
        if (!run->found)
                abort();
}

/* Every second kill after one first. */
static void run_second(struct run *run, const struct kill_way *first, size_t most)
{
        run->model.mode = KILL_TWICE;
        run->model.first = *first;
        if (!record(run))
                return;
        const struct kill_plan *outer = run->plan;
        struct kill_plan plan = kill_plan_make(path, most, &options.seed);
        run->plan = &plan;
        make_found(run);
        run_positions(run);
        kill_plan_free(&plan);
        run->plan = outer;
}

static void run_twice(struct run *run, const struct kill_plan *plan)
{
        /* As many first kills as second ones. */
        size_t firsts = 1;
        while (firsts * firsts < (size_t)options.most && firsts < plan->count)
                firsts++;
        for (size_t i = 0; i < firsts; i++) {
                size_t index = firsts == 1 ? 0 : i * (plan->count - 1) / (firsts - 1);
                run_second(run, &plan->ways[index], (size_t)options.most / firsts + 1);
        }
}

static void run_sweep(const struct kill_sweep *sweep, struct sums *all)
{
        struct run run = { .sweep = sweep, .model.mode = KILL_ONCE };
        hay_time begun = hay_now();
        if (record(&run)) {
                uint32_t length = path->count;
                size_t most = options.mode == KILL_TWICE ? SIZE_MAX : (size_t)options.most;
                struct kill_plan plan =
                        kill_plan_make(path, options.at >= 0 ? SIZE_MAX : most, &options.seed);
                run.plan = &plan;
                run.model.mode = options.mode;
                if (options.mode == KILL_TWICE) {
                        run_twice(&run, &plan);
                } else {
                        make_found(&run);
                        run_positions(&run);
                        if (options.at < 0)
                                check_order(&run);
                }
                printf("%-46s %6u long %7lu positions %4ld ms %5ld s%s\n", sweep->name, length,
                       (unsigned long)run.sums.positions, (long)(run.sums.slowest / 1000000),
                       (long)((hay_now() - begun) / 1000000000),
                       run.sums.hangs + run.sums.torn + run.sums.leaks ? "  FAILED" : "");
                fflush(stdout);
                kill_plan_free(&plan);
                free(run.found);
        }
        add_up(all, &run.sums);
}

static bool is_wanted(const char *name)
{
        for (int i = 0; i < options.names; i++)
                if (strstr(name, options.name[i]))
                        return true;
        return options.names == 0;
}

static void usage(void)
{
        puts("sweep [--short] [--twice | --stop] [--most N] [--at K] [--seed S] [--jobs N] "
             "[--list] "
             "[NAME...]\n"
             "  Kill a victim at each instruction of each operation with NAME in its name.\n"
             "  --short   some positions of the long ones\n"
             "  --twice   kill a second one at each instruction of its recovery from the first\n"
             "  --stop    stop it instead, until the others' deadlines have passed\n"
             "  --most N  at most so many positions of each; first comings to an instruction come "
             "first\n"
             "  --at K    only position K\n"
             "  --seed S  which positions a sample has\n"
             "  --jobs N  stages at once (8)\n"
             "  --list    the names of the sweeps");
        exit(2);
}

static void parse(int argc, char **argv)
{
        static const struct option known[] = {
                { "short", no_argument, NULL, 's' },
                { "twice", no_argument, NULL, 't' },
                { "stop", no_argument, NULL, 'p' },
                { "most", required_argument, NULL, 'm' },
                { "at", required_argument, NULL, 'a' },
                { "seed", required_argument, NULL, 'r' },
                { "jobs", required_argument, NULL, 'j' },
                { "list", no_argument, NULL, 'l' },
                { 0 },
        };
        options.seed = (unsigned)(hay_now() / 1000);
        for (int c; (c = getopt_long(argc, argv, "", known, NULL)) >= 0;) {
                switch (c) {
                case 's':
                        options.brief = true;
                        break;
                case 't':
                        options.mode = KILL_TWICE;
                        break;
                case 'p':
                        options.mode = KILL_STOP;
                        break;
                case 'm':
                        options.most = atol(optarg);
                        break;
                case 'a':
                        options.at = atol(optarg);
                        break;
                case 'r':
                        options.seed = (unsigned)strtoul(optarg, NULL, 10);
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
        if (options.jobs < 1 || options.jobs > JOBS || options.most < 0)
                usage();
        if (!options.most)
                options.most = options.brief ? SHORT_POSITIONS : 1000000;
        options.names = argc - optind;
        options.name = argv + optind;
}

/* The same addresses in every run, so that a position means the same. */
static void fix_addresses(char **argv)
{
        int now = personality(0xffffffff);
        if (now < 0 || now & ADDR_NO_RANDOMIZE ||
            personality((unsigned)now | ADDR_NO_RANDOMIZE) < 0)
                return;
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
        fix_addresses(argv);
        hay_main(argc, argv);
        parse(argc, argv);
        verdicts = shared((JOBS + 1) * sizeof(*verdicts));
        path = shared(sizeof(*path));
        warm_up();
        struct sigaction action = { .sa_handler = on_tick };
        sigaction(SIGALRM, &action, NULL);
        struct itimerval timer = { .it_interval.tv_usec = 200000, .it_value.tv_usec = 200000 };
        struct sums all = { 0 };
        size_t swept = 0;
        if (!options.list) {
                setitimer(ITIMER_REAL, &timer, NULL);
                printf("seed: %u (--seed)\n", options.seed);
        }
        for (size_t i = 0; i < sweep_count; i++) {
                if (!is_wanted(sweeps[i]->name))
                        continue;
                swept++;
                if (options.list)
                        puts(sweeps[i]->name);
                else
                        run_sweep(sweeps[i], &all);
        }
        if (options.list)
                return swept ? 0 : 1;
        printf("kill: %lu positions, %lu hangs, %lu torn, %lu leaks, slowest recovery %ld ms\n",
               (unsigned long)all.positions, (unsigned long)all.hangs, (unsigned long)all.torn,
               (unsigned long)all.leaks, (long)(all.slowest / 1000000));
        return all.positions == 0 || all.hangs || all.torn || all.leaks;
}
