/* What things cost here, each measured for a few milliseconds: medians, so that a few disturbed
 * rounds don't matter. Not a benchmark; only the order of magnitude is told.
 *
 * The two words on separate cache lines go up in turns: the parent's, then the child's. */
#include "checks.h"
#include "cli.h"
#include "statistics.h"

#include <hayfork.h>

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 41
#define TURNS 200 /* in a round of spinning */
#define BUDGET_MS 200

struct table {
        _Alignas(128) uint32_t ball;   /* from the parent */
        _Alignas(128) uint32_t answer; /* from the child */
};

static char *time_text(double ns)
{
        if (ns < 1000)
                return cli_format("%.0f ns", ns);
        return ns < 1e6 ? cli_format("%.1f us", ns / 1e3) : cli_format("%.1f ms", ns / 1e6);
}

/* Takes the values in nanoseconds. */
static void tell(struct checks *checks, const char *name, double *values, size_t count,
                 const char *meaning)
{
        struct summary summary;
        if (!count)
                return;
        statistics_summarize(values, count, &summary);
        checks_add(checks, CHECK_OK, name, time_text(summary.median), cli_format("%s", meaning));
}

static void measure_call(struct checks *checks)
{
        double values[ROUNDS];
        for (size_t i = 0; i < ROUNDS; i++) {
                hay_time before = hay_now();
                for (int k = 0; k < 100; k++)
                        syscall(SYS_getppid);
                values[i] = (double)(hay_now() - before) / 100;
        }
        tell(checks, "system call", values, ROUNDS,
             "What an uncontended lock or a message does not pay: they stay out of the kernel.");
}

static void measure_fork(struct checks *checks)
{
        double values[ROUNDS];
        size_t count = 0;
        hay_time until = hay_in_ms(BUDGET_MS);
        while (count < ROUNDS && hay_now() < until) {
                hay_time before = hay_now();
                pid_t pid = fork();
                if (pid == 0)
                        _exit(0);
                if (pid < 0)
                        break;
                waitpid(pid, NULL, 0);
                values[count++] = (double)(hay_now() - before);
        }
        tell(checks, "process from start to end", values, count,
             "Give a process much more work than that, or keep workers in a pool.");
}

static void measure_page(struct checks *checks)
{
        double values[ROUNDS];
        size_t size = (size_t)sysconf(_SC_PAGESIZE);
        for (size_t i = 0; i < ROUNDS; i++) {
                size_t pages = 16;
                unsigned char *memory = mmap(NULL, pages * size, PROT_READ | PROT_WRITE,
                                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
                if (memory == MAP_FAILED)
                        return;
                hay_time before = hay_now();
                for (size_t page = 0; page < pages; page++)
                        memory[page * size] = 1;
                values[i] = (double)(hay_now() - before) / (double)pages;
                munmap(memory, pages * size);
        }
        tell(checks, "first touch of a shared page", values, ROUNDS,
             "Memory that is used again is quicker than fresh memory.");
}

/* Wait until a word has a value: by spinning or asleep. False when the time is over. */
static bool await(const uint32_t *word, uint32_t value, bool spins, hay_time until)
{
        uint32_t seen;
        struct timespec slice = { .tv_nsec = 50 * 1000000 };
        for (unsigned tries = 1; (seen = __atomic_load_n(word, __ATOMIC_ACQUIRE)) != value;
             tries++) {
                if (!spins)
                        syscall(SYS_futex, word, FUTEX_WAIT, seen, &slice, NULL, 0);
                if ((!spins || tries % 1024 == 0) && hay_now() > until)
                        return false;
        }
        return true;
}

static void send(uint32_t *word, uint32_t value, bool spins)
{
        __atomic_store_n(word, value, __ATOMIC_RELEASE);
        if (!spins)
                syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

/* Stay on the first or the second processor of those allowed, where there are as many: else the
 * kernel likes to put both sides on one. */
static void stay_on(int wanted, const cpu_set_t *allowed)
{
        cpu_set_t one;
        CPU_ZERO(&one);
        for (size_t i = 0; i < CPU_SETSIZE; i++)
                if (CPU_ISSET(i, allowed) && wanted-- == 0) {
                        CPU_SET(i, &one);
                        sched_setaffinity(0, sizeof(one), &one);
                }
}

/* The child's part: answer each turn until there is no more. */
static _Noreturn void answer(struct table *table, uint32_t turns, bool spins, hay_time until)
{
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (uint32_t turn = 1; turn <= turns; turn++) {
                if (!await(&table->ball, turn, spins, until))
                        break;
                send(&table->answer, turn, spins);
        }
        _exit(0);
}

/* ROUNDS times `turns` turns with a child; how many rounds there were in time. */
static size_t play(uint32_t turns, bool spins, double *ret_ns)
{
        size_t count = 0;
        hay_time until = hay_in_ms(BUDGET_MS);
        struct table *table = mmap(NULL, sizeof(*table), PROT_READ | PROT_WRITE,
                                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (table == MAP_FAILED)
                return 0;
        cpu_set_t allowed;
        CPU_ZERO(&allowed);
        sched_getaffinity(0, sizeof(allowed), &allowed);
        pid_t pid = fork();
        if (pid == 0) {
                stay_on(1, &allowed);
                answer(table, ROUNDS * turns, spins, until);
        }
        stay_on(0, &allowed);
        bool in_time = pid > 0;
        for (uint32_t turn = 0; in_time && count < ROUNDS; count += in_time) {
                hay_time before = hay_now();
                for (uint32_t last = turn + turns; in_time && turn < last;) {
                        send(&table->ball, ++turn, spins);
                        in_time = await(&table->answer, turn, spins, until);
                }
                /* There and back: half of it is one way. */
                ret_ns[count] = (double)(hay_now() - before) / (2.0 * turns);
        }
        if (pid > 0) {
                kill(pid, SIGKILL);
                waitpid(pid, NULL, 0);
        }
        sched_setaffinity(0, sizeof(allowed), &allowed);
        munmap(table, sizeof(*table));
        return count;
}

static void measure_handing_over(struct checks *checks)
{
        double values[ROUNDS];
        size_t count = play(1, false, values);
        tell(checks, "waking a process that sleeps", values, count,
             "So waits spin for about as long before they sleep, where a processor is to spare.");
        if (hay_cpu_count() < 2)
                return;
        count = play(TURNS, true, values);
        tell(checks, "handing over to a process that spins", values, count,
             "What a lock or a message can cost at best between two processors.");
}

void probe_costs(struct checks *checks)
{
        checks->group = "costs";
        measure_call(checks);
        measure_handing_over(checks);
        measure_page(checks);
        measure_fork(checks);
}
