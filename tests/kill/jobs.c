/* Several stages at once, since most of them wait for the end of somebody's slice. */
#include "jobs.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>

struct job {
        pid_t pid;
        size_t index; /* of the position in the plan */
        hay_time until;
        bool stalled; /* the machine stood still meanwhile */
        int starved;  /* so often it was late for want of a processor */
        struct kill_position position;
};

static struct job jobs[KILL_JOBS];
static int job_count;
static hay_time last_awake;
static unsigned again;                /* tries that the machine was too slow for */
static struct kill_verdict *verdicts; /* one a job, shared with its stage */

void *kill_share(size_t size)
{
        void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
                abort();
        return memory;
}

unsigned kill_jobs_again(void)
{
        return again;
}

static void on_tick(int signal)
{
        (void)signal;
}

/* The tick ends waits, so that deadlines are looked at. */
void kill_jobs_prepare(int count)
{
        job_count = count;
        verdicts = kill_share((KILL_JOBS + 1) * sizeof(*verdicts));
        struct sigaction action = { .sa_handler = on_tick };
        sigaction(SIGALRM, &action, NULL);
        struct itimerval timer = { .it_interval.tv_usec = 200000, .it_value.tv_usec = 200000 };
        setitimer(ITIMER_REAL, &timer, NULL);
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

static void tell_failure(struct kill_run *run, const struct job *job,
                         const struct kill_verdict *verdict)
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

static void start(struct kill_run *run, struct job *job, struct kill_verdict *verdict)
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

static void judge(struct kill_run *run, struct job *job, const struct kill_verdict *verdict)
{
        struct kill_sums *sums = &run->sums;
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
        for (int i = 0; i < job_count; i++) {
                jobs[i].stalled = true;
                jobs[i].until += gap;
        }
}

/* A stage has ended, or was ended: judge it, or try again. */
static void finish(struct kill_run *run, struct job *job, struct kill_verdict *verdict)
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
        if (verdict->outcome == KILL_STARVED && ++job->starved == KILL_STARVED_MOST)
                verdict->outcome = KILL_HANG;
        if (verdict->outcome == KILL_STARVED ||
            (job->stalled && verdict->outcome <= KILL_HANG && verdict->outcome != KILL_FINE)) {
                again++;
                start(run, job, verdict);
                return;
        }
        judge(run, job, verdict);
        job->pid = 0;
}

static void wait_for_jobs(struct kill_run *run)
{
        int status;
        pid_t pid = waitpid(-1, &status, 0);
        watch_machine();
        for (int i = 0; i < job_count; i++) {
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
        for (int i = 0; i < job_count; i++)
                if (!jobs[i].pid)
                        return &jobs[i];
        return NULL;
}

static bool any_job(void)
{
        for (int i = 0; i < job_count; i++)
                if (jobs[i].pid)
                        return true;
        return false;
}

void kill_jobs_run(struct kill_run *run, long only)
{
        last_awake = 0;
        for (size_t i = 0; i < run->plan->count; i++) {
                if (only >= 0 && run->plan->position[i] != (uint32_t)only)
                        continue;
                struct job *job;
                while (!(job = free_job()))
                        wait_for_jobs(run);
                job->index = i;
                job->starved = 0;
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

bool kill_jobs_record(struct kill_run *run, struct kill_path *path)
{
        int status;
        struct kill_verdict *verdict = &verdicts[KILL_JOBS];
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
