/* One position, in a process and a region of its own: the state, the companion that sleeps already,
 * the victim, its end, and then what the survivors find. */
#include "run.h"

#include "../kit/fds.h"
#include "../kit/starved.h"
#include "member/member.h"

#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

void (*kill_objection)(const char *message);
static struct kill_verdict *told;
static struct hay_audit before;
static int fds_before;
static long more_blocks;
static pid_t companion;        /* 0: none, or it has ended */
static int64_t starved_before; /* when the victim died */
static int64_t ended_starved;  /* those that have ended, by their end */

/* For how long those who are to recover had no processor. */
static int64_t starved(void)
{
        int64_t others = companion ? kit_starved(companion) : 0;
        return kit_starved(0) + others + ended_starved - starved_before;
}

int kill_wait(pid_t pid)
{
        int status;
        siginfo_t info;
        while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
                ;
        ended_starved += kit_starved(pid);
        return waitpid(pid, &status, 0) == pid ? status : -1;
}

void kill_begin_recovery(void)
{
        told->since = hay_now();
        starved_before = 0;
        starved_before = starved();
}

void kill_end_recovery(void)
{
        told->recovery = hay_now() - told->since - starved();
}

static void tell(enum kill_outcome outcome, const char *format, va_list arguments)
{
        if (kill_objection) {
                char message[sizeof(told->message)];
                vsnprintf(message, sizeof(message), format, arguments);
                kill_objection(message);
        } else if (told->outcome == KILL_NOTHING) {
                vsnprintf(told->message, sizeof(told->message), format, arguments);
                told->outcome = outcome;
                if (outcome == KILL_HANG && starved() > KILL_LIMIT / 10)
                        told->outcome = KILL_STARVED;
        }
        _exit(1);
}

#define TELLER(name, outcome) \
        void name(const char *format, ...) \
        { \
                va_list arguments; \
                va_start(arguments, format); \
                tell(outcome, format, arguments); \
                va_end(arguments); \
                _exit(1); \
        }
TELLER(kill_torn, KILL_TORN)
TELLER(kill_hang, KILL_HANG)
TELLER(kill_leak, KILL_LEAK)

bool kill_was_asleep(void)
{
        return told->inside;
}

void kill_keep_blocks(long more)
{
        more_blocks = more;
}

static struct hay_audit audit(void)
{
        struct hay_audit sum;
        int r = hay_audit(&sum);
        kill_expect(r == 0, "the audit says %d", r);
        return sum;
}

long kill_more_blocks(void)
{
        return (long)audit().blocks - (long)before.blocks;
}

void kill_one_by(void (*last_deed)(void))
{
        fflush(NULL);
        pid_t pid = fork();
        if (pid == 0) {
                last_deed();
                raise(SIGKILL);
        }
        int status;
        kill_expect(pid > 0 && waitpid(pid, &status, 0) == pid && WIFSIGNALED(status),
                    "one that should die in the state before did not");
}

void kill_await_orphans(void)
{
        int status;
        hay_time until = hay_in_ms(1000);
        for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) >= 0;) {
                if (!pid)
                        usleep(500);
                if (hay_now() > until)
                        kill_leak("what the dead started still runs");
        }
}

static void nap(long microseconds)
{
        struct timespec span = { 0, microseconds * 1000 };
        nanosleep(&span, NULL);
}

static void start_companion(const struct kill_sweep *sweep)
{
        if (!sweep->companion)
                return;
        pid_t pid = fork();
        if (pid == 0)
                _exit(sweep->companion());
        companion = pid;
        hay_time until = hay_in_ms(2000);
        for (int asleep = 0; asleep < 3;) {
                nap(300);
                char state = kill_state_of(pid);
                asleep = state == 'S' ? asleep + 1 : 0;
                kill_expect(state != 'Z' && hay_now() < until, "the companion does not sleep");
        }
}

void kill_end_companion(hay_time since)
{
        if (!companion)
                return;
        int status;
        siginfo_t info = { 0 };
        while (waitid(P_PID, (id_t)companion, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
               !info.si_pid) {
                if (hay_now() - since > KILL_LIMIT)
                        kill_hang("the companion still waits");
                nap(500);
        }
        pid_t pid = companion;
        companion = 0;
        status = kill_wait(pid);
        if (told->outcome != KILL_NOTHING)
                _exit(1);
        kill_expect(status == 0, "the companion ended with %s %d",
                    WIFSIGNALED(status) ? "signal" : "code",
                    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

void kill_check_leaks(void)
{
        int status;
        pid_t left = waitpid(-1, &status, WNOHANG);
        if (left >= 0 || errno != ECHILD)
                kill_leak("a child is left: %d", (int)left);
        struct hay_audit after = audit();
        if (after.dead_members)
                kill_leak("%u dead members are not buried", after.dead_members);
        if (after.members != 1)
                kill_leak("%u members, and only one is alive", after.members);
        long more = (long)after.blocks - (long)before.blocks;
        if (more != more_blocks)
                kill_leak("%ld blocks more than before, not %ld", more, more_blocks);
        int fds = kit_count_fds();
        if (fds != fds_before)
                kill_leak("%d fds, %d before", fds, fds_before);
}

static void audit_it(void)
{
        audit();
}

/* Until the victim stands before its operation and the companion sleeps. */
pid_t kill_begin(const struct kill_sweep *sweep, struct kill_verdict *verdict)
{
        int r;
        told = verdict;
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        /* A machine that is short of memory for others' sake is no matter here. */
        hf_region_credit = (struct hf_credit){ 1ull << 40, INT64_MAX };
        sweep->prepare();
        kill_expect(hf_self(&r), "the stage could not join: %d", r);
        before = audit();
        fds_before = kit_count_fds();
        if (sweep->spoil)
                sweep->spoil();
        pid_t victim;
        if (sweep->adopt) {
                victim = sweep->adopt();
                kill_adopt(victim);
        } else {
                victim = kill_victim(sweep, sweep->operation);
        }
        start_companion(sweep);
        return victim;
}

static void end_victim(pid_t victim, bool late)
{
        siginfo_t info;
        kill(victim, SIGKILL);
        /* It dies when the machine comes to it. */
        waitid(P_PID, (id_t)victim, &info, WEXITED | WNOWAIT | __WALL);
        kill_begin_recovery();
        if (!late)
                kill_reap(victim);
}

/* To its position. Ends the stage when it can't be reached. */
static void lead(pid_t victim, const struct kill_sweep *sweep, const struct kill_way *way)
{
        if (kill_lead(victim, sweep, way, &told->at) == KILL_GONE_ASTRAY) {
                told->outcome = KILL_STRAYED;
                kill(victim, SIGKILL);
                _exit(0);
        }
        if (told->outcome != KILL_NOTHING)
                _exit(1);
        told->inside = way->inside;
}

static void stop_it(pid_t victim, const struct kill_sweep *sweep)
{
        kill_begin_recovery();
        if (sweep->meanwhile)
                sweep->meanwhile();
        if (hay_now() - told->since > KILL_LIMIT)
                kill_hang("with the victim stopped, deadlines did not hold");
        kill_let_go(victim, sweep);
        kill_reap(victim);
        told->inside = false;
        kill_begin_recovery();
}

static pid_t second_victim(const struct kill_sweep *sweep)
{
        return kill_victim(sweep, sweep->recover ? sweep->recover : audit_it);
}

void kill_play(const struct kill_sweep *sweep, const struct kill_position *position,
               struct kill_verdict *verdict)
{
        pid_t victim = kill_begin(sweep, verdict);
        lead(victim, sweep, &position->first);
        /* The parent of an adopted one learns of its death when its tracer has. */
        bool late = position->reap_late && position->mode != KILL_STOP && !sweep->adopt;
        if (position->mode == KILL_STOP)
                stop_it(victim, sweep);
        else
                end_victim(victim, late);
        if (position->mode == KILL_TWICE) {
                pid_t second = second_victim(sweep);
                lead(second, sweep, &position->second);
                end_victim(second, false);
        }
        if (!sweep->patient)
                kill_end_companion(verdict->since);
        verdict->found = sweep->survive();
        kill_end_recovery();
        if (sweep->patient)
                kill_end_companion(hay_now());
        if (late)
                kill_reap(victim);
        kill_check_leaks();
        if (verdict->outcome == KILL_NOTHING && verdict->recovery > KILL_LIMIT)
                kill_hang("the survivors took %ld ms", (long)(verdict->recovery / 1000000));
        if (verdict->outcome == KILL_NOTHING)
                verdict->outcome = KILL_FINE;
        _exit(0);
}

void kill_rehearse(const struct kill_sweep *sweep, const struct kill_position *position,
                   struct kill_verdict *verdict, struct kill_path *path)
{
        pid_t victim = kill_begin(sweep, verdict);
        if (position->mode == KILL_TWICE) {
                lead(victim, sweep, &position->first);
                end_victim(victim, position->reap_late && !sweep->adopt);
                victim = second_victim(sweep);
        }
        kill_record(victim, sweep, path);
        if (verdict->outcome == KILL_NOTHING)
                verdict->outcome = KILL_FINE;
        _exit(0);
}
