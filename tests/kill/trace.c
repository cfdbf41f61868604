/* Leading a victim to a position.
 *
 * A single step costs some 35 µs on a virtual machine, so that all positions of an operation of n
 * instructions would cost n²/2 of them. Instead the path is recorded once, by stepping; from then
 * on a debug register stops the victim at an instruction near the position, and only the rest is
 * stepped. Which instruction, and how often it comes before, is the driver's choice. Where the path
 * is not the same each time (spinning, numbers of other widths in /proc) the quick way may lead to
 * the end: that is told, and the driver takes the slow one.
 *
 * The operation stands between two int3 of ours. */
#include "run.h"

#include "member/member.h"

#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>

__asm__(".text\n"
        ".globl kill_begin_mark, kill_end_mark\n"
        "kill_begin_mark: int3\n ret\n"
        "kill_end_mark: int3\n ret\n");
void kill_begin_mark(void);
void kill_end_mark(void);

#define TICK_US 10000

static void on_tick(int signal)
{
        (void)signal;
}

/* While it ticks, a wait is interrupted now and then. */
void kill_tick(bool on)
{
        struct sigaction action = { .sa_handler = on_tick };
        sigaction(SIGALRM, &action, NULL);
        struct itimerval timer = { .it_interval.tv_usec = on ? TICK_US : 0,
                                   .it_value.tv_usec = on ? TICK_US : 0 };
        setitimer(ITIMER_REAL, &timer, NULL);
}

char kill_state_of(pid_t pid)
{
        char path[32];
        char text[512];
        snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        FILE *file = fopen(path, "re");
        if (!file)
                return '?';
        size_t n = fread(text, 1, sizeof(text) - 1, file);
        fclose(file);
        text[n] = '\0';
        const char *at = strrchr(text, ')');
        return at && at[1] ? at[2] : '?';
}

static uint64_t instruction_of(pid_t victim)
{
        return (uint64_t)ptrace(PTRACE_PEEKUSER, victim, offsetof(struct user_regs_struct, rip), 0);
}

static void break_at(pid_t victim, uint64_t address)
{
        ptrace(PTRACE_POKEUSER, victim, offsetof(struct user, u_debugreg[0]), address);
        ptrace(PTRACE_POKEUSER, victim, offsetof(struct user, u_debugreg[7]), address ? 1 : 0);
}

pid_t kill_victim(const struct kill_sweep *sweep, void (*operation)(void))
{
        pid_t victim = fork();
        if (victim == 0) {
                int r;
                signal(SIGALRM, SIG_DFL);
                /* Whether the victim asks must not depend on how fast it is led. */
                hf_region_credit = (struct hf_credit){ 1ull << 40, sweep->asks ? 0 : INT64_MAX };
                if (!sweep->stranger)
                        hf_self(&r);
                if (operation == sweep->operation && sweep->before)
                        sweep->before();
                ptrace(PTRACE_TRACEME, 0, 0, 0);
                kill_begin_mark();
                operation();
                kill_end_mark();
                _exit(0);
        }
        int status;
        if (victim < 0 || waitpid(victim, &status, 0) < 0 || !WIFSTOPPED(status) ||
            WSTOPSIG(status) != SIGTRAP)
                kill_torn("no victim: %s", strerror(errno));
        ptrace(PTRACE_SETOPTIONS, victim, 0, PTRACE_O_EXITKILL);
        return victim;
}

void kill_offer(pid_t *ret_pid)
{
        /* As for a victim of the stage's own. */
        hf_region_credit = (struct hf_credit){ 1ull << 40, INT64_MAX };
        __atomic_store_n(ret_pid, getpid(), __ATOMIC_SEQ_CST);
        raise(SIGSTOP);
        kill_begin_mark();
}

void kill_end(void)
{
        kill_end_mark();
}

/* It has stopped itself, or will soon. */
void kill_adopt(pid_t victim)
{
        int status = 0;
        while (kill_state_of(victim) != 'T')
                usleep(100);
        if (ptrace(PTRACE_ATTACH, victim, 0, 0) < 0)
                kill_torn("no victim: %s", strerror(errno));
        waitpid(victim, &status, __WALL);
        kill(victim, SIGCONT);
        for (;;) {
                ptrace(PTRACE_CONT, victim, 0, 0);
                if (waitpid(victim, &status, __WALL) != victim || !WIFSTOPPED(status))
                        kill_torn("the victim did not begin");
                if (WSTOPSIG(status) == SIGTRAP)
                        break;
        }
        ptrace(PTRACE_SETOPTIONS, victim, 0, PTRACE_O_EXITKILL);
}

/* Resume it and wait for its next stop. 0: stopped; 1: it sleeps in a call, where it was to stay; 2:
 * stopped after it had slept; -1: it has ended. */
static int go(pid_t victim, enum __ptrace_request request, const struct kill_sweep *sweep,
              bool stay_inside)
{
        int pass_on = 0;
        unsigned asleep = 0;
        bool resume = true;
        for (;;) {
                if (resume)
                        ptrace(request, victim, 0, pass_on);
                int status;
                pid_t r = waitpid(victim, &status, __WALL);
                if (r < 0 && errno == EINTR) {
                        resume = false;
                        asleep = kill_state_of(victim) == 'S' ? asleep + 1 : 0;
                        if (asleep == 2 && stay_inside)
                                return 1;
                        if (asleep % 8 == 2 && sweep->unblock)
                                sweep->unblock();
                        continue;
                }
                if (r < 0 || !WIFSTOPPED(status)) {
                        if (r == victim && WIFSIGNALED(status))
                                kill_torn("the victim crashed by signal %d", WTERMSIG(status));
                        return -1;
                }
                if (WSTOPSIG(status) == SIGTRAP)
                        return asleep >= 2 ? 2 : 0;
                if (WSTOPSIG(status) == SIGSEGV || WSTOPSIG(status) == SIGBUS ||
                    WSTOPSIG(status) == SIGABRT || WSTOPSIG(status) == SIGILL)
                        kill_torn("the victim crashed by signal %d at %#lx", WSTOPSIG(status),
                                  (unsigned long)instruction_of(victim));
                resume = true;
                pass_on = WSTOPSIG(status);
        }
}

static bool is_end(uint64_t at)
{
        return at == (uint64_t)(uintptr_t)kill_end_mark ||
               at == (uint64_t)(uintptr_t)kill_end_mark + 1;
}

/* The length of a repeated string instruction; 0 for any other. */
static unsigned repeated(uint64_t at)
{
        const unsigned char *code = (const unsigned char *)(uintptr_t)at;
        if (code[0] != 0xf3)
                return 0;
        unsigned width = code[1] == 0x48;
        unsigned char operation = code[1 + width];
        bool is_string =
                operation == 0xa4 || operation == 0xa5 || operation == 0xaa || operation == 0xab;
        return is_string ? 2 + width : 0;
}

/* One step, from `at`. A repeated string instruction steps once a round: two of them are enough,
 * then the rest is one step. `rounds` counts them, 0 at first. Results as go(). */
static int step(pid_t victim, const struct kill_sweep *sweep, uint64_t *at, unsigned *rounds)
{
        unsigned length = repeated(*at);
        int r;
        if (length && *rounds == 2) {
                break_at(victim, *at + length);
                r = go(victim, PTRACE_CONT, sweep, false);
                break_at(victim, 0);
        } else {
                r = go(victim, PTRACE_SINGLESTEP, sweep, false);
        }
        if (r < 0)
                return r;
        uint64_t next = instruction_of(victim);
        *rounds = next == *at ? *rounds + 1 : 0;
        *at = next;
        return r;
}

static enum kill_way_end lead(pid_t victim, const struct kill_sweep *sweep,
                              const struct kill_way *way)
{
        if (way->checkpoint) {
                break_at(victim, way->checkpoint);
                for (uint32_t i = 0; i < way->hits; i++) {
                        if (go(victim, PTRACE_CONT, sweep, false) < 0)
                                return KILL_GONE_ASTRAY;
                        if (instruction_of(victim) != way->checkpoint)
                                return KILL_GONE_ASTRAY;
                }
                break_at(victim, 0);
        }
        uint64_t at = instruction_of(victim);
        unsigned rounds = 0;
        for (uint32_t i = 0; i < way->steps; i++)
                if (step(victim, sweep, &at, &rounds) < 0 || is_end(at))
                        return KILL_AT_END;
        if (way->inside && go(victim, PTRACE_SINGLESTEP, sweep, true) != 1)
                return KILL_GONE_ASTRAY;
        return KILL_AT_POSITION;
}

enum kill_way_end kill_lead(pid_t victim, const struct kill_sweep *sweep,
                            const struct kill_way *way, uint64_t *ret_at)
{
        kill_tick(true);
        enum kill_way_end end = lead(victim, sweep, way);
        kill_tick(false);
        if (!way->inside)
                *ret_at = instruction_of(victim);
        return end;
}

void kill_record(pid_t victim, const struct kill_sweep *sweep, struct kill_path *path)
{
        path->count = 0;
        path->too_long = false;
        uint64_t at = instruction_of(victim);
        unsigned rounds = 0;
        kill_tick(true);
        while (!is_end(at)) {
                if (path->count == KILL_PATH_MOST) {
                        path->too_long = true;
                        break;
                }
                path->instruction[path->count] = at;
                int r = step(victim, sweep, &at, &rounds);
                if (r == 2)
                        path->instruction[path->count] |= KILL_SLEPT;
                path->count++;
                if (r < 0)
                        break;
        }
        kill_tick(false);
}

void kill_let_go(pid_t victim, const struct kill_sweep *sweep)
{
        kill_tick(true);
        while (go(victim, PTRACE_CONT, sweep, false) >= 0)
                if (is_end(instruction_of(victim))) {
                        ptrace(PTRACE_DETACH, victim, 0, 0);
                        break;
                }
        kill_tick(false);
}

void kill_reap(pid_t victim)
{
        int status;
        while (waitpid(victim, &status, __WALL) == victim && !WIFEXITED(status) &&
               !WIFSIGNALED(status))
                ;
}
