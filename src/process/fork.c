/* Start by fork: the child is a copy and goes on from here, in the function. libc's fork() is used,
 * so that everybody's fork handlers run, ours and the region's too. */
#include "process/start.h"

#include "process/child.h"
#include "process/exit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Also a copy for the child when the argument lies in shared memory: what is copied is what stands
 * there now. */
static int copy_argument(const struct hf_start *start, void **ret_copy)
{
        *ret_copy = start->argument;
        if (!start->argument_size)
                return 0;
        int r = hf_argument_space(start->argument_size, ret_copy);
        if (r == 0)
                memcpy(*ret_copy, start->argument, start->argument_size);
        return r;
}

_Noreturn static void begin(struct hay_process *process, const struct hf_start *start,
                            void *argument)
{
        int lifeline = process->fds[HF_ITS_LIFELINE];
        int status = process->fds[HF_ITS_STATUS];
        hf_forking = NULL;
        free(process);
        hf_purge_stdio();
        hf_become(&start->who);
        if (hf_hold(lifeline, status) < 0)
                hf_child_give_up();
        hf_child_run(start->function, argument, false);
}

static pid_t fork_child(struct hay_process *process)
{
        hf_forking = process;
        pid_t pid = hf_fork();
        if (pid == -EAGAIN) {
                /* Our own zombies may be what is too many. */
                hf_settle_all();
                pid = hf_fork();
        }
        return pid;
}

int hf_start_fork(struct hay_process *process, const struct hf_start *start)
{
        void *argument;
        int r = hf_handle_reserve(process);
        if (r == 0 && process->daemon)
                r = hf_handle_lifeline(process);
        if (r < 0)
                return r;
        r = copy_argument(start, &argument);
        if (r < 0)
                return r;
        pid_t pid = fork_child(process);
        if (pid == 0)
                begin(process, start, argument);
        hf_forking = NULL;
        if (start->argument_size)
                free(argument);
        if (pid < 0)
                return pid;
        hf_children_lock();
        /* Too late to fail: it may be in the function already. */
        hf_handle_born(process, pid);
        hf_children_unlock();
        return 0;
}
