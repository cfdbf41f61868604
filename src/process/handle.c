/* A handle's life: made and listed, given fds, its process born, started; freed when that has
 * ended. All fds are made and closed within the list's lock, so that no fork in another thread
 * takes one along unseen. */
#include "process/handle.h"

#include "base/checked.h"
#include "member/member.h"
#include "os/process.h"
#include "os/socket.h"
#include "process/list.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void hf_handle_close_fd(struct hay_process *process, int which)
{
        if (process->fds[which] >= 0)
                close(process->fds[which]);
        process->fds[which] = -1;
}

int hf_handle_new(const char *name, bool daemon, struct hay_process **ret_process)
{
        size_t size = strlen(name) + 1;
        struct hay_process *process = calloc(1, sizeof(*process) + size);
        if (!process)
                return -ENOMEM;
        process->generation = hf_generation();
        process->daemon = daemon;
        memcpy(process->name, name, size);
        for (int i = 0; i < HF_ALL_FDS; i++)
                process->fds[i] = -1;
        hf_children_lock();
        hf_list_add(process);
        hf_children_unlock();
        *ret_process = process;
        return 0;
}

void hf_handle_free(struct hay_process *process)
{
        hf_children_lock();
        for (int i = 0; i < HF_ALL_FDS; i++)
                hf_handle_close_fd(process, i);
        hf_list_drop(process);
        hf_children_unlock();
}

/* make() gives two ends, of which `first` goes to fds[0]. */
static int make_ends(struct hay_process *process, int (*make)(int ret_fds[2]), int first,
                     int second)
{
        int ends[2];
        hf_children_lock();
        int r = make(ends);
        if (r == 0) {
                process->fds[first] = ends[0];
                process->fds[second] = ends[1];
        }
        hf_children_unlock();
        return r;
}

int hf_handle_lifeline(struct hay_process *process)
{
        return make_ends(process, hf_pipe, HF_ITS_LIFELINE, HF_LIFELINE);
}

int hf_handle_channel(struct hay_process *process)
{
        return make_ends(process, hf_socket_pair, HF_CHANNEL, HF_ITS_CHANNEL);
}

int hf_handle_status(struct hay_process *process)
{
        return make_ends(process, hf_socket_pair, HF_STATUS, HF_ITS_STATUS);
}

int hf_handle_reserve(struct hay_process *process)
{
        hf_children_lock();
        int fd = hf_pidfd_open(getpid());
        if (fd >= 0)
                process->fds[HF_PIDFD] = fd;
        hf_children_unlock();
        if (fd >= 0)
                return 0;
        /* Old kernels don't know the call, some sandboxes forbid it. */
        if (fd != -ENOSYS && fd != -EPERM)
                return fd;
        return make_ends(process, hf_pipe, HF_STATUS, HF_ITS_STATUS);
}

/* A sentinel of one that has ended and is reaped: a pipe that nobody writes to. */
static int make_dead_sentinel(struct hay_process *process)
{
        int ends[2];
        int r = hf_pipe(ends);
        if (r < 0)
                return r;
        close(ends[1]);
        process->fds[HF_STATUS] = ends[0];
        return 0;
}

int hf_handle_born(struct hay_process *process, pid_t pid)
{
        process->pid = pid;
        if (process->fds[HF_PIDFD] < 0)
                return 0;
        hf_handle_close_fd(process, HF_PIDFD);
        return hf_handle_sentinel(process);
}

int hf_handle_sentinel(struct hay_process *process)
{
        if (process->fds[HF_PIDFD] >= 0 || process->fds[HF_STATUS] >= 0)
                return 0;
        if (process->ended)
                return make_dead_sentinel(process);
        int fd = hf_pidfd_open(process->pid);
        if (fd >= 0)
                process->fds[HF_PIDFD] = fd;
        if (fd != -ESRCH)
                return hf_min(fd, 0);
        /* It ended at once, and was reaped at once since SIGCHLD is ignored: nobody knows how. */
        process->ended = true;
        process->end.code = -1;
        return make_dead_sentinel(process);
}

void hf_handle_close_its(struct hay_process *process)
{
        for (int i = HF_OUR_FDS; i < HF_ALL_FDS; i++)
                hf_handle_close_fd(process, i);
}

void hf_handle_started(struct hay_process *process)
{
        hf_children_lock();
        hf_handle_close_its(process);
        hf_handle_close_fd(process, HF_CHANNEL);
        process->started = true;
        hf_children_unlock();
}

void hf_handle_failed(struct hay_process *process)
{
        /* The forkserver's child ends by itself when its channel is closed. */
        if (process->pid && !process->by_server && !process->ended) {
                hf_signal(process->pid, process->fds[HF_PIDFD], SIGKILL);
                hf_reap_wait(process->pid, process->fds[HF_PIDFD]);
                hf_bury(process->pid);
        }
        hf_handle_free(process);
}
