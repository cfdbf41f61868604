/* A child's end: seen, reaped, told.
 *
 * Its end is certified by the kernel (a readable pidfd, or waitid), never by a clock. Whoever looks
 * first reaps it, within the list's lock, and keeps how it ended in the handle; so any number of
 * threads may join one child, again and again. A child of the forkserver is reaped by that, which
 * sends its end through the status socket; if the server was killed, the socket's end of file says
 * that nobody knows.
 *
 * A wait polls the sentinel outside the lock until the deadline. It may be readable a while before
 * the end can be had: the forkserver is about to send it; a debugger has the child; or, where there
 * is no pidfd, the child closed fds that it did not know. Then the wait is one of short naps. */
#include "process/handle.h"

#include "member/member.h"
#include "member/park.h"
#include "os/process.h"
#include "os/socket.h"

#include <errno.h>

#define NAP_MS 2
#define PIPE_SLICE_MS 50

static int sentinel_of(const struct hay_process *process)
{
        int fd = process->fds[HF_PIDFD];
        return fd >= 0 ? fd : process->fds[HF_STATUS];
}

/* True when the forkserver told how it ended, or can't any more. It is left to be read: the socket
 * may be the sentinel, and stay readable. */
static bool receive_end(struct hay_process *process)
{
        struct hf_end end;
        int r = hf_peek(process->fds[HF_STATUS], &end, sizeof(end));
        if (r == -ETIMEDOUT)
                return false;
        process->end = r == 0 ? end : (struct hf_end){ .code = -1 };
        return true;
}

bool hf_look(struct hay_process *process, bool exactly)
{
        if (process->ended)
                return true;
        int pidfd = process->fds[HF_PIDFD];
        if (!process->by_server) {
                process->ended = hf_reap(process->pid, pidfd, &process->end);
        } else {
                if (pidfd >= 0 && !hf_fd_readable(pidfd))
                        return false;
                process->ended = receive_end(process);
                if (!process->ended && pidfd >= 0 && !exactly)
                        return true;
        }
        if (process->ended)
                hf_handle_close_fd(process, HF_LIFELINE);
        return process->ended;
}

int hf_settle(struct hay_process *process, bool exactly, struct hay_exit *ret_exit)
{
        hf_children_lock();
        bool ended = hf_look(process, exactly);
        bool bury = ended && !process->buried;
        process->buried |= ended;
        struct hf_end end = process->end;
        pid_t pid = process->pid;
        hf_children_unlock();
        if (bury)
                hf_bury(pid);
        if (ended && ret_exit)
                *ret_exit = (struct hay_exit){ .code = end.code, .signal = end.signal };
        return ended;
}

void hf_settle_all(void)
{
        for (struct hay_process *p = hf_next_pinned(NULL); p; p = hf_next_pinned(p))
                hf_settle(p, false, NULL);
}

static hay_time sooner(hay_time deadline, int64_t milliseconds)
{
        hay_time slice = hay_in_ms(milliseconds);
        return deadline == HAY_FOREVER || deadline > slice ? slice : deadline;
}

/* Wait until it is worth while to look again; 0 or -ETIMEDOUT. *looks is how often it seemed to
 * have ended and yet was not. */
static int wait_for_end(struct hay_process *process, unsigned *looks, hay_time deadline)
{
        hf_children_lock();
        hf_handle_sentinel(process);
        int fd = sentinel_of(process);
        hf_children_unlock();
        hay_time until = process->fds[HF_PIDFD] >= 0 ? deadline : sooner(deadline, PIPE_SLICE_MS);
        if (hf_fd_readable(fd)) {
                if ((*looks)++ == 0)
                        return 0;
                fd = process->by_server ? process->fds[HF_STATUS] : -1;
                until = process->by_server ? deadline : sooner(deadline, NAP_MS);
        }
        int r = hf_wait_readable(&fd, 1, until);
        return r == -ETIMEDOUT && !hf_is_past(deadline) ? 0 : r;
}

int hay_process_join(hay_process *process, hay_time deadline, struct hay_exit *ret_exit)
{
        if (!process)
                return -EINVAL;
        if (!hf_is_ours(process))
                return -ECHILD;
        unsigned looks = 0;
        while (!hf_settle(process, true, ret_exit)) {
                int r = wait_for_end(process, &looks, deadline);
                if (r < 0)
                        return r;
        }
        return 0;
}

int hay_process_is_alive(hay_process *process)
{
        if (!process)
                return -EINVAL;
        if (!hf_is_ours(process))
                return -ECHILD;
        return !hf_settle(process, false, NULL);
}

int hay_process_sentinel(const hay_process *process)
{
        if (!process)
                return -EINVAL;
        if (!hf_is_ours(process))
                return -ECHILD;
        /* Nothing of it changes but that it gets the fd that it should have had from its birth. */
        struct hay_process *handle = (struct hay_process *)(uintptr_t)process;
        hf_children_lock();
        int r = hf_handle_sentinel(handle);
        int fd = sentinel_of(handle);
        hf_children_unlock();
        return r < 0 ? r : fd;
}
