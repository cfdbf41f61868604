/* SIGCHLD is blocked but in ppoll(), so that no end can slip through between reaping and waiting.
 */
#include "os/reaper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>

static struct sigaction old_child;
static struct sigaction old_interrupt;
static sigset_t old_mask;

static void ignore_it(int signal)
{
        (void)signal;
}

void hf_reaper_begin(void)
{
        struct sigaction action = { .sa_handler = ignore_it };
        sigset_t mask;
        sigemptyset(&action.sa_mask);
        sigemptyset(&mask);
        sigaddset(&mask, SIGCHLD);
        sigprocmask(SIG_BLOCK, &mask, &old_mask);
        sigaction(SIGCHLD, &action, &old_child);
        action.sa_handler = SIG_IGN;
        sigaction(SIGINT, &action, &old_interrupt);
}

void hf_reaper_end(void)
{
        sigaction(SIGCHLD, &old_child, NULL);
        sigaction(SIGINT, &old_interrupt, NULL);
        sigprocmask(SIG_SETMASK, &old_mask, NULL);
}

pid_t hf_reaper_next(struct hf_end *ret_end)
{
        int status;
        pid_t pid = waitpid(-1, &status, WNOHANG);
        if (pid <= 0)
                return 0;
        *ret_end = WIFEXITED(status) ? (struct hf_end){ .code = WEXITSTATUS(status) }
                                     : (struct hf_end){ .code = -1, .signal = WTERMSIG(status) };
        return pid;
}

bool hf_reaper_wait(int fd)
{
        struct pollfd entry = { .fd = fd, .events = POLLIN };
        sigset_t mask = old_mask;
        sigdelset(&mask, SIGCHLD);
        return ppoll(&entry, 1, NULL, &mask) > 0;
}
