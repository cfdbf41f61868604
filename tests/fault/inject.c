/* Answering in the kernel's place. The victim stops at each of its system calls, by ptrace. The one
 * that is to fail gets a number that no call has, so that nothing is done, and its result becomes
 * the error. That catches the C library's own calls as well as ours. */
#include "fault.h"

#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>

#include <linux/futex.h>
#include <linux/ptrace.h>

#define SYSCALL_STOP (SIGTRAP | 0x80)

struct lead {
        pid_t victim;
        const struct kill_sweep *sweep;
        const struct fault *fault;
        struct fault_run *run;
        bool fails; /* the call that it is in */
};

static void set_register(pid_t victim, size_t offset, long value)
{
        ptrace(PTRACE_POKEUSER, victim, offset, value);
}

static bool is_to_fail(const struct lead *lead, long call)
{
        const struct fault *fault = lead->fault;
        if (!fault->number || call != fault->call)
                return false;
        return fault->from_then_on ? lead->run->count >= fault->number
                                   : lead->run->count == fault->number;
}

static void on_entry(struct lead *lead, long call)
{
        struct fault_run *run = lead->run;
        lead->fails = false;
        if (!__atomic_load_n(&run->counting, __ATOMIC_SEQ_CST))
                return;
        if (run->count < FAULT_CALLS)
                run->call[run->count] = (short)call;
        run->count++;
        if (!is_to_fail(lead, call))
                return;
        run->hit = true;
        if (call == SYS_brk) {
                /* It fails by returning where the heap ends already. */
                set_register(lead->victim, offsetof(struct user_regs_struct, rdi), 0);
                return;
        }
        if (!fault_is_done_anyway(call))
                set_register(lead->victim, offsetof(struct user_regs_struct, orig_rax), -1);
        lead->fails = true;
}

static void on_exit_of_call(struct lead *lead)
{
        if (lead->fails)
                set_register(lead->victim, offsetof(struct user_regs_struct, rax),
                             -lead->fault->error);
        lead->fails = false;
}

static void on_call(struct lead *lead)
{
        struct __ptrace_syscall_info info;
        ptrace(PTRACE_GET_SYSCALL_INFO, lead->victim, sizeof(info), &info);
        /* The C library's own locks take no error for possible that the kernel does not give. */
        bool is_its_lock = info.op == PTRACE_SYSCALL_INFO_ENTRY && info.entry.nr == SYS_futex &&
                           (info.entry.args[1] & FUTEX_PRIVATE_FLAG);
        if (info.op == PTRACE_SYSCALL_INFO_ENTRY && !is_its_lock)
                on_entry(lead, (long)info.entry.nr);
        else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
                on_exit_of_call(lead);
}

static void told_of_crash(struct lead *lead, int signal)
{
        lead->run->crashed = true;
        kill_torn("crashed by signal %d", signal);
}

/* Whether it goes on, and with which signal. */
static bool on_stop(struct lead *lead, int status, int *ret_signal)
{
        *ret_signal = 0;
        if (!WIFSTOPPED(status)) {
                if (WIFSIGNALED(status))
                        told_of_crash(lead, WTERMSIG(status));
                return false;
        }
        switch (WSTOPSIG(status)) {
        case SYSCALL_STOP:
                on_call(lead);
                return true;
        case SIGTRAP:
                return false;
        case SIGSEGV:
        case SIGBUS:
        case SIGABRT:
        case SIGILL:
        case SIGFPE:
                told_of_crash(lead, WSTOPSIG(status));
                return false;
        default:
                *ret_signal = WSTOPSIG(status);
                return true;
        }
}

void fault_lead(pid_t victim, const struct kill_sweep *sweep, const struct fault *fault,
                struct fault_run *run)
{
        struct lead lead = { victim, sweep, fault, run, false };
        unsigned asleep = 0;
        int signal = 0;
        ptrace(PTRACE_SETOPTIONS, victim, 0, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD);
        kill_tick(true);
        for (bool resume = true;;) {
                if (resume)
                        ptrace(PTRACE_SYSCALL, victim, 0, signal);
                int status;
                pid_t r = waitpid(victim, &status, __WALL);
                resume = r == victim;
                if (r == victim && !on_stop(&lead, status, &signal))
                        break;
                if (r < 0 && errno != EINTR)
                        break;
                if (r < 0) {
                        asleep = kill_state_of(victim) == 'S' ? asleep + 1 : 0;
                        if (asleep % 8 == 2 && sweep->unblock)
                                sweep->unblock();
                }
        }
        kill_tick(false);
}
