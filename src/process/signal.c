/* Telling a child to end, and what a handle says of it. */
#include "process/handle.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

int hf_send_signal(struct hay_process *process, int signal)
{
        if (!process)
                return -EINVAL;
        if (!hf_is_ours(process))
                return -ECHILD;
        if (hf_settle(process, false, NULL))
                return 0;
        hf_children_lock();
        int r = process->ended ? 0 : hf_signal(process->pid, process->fds[HF_PIDFD], signal);
        hf_children_unlock();
        return r;
}

int hay_process_terminate(hay_process *process)
{
        return hf_send_signal(process, SIGTERM);
}

int hay_process_kill(hay_process *process)
{
        return hf_send_signal(process, SIGKILL);
}

int hay_process_interrupt(hay_process *process)
{
        return hf_send_signal(process, SIGINT);
}

pid_t hay_process_pid(const hay_process *process)
{
        return process ? process->pid : -EINVAL;
}

const char *hay_process_name(const hay_process *process)
{
        return process ? process->name : NULL;
}

int hay_process_daemon(const hay_process *process)
{
        return process ? process->daemon : -EINVAL;
}

int hay_process_close(hay_process *process)
{
        if (!process)
                return 0;
        /* Of an inherited handle only the memory is left: the fds were closed in the fork. */
        if (!hf_is_ours(process)) {
                free(process);
                return 0;
        }
        if (!hf_settle(process, false, NULL))
                return -EBUSY;
        hf_handle_free(process);
        return 0;
}
